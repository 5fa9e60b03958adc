#!/usr/bin/env python3
"""Does what docs/guests.md says: guide_test.py HOST CARGO.

Its whole programs in C++ and Rust compile, as its commands and targets say, and the first of each
runs on HOST, with a `main`, as core module and as component. Every other piece of C++ or Rust
stands, word for word, in an example that other tests build and run.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMPILE = ["clang++-22", "--target=wasm32-wasi", "-Wno-deprecated", "-std=c++23", "-fno-exceptions",
           "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I", ".", "-I", "guest/include"]
# What is no model is refused.
CXX_MAIN = """
int main() {
  const auto score = FirstScore({}, {});
  return !score && score.error().code == wasi_nn::Errno::kInvalidEncoding ? 0 : 1;
}
"""
RUST_MAIN = """
fn main() {
    let error = first_score(&[], Array4::zeros((1, 3, 224, 224))).unwrap_err();
    assert_eq!(error.code, wasi_nn_onnx::ErrorCode::InvalidEncoding);
}
"""
PACKAGE = """[package]
name = "my"
version = "0.0.0"
edition = "2024"

[workspace]

"""


def blocks(text, language):
    """What stands between fences, of this language."""
    parts = re.split(r"^```(\w*)\n", text, flags=re.MULTILINE)
    # text, language, block, "", text, language, block, ...
    return [block for found, block in zip(parts[1::4], parts[2::4]) if found == language]


def check_excerpts(excerpts, sources):
    texts = [source.read_text() for source in sources]
    for excerpt in excerpts:
        assert any(excerpt in text for text in texts), f"in no example:\n{excerpt}"


def run(host, module):
    subprocess.run([host, "run", "--log", "error", module], check=True)


def test_cxx(host, text, folder):
    programs = [block for block in blocks(text, "cpp") if block.startswith("#include")]
    commands = [block for block in blocks(text, "") if "-o my.wasm" in block]
    assert len(programs) == 2 and len(commands) == 2, "the guide has changed"
    source, module = folder / "my.cc", folder / "my.wasm"
    for program in programs:
        source.write_text(program)
        subprocess.run([*COMPILE, source], cwd=ROOT, check=True)
    source.write_text(programs[0] + CXX_MAIN)
    for command in commands:
        command = command.replace("my.wasm", str(module)).replace("my.cc", str(source))
        subprocess.run(["bash", "-ec", command], cwd=ROOT, check=True)
        run(host, module)
    check_excerpts([block for block in blocks(text, "cpp") if block not in programs],
                   (ROOT / "guest/examples").glob("*/*.cc"))


def test_rust(host, cargo, text, folder):
    workspace = ROOT / "guest/rust"
    program, *excerpts = blocks(text, "rust")
    dependencies, = blocks(text, "toml")
    (folder / "src").mkdir()
    (folder / "src/main.rs").write_text(program + RUST_MAIN)
    # With the compiler and the crates, as they are compiled, that are there already.
    profile = (workspace / "Cargo.toml").read_text().partition("[profile.release]")
    (folder / "Cargo.toml").write_text(
        PACKAGE + dependencies.replace('path = "guest/rust', f'path = "{workspace}')
        + "".join(profile[1:]))
    for name in "rust-toolchain.toml", "Cargo.lock":
        (folder / name).write_bytes((workspace / name).read_bytes())
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    target = cache / "wasi-nn-onnx/guest-target"
    for triple in "wasm32-wasip1", "wasm32-wasip2":
        subprocess.run([cargo, "build", "--quiet", "--release", "--offline", "--target", triple],
                       cwd=folder, env={**os.environ, "CARGO_TARGET_DIR": str(target)}, check=True)
        run(host, target / triple / "release/my.wasm")
    check_excerpts(excerpts, workspace.glob("*/src/*.rs"))


def main():
    host, cargo = sys.argv[1:]
    text = (ROOT / "docs/guests.md").read_text()
    with tempfile.TemporaryDirectory() as temporary:
        test_cxx(host, text, Path(temporary))
        test_rust(host, cargo, text, Path(temporary))
    print("the guide works")


if __name__ == "__main__":
    main()
