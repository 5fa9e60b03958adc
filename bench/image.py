#!/usr/bin/env python3
"""Times the guests' image helpers in WebAssembly: scalar against SIMD and relaxed SIMD
(`make bench-image`).

  image.py [--host PROGRAM] [--guests FOLDER] [--rounds N] [--check]

The builds take turns; each figure is the shortest of all rounds. Their results are compared before
anything is timed: bit for bit, but for what relaxed SIMD does to tensors, which the guest holds
against the formula. With --check nothing is timed. Exits with 1 when a result differs.
"""

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILDS = ("scalar", "simd", "relaxed")
RUNS_PER_ROUND = 15


def run(options, build, *words):
    command = [options.host, "run", options.guests / f"image-bench-{build}.wasm", *words]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"{build} failed: {result.stderr}")
    return result.stdout.splitlines()


def differences(wanted, actual, build):
    """The lines that must be equal and are not."""
    if len(wanted) != len(actual):
        return [f"{build} gave {len(actual)} lines, scalar {len(wanted)}"]
    return [f"{build}: {got}, scalar: {want}" for want, got in zip(wanted, actual)
            if want != got and not (build == "relaxed" and want.startswith("tensor "))]


def check(options):
    wanted = run(options, "scalar", "check")
    wrong = [line for build in BUILDS[1:]
             for line in differences(wanted, run(options, build, "check"), build)]
    print("\n".join(wrong) or f"{len(wanted)} results are the same in all builds")
    return wanted and not wrong


def measure(options):
    best = {build: {} for build in BUILDS}
    for _ in range(options.rounds):
        for build in BUILDS:
            for line in run(options, build, "time", str(RUNS_PER_ROUND)):
                step, _, text = line.rpartition(" ")
                best[build][step] = min(float(text), best[build].get(step, float("inf")))
    print("| step | scalar, µs | SIMD | relaxed SIMD |\n|---|---:|---:|---:|")
    for step, scalar in best["scalar"].items():
        cells = [f"{best[build][step]:.1f} ({scalar / best[build][step]:.1f}x)"
                 for build in BUILDS[1:]]
        print(f"| {step} | {scalar:.1f} | {' | '.join(cells)} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--host", type=Path, default=ROOT / "build/bin/wasmtime-onnx")
    parser.add_argument("--guests", type=Path, default=ROOT / "build/guests")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    if not check(options):
        sys.exit(1)
    if not options.check:
        measure(options)


if __name__ == "__main__":
    main()
