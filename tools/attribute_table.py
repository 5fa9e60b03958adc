#!/usr/bin/env python3
"""Writes engine/ops/attribute_table.cc: the attributes of every operator of the pinned `onnx`.

  attribute_table.py [--check]    --check writes nothing, and fails if the file would change
"""

import sys
from pathlib import Path

import deps

SKIPPED = 77  # what CTest takes for a skipped test

# As engine/frontend/graph_importer.cc knows them.
LETTERS = {"FLOAT": "f", "INT": "i", "STRING": "s", "TENSOR": "t", "GRAPH": "g", "FLOATS": "F",
           "INTS": "I", "STRINGS": "S", "TENSORS": "T", "GRAPHS": "G", "SPARSE_TENSOR": "p",
           "SPARSE_TENSORS": "P", "TYPE_PROTO": "y", "TYPE_PROTOS": "Y"}
HEAD = """// Written by tools/attribute_table.py from the schemas of onnx {version}: do not edit.
#include "engine/ops/attribute_table.h"

namespace wnn::ops {{

// Sorted by domain and name. Attributes of all versions: "name:types", a letter a type.
// clang-format off
constexpr AttributeRow kRows[] = {{
{rows}
}};
// clang-format on

std::span<const AttributeRow> AttributeRows() {{ return kRows; }}

}}  // namespace wnn::ops
"""


def table(defs):
    operators = {}
    for schema in defs.get_all_schemas_with_history():
        attributes = operators.setdefault((schema.domain, schema.name), {})
        for name, attribute in schema.attributes.items():
            attributes.setdefault(name, set()).add(LETTERS[attribute.type.name])
    rows = []
    for (domain, name), attributes in sorted(operators.items()):
        text = " ".join(f"{a}:{''.join(sorted(types))}" for a, types in sorted(attributes.items()))
        rows.append(f'    {{"{domain}", "{name}", "{text}"}},')
    return "\n".join(rows)


def main():
    check = "--check" in sys.argv[1:]
    if check and not deps.conformance_dir().exists():
        print("the pinned onnx package is not in the cache; `make setup` fetches it")
        sys.exit(SKIPPED)
    sys.path.insert(0, str(deps.python_packages("onnx-suite")))
    import onnx

    path = Path(__file__).resolve().parent.parent / "engine/ops/attribute_table.cc"
    text = HEAD.format(version=onnx.__version__, rows=table(onnx.defs))
    if not check:
        path.write_text(text)
    elif path.read_text() != text:
        sys.exit(f"{path} is not what onnx {onnx.__version__} says; run tools/attribute_table.py")


if __name__ == "__main__":
    main()
