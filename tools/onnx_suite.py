#!/usr/bin/env python3
"""Writes ONNX's backend-test suite, as the `onnx` package on PYTHONPATH defines it.

  onnx_suite.py --output DIR
  onnx_suite.py --output DIR --wheel WHEEL    the suite of another version, out of its wheel

An older package carries all its cases as files, so that it need not run here.

  DIR/<kind>/<case>/model.onnx
  DIR/<kind>/<case>/test_data_set_<n>/{input,output}_<m>.pb
  DIR/index.json   [{"name": "<kind>/<case>", "operators": [...], "rtol": r, "atol": a}, ...]

The package's own `backend-test-tools generate-data` leaves out the node cases.
"""

import argparse
import json
import shutil
import tempfile
import warnings
import zipfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

# What onnx's own runner assumes where a case says nothing.
DEFAULT_RTOL, DEFAULT_ATOL = 1e-3, 1e-7


def to_proto(value, info):
    """The message that holds a case's value, whose type a graph's input or output declares."""
    kind = info.type.WhichOneof("value")
    if kind == "map_type":
        return numpy_helper.from_dict(value, info.name)
    if kind == "sequence_type":
        return numpy_helper.from_list(value, info.name)
    if kind == "optional_type":
        return numpy_helper.from_optional(value, info.name)
    if isinstance(value, TensorProto):
        proto = TensorProto()
        proto.CopyFrom(value)
        proto.name = proto.name or info.name
        return proto
    return numpy_helper.from_array(np.asarray(value), info.name)


def operators(nodes):
    """Every operator of these nodes and of their subgraphs, with its domain unless it is ai.onnx."""
    found = set()
    for node in nodes:
        domain = "" if node.domain in ("", "ai.onnx") else node.domain + "."
        found.add(domain + node.op_type)
        for attribute in node.attribute:
            for graph in [attribute.g, *attribute.graphs]:
                found |= operators(graph.node)
    return found


class Writer:
    def __init__(self, root):
        self.root = root
        self.index = {}

    def add(self, kind, name, model, tolerances):
        rtol, atol = tolerances
        self.index[f"{kind}/{name}"] = {
            "name": f"{kind}/{name}", "operators": sorted(operators(model.graph.node)),
            "rtol": rtol, "atol": atol}

    def defined_in_python(self, case):
        folder = self.root / case.kind / case.name
        folder.mkdir(parents=True)
        (folder / "model.onnx").write_bytes(case.model.SerializeToString())
        graph = case.model.graph
        for number, data_set in enumerate(case.data_sets):
            data = folder / f"test_data_set_{number}"
            data.mkdir()
            for what, values, infos in zip(("input", "output"), data_set, (graph.input, graph.output)):
                for i, (value, info) in enumerate(zip(values, infos)):
                    (data / f"{what}_{i}.pb").write_bytes(to_proto(value, info).SerializeToString())
        self.add(case.kind, case.name, case.model,
                 (case.rtol or DEFAULT_RTOL, DEFAULT_ATOL if case.atol is None else case.atol))

    def files_of(self, package, kinds):
        """The cases that a package carries as files."""
        for kind in kinds:
            for source in sorted((package / kind).iterdir()):
                if source.is_dir():
                    self.of_the_package(kind, source)
        # Without these, the real networks of the same names would have to be downloaded.
        if (package / "light").is_dir():
            for source in sorted((package / "real").iterdir()):
                self.light(source, package / "light")

    def of_the_package(self, kind, source):
        """A case whose files the package carries."""
        if f"{kind}/{source.name}" in self.index:
            return
        shutil.copytree(source, self.root / kind / source.name)
        stated = json.loads((source / "data.json").read_text()) if (
            source / "data.json").exists() else {}
        self.add(kind, source.name, onnx.load(source / "model.onnx"),
                 (stated.get("rtol", DEFAULT_RTOL), stated.get("atol", DEFAULT_ATOL)))

    def light(self, source, light):
        """A network with constant weights, whose input is made here as onnx's own runner makes it."""
        stated = json.loads((source / "data.json").read_text())
        folder = self.root / "light" / source.name
        data = folder / "test_data_set_0"
        data.mkdir(parents=True)
        base = light / f"light_{stated['model_name']}"
        model = onnx.load(f"{base}.onnx")
        shutil.copy(f"{base}.onnx", folder / "model.onnx")
        initializers = {tensor.name for tensor in model.graph.initializer}
        inputs = [info for info in model.graph.input if info.name not in initializers]
        for i, info in enumerate(inputs):
            shape = [d.dim_value if d.HasField("dim_value") else 1
                     for d in info.type.tensor_type.shape.dim]
            count = int(np.prod(shape))
            value = (np.arange(count).reshape(shape) / count).astype(np.float32)
            proto = numpy_helper.from_array(value, info.name)
            (data / f"input_{i}.pb").write_bytes(proto.SerializeToString())
        for i in range(len(model.graph.output)):
            shutil.copy(f"{base}_output_{i}.pb", data / f"output_{i}.pb")
        self.add("light", source.name, model,
                 (stated.get("rtol", DEFAULT_RTOL), stated.get("atol", DEFAULT_ATOL)))


def defined_here(writer):
    """The cases of the onnx package that is imported."""
    warnings.simplefilter("ignore", RuntimeWarning)  # cases overflow and divide by zero on purpose
    np.random.seed(0)  # before the cases are imported: their values are drawn then
    import onnx.backend.test.case.model as models
    from onnx.backend.test.loader import DATA_DIR, load_node_model_tests

    for case in load_node_model_tests():
        writer.defined_in_python(case)
    for case in models.collect_testcases():
        if case.kind == "simple":
            writer.defined_in_python(case)
    writer.files_of(Path(DATA_DIR), ("simple", "pytorch-converted", "pytorch-operator"))


def unpack(wheel, folder):
    """The folder of the wheel's cases."""
    data = "onnx/backend/test/data/"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder, [name for name in archive.namelist() if name.startswith(data)])
    return Path(folder) / data


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--wheel", type=Path)
    arguments = parser.parse_args()
    writer = Writer(arguments.output)
    if arguments.wheel:
        with tempfile.TemporaryDirectory() as folder:
            writer.files_of(unpack(arguments.wheel, folder),
                            ("node", "simple", "pytorch-converted", "pytorch-operator"))
    else:
        defined_here(writer)
    cases = [writer.index[name] for name in sorted(writer.index)]
    (writer.root / "index.json").write_text(json.dumps(cases, indent=0))
    print(f"{len(cases)} cases")


if __name__ == "__main__":
    main()
