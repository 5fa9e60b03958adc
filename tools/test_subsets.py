#!/usr/bin/env python3
"""Builds wasmtime-onnx with each subset of its runtimes, and tests what the subset changes.

For each: the units of the command line, the ABI's tests under the runtimes that are there, and the
program itself: which runtime it takes without a flag, and what it says of one that it lacks. The
whole one decodes pictures (WNN_WITH_IMAGE_DECODER), too. Builds lie in build/subset-*; ccache makes
all but the first quick; with Tract, which needs a library of its own (10 minutes, once), all but the
first two. Words such as `tract builtin+onnxruntime` are the subsets to test, instead of all seven.
Ends with 'N passed, N failed'.
"""

import argparse
import itertools
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HELLO = ROOT / "tests/cli/guests/hello.wat"
RUNTIMES = ("builtin", "onnxruntime", "tract")
TITLES = {"builtin": "builtin (", "onnxruntime": "ONNX Runtime", "tract": "Tract"}
TARGETS = ("wasmtime-onnx", "host_cli_test", "runtimes_test", "witx_test", "wit_test")


def run(command):
    print("$", *map(str, command), flush=True)
    return subprocess.run(command, check=True)


def switch(runtime):
    return f"WNN_WITH_{runtime.upper()}"


def build(subset):
    folder = ROOT / "build" / ("subset-" + "-".join(subset))
    switches = [f"-D{switch(name)}={'ON' if name in subset else 'OFF'}" for name in RUNTIMES]
    if subset == RUNTIMES:
        switches.append("-DWNN_WITH_IMAGE_DECODER=ON")
    run(["cmake", "--preset", "release", "-B", folder, "--log-level=WARNING", *switches,
         "-DWNN_BUILD_GUESTS=OFF", "-DWNN_BUILD_BENCH=OFF", "-DWNN_TEST_AARCH64=OFF",
         f"-DWNN_BIN_DIR={folder}/bin"])
    targets = TARGETS + (("tract_test",) if "tract" in subset else ())
    run(["cmake", "--build", folder, "--target", *targets])
    return folder, targets


def say(program, *words):
    """The exit status and what the program prints."""
    result = subprocess.run([program, "--log", "debug", *words, HELLO], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return result.returncode, result.stdout


def check_opens(output, runtime):
    has_library = "shared library cannot be opened" not in output
    assert f"inference by {TITLES[runtime]}" in output or not has_library, output


def check_program(program, subset):
    status, output = say(program)
    if "builtin" in subset or len(subset) == 1:
        check_opens(output, subset[0])
    else:
        assert status == 2 and "say --runtime " + " or ".join(subset) in output, output
    for runtime in subset:
        check_opens(say(program, "--runtime", runtime, "--nn-guest-models", runtime)[1], runtime)
    for absent in set(RUNTIMES) - set(subset):
        for words in (["--runtime", absent],
                      ["--runtime", subset[0], "--nn-guest-models", absent]):
            status, output = say(program, *words)
            assert status == 2 and f"-D{switch(absent)}=ON" in output, output


def test(subset):
    folder, targets = build(subset)
    for name in targets[1:]:
        run([folder / "tests" / name, "--gtest_brief=1"])
    check_program(folder / "bin/wasmtime-onnx", subset)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    every = {"+".join(subset): subset for size in range(1, len(RUNTIMES) + 1)
             for subset in itertools.combinations(RUNTIMES, size)}
    parser.add_argument("subsets", nargs="*", metavar="SUBSET", help=", ".join(every))
    words = parser.parse_args().subsets
    if unknown := [word for word in words if word not in every]:
        parser.error(f"there is no subset {unknown[0]}; there are {', '.join(every)}")
    subsets = [every[word] for word in words or every]
    if any("tract" in subset for subset in subsets):
        run([sys.executable, ROOT / "tools/deps.py", "install", "--tract"])
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
