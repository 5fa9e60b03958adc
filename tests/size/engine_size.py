#!/usr/bin/env python3
"""Checks that the engine's part of an executable stays small.

  engine_size.py --limit MEGABYTES ARCHIVE...

Code and data of every object in the archives of the engine, before a linker leaves out what is not
used: at least what an executable has of it.
"""

import argparse
import shutil
import subprocess
import sys


def size_of(archive):
    """Bytes of text and data, by binutils' or LLVM's `size`."""
    program = shutil.which("size") or shutil.which("llvm-size-22")
    if program is None:
        sys.exit("there is no program `size`: install binutils")
    lines = subprocess.run([program, archive], check=True, capture_output=True,
                           text=True).stdout.splitlines()
    rows = [line.split() for line in lines]
    return sum(int(row[0]) + int(row[1]) for row in rows if row and row[0].isdigit())


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=float, required=True, help="millions of bytes")
    parser.add_argument("archives", nargs="+")
    arguments = parser.parse_args()
    total = sum(map(size_of, arguments.archives)) / 1e6
    print(f"the engine's code and data have {total:.1f} MB; the limit is {arguments.limit:g} MB")
    sys.exit(1 if total > arguments.limit or total == 0 else 0)


if __name__ == "__main__":
    main()
