#!/usr/bin/env python3
"""Writes the C++ of a document to files that a test includes: snippets.py DOCUMENT FOLDER.

Number i of DOCUMENT (README.md) goes to FOLDER/README.i.inc.
"""

import re
import sys
from pathlib import Path


def main():
    document, folder = map(Path, sys.argv[1:])
    for i, block in enumerate(re.findall(r"^```cpp\n(.*?)^```$", document.read_text(),
                                         re.MULTILINE | re.DOTALL)):
        (folder / f"{document.stem}.{i}.inc").write_text(block)


if __name__ == "__main__":
    main()
