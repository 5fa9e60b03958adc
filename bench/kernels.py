#!/usr/bin/env python3
"""GFLOPS of each kernel on each instruction set, against the core's FMA peak (`make bench-kernels`).

  kernels.py [--filter REGEX]

Runs wnn_kernels_bench (Google Benchmark), keeps the best of several repetitions, writes
build/bench/kernels.json and kernels.md and prints the latter.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PEAK = "peak"
REPETITIONS = 5
SECONDS = 0.02  # of each repetition


def run(program, out, pattern=""):
    """Google Benchmark's report; nothing when the program failed."""
    out.unlink(missing_ok=True)
    command = [str(program), f"--benchmark_out={out}", "--benchmark_out_format=json",
               f"--benchmark_repetitions={REPETITIONS}", f"--benchmark_min_time={SECONDS}",
               "--benchmark_enable_random_interleaving=true", "--benchmark_format=console",
               "--benchmark_display_aggregates_only=true"]
    if pattern:
        command.append(f"--benchmark_filter={pattern}")
    result = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if result.returncode != 0 or not out.exists() or out.stat().st_size == 0:
        print(result.stderr, end="", file=sys.stderr)
        return None
    return json.loads(out.read_text())


def best_gflops(report):
    """{kernel: {instruction set: GFLOPS}} in the report's order, of the fastest repetition."""
    best = {}
    for one in report["benchmarks"]:
        if one.get("run_type") == "aggregate" or "GFLOPS" not in one:
            continue
        isa, kernel = one["run_name"].split("/", 1)
        kernel = kernel.split("/repeats:")[0]
        of_kernel = best.setdefault(kernel, {})
        of_kernel[isa] = max(of_kernel.get(isa, 0), one["GFLOPS"] / 1e9)
    return best


def peaks(program, out):
    """{instruction set: GFLOPS of multiply-adds on registers}, empty when it cannot be measured."""
    report = run(program, out, f"/{PEAK}$") if program.exists() else None
    found = best_gflops(report).get(PEAK, {}) if report else {}
    return {isa: round(gflops, 1) for isa, gflops in
            sorted(found.items(), key=lambda item: -item[1])}


def cell(gflops, peak):
    if gflops is None:
        return "-"
    return f"{gflops:.1f} ({100 * gflops / peak:.0f} %)" if peak else f"{gflops:.1f}"


def markdown(report):
    best = best_gflops(report)
    isas = sorted({isa for of_kernel in best.values() for isa in of_kernel}, reverse=True,
                  key=lambda isa: max(of_kernel.get(isa, 0) for of_kernel in best.values()))
    peaks = best.get(PEAK, {})
    lines = ["| GFLOPS, 1 thread | " + " | ".join(isas) + " |", "|---" + "|---:" * len(isas) + "|",
             "| **FMA peak** | " + " | ".join(cell(peaks.get(isa), None) for isa in isas) + " |"]
    lines += [f"| {kernel} | "
              + " | ".join(cell(of_kernel.get(isa), peaks.get(isa)) for isa in isas) + " |"
              for kernel, of_kernel in best.items() if kernel != PEAK]
    return "\n".join(lines) + "\n"


NOTE = """Best of several repetitions on one thread, in brackets the share of what the core's multiply-adds
on registers reach with the same instructions. Operations are counted as the direct algorithm has
them, so Winograd's may exceed the peak.
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--filter", default="", metavar="REGEX", help="such as 'AVX2/pointwise|peak'")
    parser.add_argument("--build", type=Path, default=ROOT / "build/release")
    parser.add_argument("--out", type=Path, default=ROOT / "build/bench/kernels.json")
    arguments = parser.parse_args()
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    program = find_program(arguments.build)
    if not program.exists():
        sys.exit(f"kernels.py: {program} is not built: run `make build`")
    report = run(program, arguments.out, arguments.filter)
    if report is None:
        sys.exit("kernels.py: wnn_kernels_bench failed; its message is above")
    text = markdown(report)
    arguments.out.with_suffix(".md").write_text(text + "\n" + NOTE)
    print(text + "\n" + NOTE, end="")


def find_program(build):
    return build / "engine/kernels/blocked/wnn_kernels_bench"


if __name__ == "__main__":
    main()
