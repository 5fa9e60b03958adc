#!/usr/bin/env python3
"""Builds wasmtime-onnx with each subset of its runtimes, and tests what the subset changes.

For each: the units of the command line, the ABI's tests under the runtimes that are there, and the
program itself: which runtime it takes without a flag, and what it says of one that it lacks. The
whole one decodes pictures (WNN_WITH_IMAGE_DECODER), too. Builds
lie in build/subset-*; ccache makes all but the first quick. Ends with 'N passed, N failed'.
"""

import itertools
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HELLO = ROOT / "tests/cli/guests/hello.wat"
RUNTIMES = ("builtin", "onnxruntime")
TARGETS = ("wasmtime-onnx", "host_cli_test", "runtimes_test", "witx_test", "wit_test")


def run(command):
    print("$", *map(str, command), flush=True)
    return subprocess.run(command, check=True)


def switch(runtime):
    return f"WNN_WITH_{runtime.upper()}"


def build(subset):
    folder = ROOT / "build" / ("subset-" + "-".join(subset))
    switches = [f"-D{switch(name)}={'ON' if name in subset else 'OFF'}" for name in RUNTIMES]
    if len(subset) == len(RUNTIMES):
        switches.append("-DWNN_WITH_IMAGE_DECODER=ON")
    run(["cmake", "--preset", "release", "-B", folder, "--log-level=WARNING", *switches,
         "-DWNN_BUILD_GUESTS=OFF", "-DWNN_BUILD_BENCH=OFF", f"-DWNN_BIN_DIR={folder}/bin"])
    run(["cmake", "--build", folder, "--target", *TARGETS])
    return folder


def say(program, *words):
    """The exit status and what the program prints."""
    result = subprocess.run([program, "--log", "debug", *words, HELLO], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return result.returncode, result.stdout


def check_program(program, subset):
    default = "builtin" if "builtin" in subset else subset[0]
    _, output = say(program)
    title = {"builtin": "builtin (", "onnxruntime": "ONNX Runtime"}[default]
    assert f"inference by {title}" in output or "shared library cannot be opened" in output, output
    for absent in set(RUNTIMES) - set(subset):
        status, output = say(program, "--runtime", absent)
        assert status == 2 and f"-D{switch(absent)}=ON" in output, output


def test(subset):
    folder = build(subset)
    for name in TARGETS[1:]:
        run([folder / "tests" / name, "--gtest_brief=1"])
    check_program(folder / "bin/wasmtime-onnx", subset)


def main():
    subsets = [subset for size in range(1, len(RUNTIMES) + 1)
               for subset in itertools.combinations(RUNTIMES, size)]
    failed = []
    for subset in subsets:
        try:
            test(subset)
        except (subprocess.CalledProcessError, AssertionError) as error:
            print(f"FAILED {'+'.join(subset)}: {error}", flush=True)
            failed.append(subset)
    print(f"{len(subsets) - len(failed)} passed, {len(failed)} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
