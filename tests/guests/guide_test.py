#!/usr/bin/env python3
"""Does what docs/guests.md says: guide_test.py HOST.

Its whole C++ files compile, and its commands make of the first of them, with a `main`, a core
module and a component that HOST runs.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMPILE = ["clang++-22", "--target=wasm32-wasi", "-Wno-deprecated", "-std=c++23", "-fno-exceptions",
           "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I", ".", "-I", "guest/include"]
MAIN = """
int main() {
  // What is no model is refused.
  const auto score = FirstScore({}, {});
  return !score && score.error().code == wasi_nn::Errno::kInvalidEncoding ? 0 : 1;
}
"""


def blocks(text, language):
    """What stands between fences, of this language."""
    parts = re.split(r"^```(\w*)\n", text, flags=re.MULTILINE)
    # text, language, block, "", text, language, block, ...
    return [block for found, block in zip(parts[1::4], parts[2::4]) if found == language]


def main():
    host = sys.argv[1]
    text = (ROOT / "docs/guests.md").read_text()
    programs = [block for block in blocks(text, "cpp") if block.startswith("#include")]
    commands = [block for block in blocks(text, "") if "-o my.wasm" in block]
    assert len(programs) == 2 and len(commands) == 2, "the guide has changed"
    with tempfile.TemporaryDirectory() as temporary:
        source, module = Path(temporary, "my.cc"), Path(temporary, "my.wasm")
        for program in programs:
            source.write_text(program)
            subprocess.run([*COMPILE, source], cwd=ROOT, check=True)
        source.write_text(programs[0] + MAIN)
        for command in commands:
            command = command.replace("my.wasm", str(module)).replace("my.cc", str(source))
            subprocess.run(["bash", "-ec", command], cwd=ROOT, check=True)
            subprocess.run([host, "run", "--log", "error", module], check=True)
    print("the guide works")


if __name__ == "__main__":
    main()
