#!/usr/bin/env python3
"""Compiles each case twice: as it is, which must work, and with its mistake, which must not.

  compile_test.py FILE COMPILER FLAG...

A case in FILE is a line `// CASE name: words that the compiler's message must hold`. The file is
compiled once with -DRIGHT, and once for each name with -DWRONG_name.
"""

import re
import subprocess
import sys


def compile_with(define, command):
    return subprocess.run([*command, f"-D{define}"], capture_output=True, text=True)


def main():
    path, *command = sys.argv[1:]
    command += ["-fsyntax-only", path]
    text = open(path, encoding="utf-8").read()
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
    sys.exit(1 if failures or not cases else 0)


if __name__ == "__main__":
    main()
