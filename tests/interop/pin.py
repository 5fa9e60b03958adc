#!/usr/bin/env python3
"""Writes requirements/FRAMEWORK.txt, every package pinned by version and checksum, from what is asked
for in it: pin.py FRAMEWORK.

What is asked for stands in the file itself, in the lines that begin with "#: ". pip resolves it for
the Python that runs this.
"""

import json
import subprocess
import sys
from pathlib import Path


def main():
    path = Path(__file__).resolve().parent / "requirements" / f"{sys.argv[1]}.txt"
    asked = [line[3:] for line in path.read_text().splitlines() if line.startswith("#: ")]
    report = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet",
         "--only-binary=:all:", "--report", "-", *asked],
        stdout=subprocess.PIPE, check=True).stdout
    lines = [f"#: {requirement}" for requirement in asked]
    for package in sorted(json.loads(report)["install"], key=lambda p: p["metadata"]["name"].lower()):
        digest = package["download_info"]["archive_info"]["hashes"]["sha256"]
        metadata = package["metadata"]
        lines += [f"{metadata['name']}=={metadata['version']} \\", f"    --hash=sha256:{digest}"]
    path.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
