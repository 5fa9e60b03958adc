#!/usr/bin/env python3
"""README.md's example of the command line prints what it says: readme_test.py HOST GUESTS_DIR

Exits with 77, saying why, where ../shared (or $WNN_SHARED_DIR), with model and picture, is not there.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("WNN_SHARED_DIR") or ROOT.parent / "shared")
FILES = {"mobilenetv2.onnx": "models/mobilenetv2.onnx", "labels.txt": "models/synset_words.txt",
         "photo.jpg": "images/n04350905.jpg"}
TOLERANCE = 0.005


def ranking(text):
    return [(name, float(score))
            for name, score in re.findall(r"^ +\d\. (.+)  ([\d.]+)$", text, re.MULTILINE)]


def main():
    host, guests = map(Path, sys.argv[1:])
    if not (SHARED / "models").is_dir():
        print("Skipped\nthere is no ../shared with the trained models")
        sys.exit(77)
    text = (ROOT / "README.md").read_text()
    command, printed = re.search(r"```\n(build/bin/wasmtime-onnx run .*)\n```\n```\n((?:.*\n)*?)```",
                                 text).groups()
    words = shlex.split(command.replace("build/bin/wasmtime-onnx", str(host))
                        .replace("build/guests", str(guests)))
    with tempfile.TemporaryDirectory() as folder:
        for name, source in FILES.items():
            shutil.copyfile(SHARED / source, Path(folder, name))
        output = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=True).stdout
    expected, got = ranking(printed), ranking(output)
    print(output)
    assert output.startswith("photo.jpg\n") and len(expected) >= 2, expected
    for (name, score), (wanted, wanted_score) in zip(got, expected):
        assert name == wanted and abs(score - wanted_score) <= TOLERANCE, (name, score, wanted)


if __name__ == "__main__":
    main()
