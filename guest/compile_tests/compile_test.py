#!/usr/bin/env python3
"""Compiles each case twice: as it is, which must work, and with its mistake, which must not.

  compile_test.py FILE COMPILER FLAG...

A case in FILE is a line `// CASE name: words that the compiler's message must hold`. The file is
compiled once with -DRIGHT, and once for each name with -DWRONG_name. What it includes is compiled
before, once.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path


def compile_with(define, command):
    return subprocess.run([*command, f"-D{define}"], capture_output=True, text=True)


def precompiled(folder, text, command):
    """The flags by which the file's own includes are there already."""
    header, compiled = Path(folder, "all.hpp"), Path(folder, "all.pch")
    header.write_text("".join(re.findall(r"^#include .+\n", text, re.MULTILINE)))
    subprocess.run([*command, "-x", "c++-header", header, "-o", compiled], check=True)
    return ["-include-pch", compiled]


def main():
    path, *command = sys.argv[1:]
    text = Path(path).read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        flags = precompiled(folder, text, command)
        sys.exit(check(text, [*command, *flags, "-fsyntax-only", path]))


def check(text, command):
    """Whether anything is not as it should be."""
    cases = re.findall(r"^// CASE (\w+): (.+)$", text, re.MULTILINE)
    failures = 0
    right = compile_with("RIGHT", command)
    if right.returncode != 0:
        print(right.stderr)
        failures += 1
    for name, words in cases:
        wrong = compile_with(f"WRONG_{name}", command)
        if wrong.returncode == 0:
            print(f"{name}: compiles, but should not")
            failures += 1
        elif words not in wrong.stderr:
            print(f"{name}: the message lacks '{words}':\n{wrong.stderr}")
            failures += 1
    print(f"{len(cases)} mistakes, {failures} failed")
    return failures > 0 or not cases


if __name__ == "__main__":
    main()
