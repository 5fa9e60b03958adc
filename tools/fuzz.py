#!/usr/bin/env python3
"""Runs the fuzz targets under libFuzzer: fuzz.py [--minutes N] [TARGET...].

Each target runs for N minutes (1 unless said) from its seeds and from what earlier runs have found,
which is kept in the project's cache. An input that breaks a target is left in build/asan/artifacts.
"""

import argparse
import os
import pathlib
import subprocess
import sys

import sanitize

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build/asan"  # with the tests of sanitize.py
OURS_ALONE = ["wire", "import", "isa", "image"]  # without ONNX Runtime and Wasmtime
TARGETS = ["wire", "import", "run", "isa", "witx", "wit", "image"]


def cache_dir() -> pathlib.Path:
    home = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(home) / "wasi-nn-onnx/fuzz-corpus"


def build(targets: list[str]) -> None:
    if not (BUILD / "build.ninja").exists():
        subprocess.run(["cmake", "--preset", "asan", "--log-level=WARNING"], cwd=ROOT, check=True)
    subprocess.run(["cmake", "--build", BUILD, "--target", *(f"fuzz-{t}" for t in targets)],
                   check=True)


def run(target: str, seconds: int) -> bool:
    corpus = cache_dir() / target
    seeds = BUILD / "seeds" / target
    artifacts = BUILD / "artifacts"
    for folder in (corpus, seeds, artifacts):
        folder.mkdir(parents=True, exist_ok=True)
    environment = sanitize.environment(leaks=target in OURS_ALONE)
    # New memory is what was there before, so that runs differ where an output was not written.
    environment["ASAN_OPTIONS"] += ":max_malloc_fill_size=0"
    programs = BUILD / "fuzz"
    subprocess.run([programs / f"{target}_smoke", "--write-seeds", seeds], check=True,
                   env=environment)
    log = BUILD / f"{target}.log"
    with open(log, "w", encoding="utf-8") as out:
        result = subprocess.run(
            [programs / f"{target}_fuzz", f"-max_total_time={seconds}", "-timeout=20",
             "-rss_limit_mb=4096", "-max_len=65536", "-print_final_stats=1",
             f"-artifact_prefix={artifacts}/{target}-", corpus, seeds],
            stdout=out, stderr=subprocess.STDOUT, env=environment, check=False)
    text = log.read_text(encoding="utf-8", errors="replace")
    runs = [line.split()[-1] for line in text.splitlines()
            if line.startswith("stat::number_of_executed_units")]
    outcome = "nothing found" if result.returncode == 0 else f"FAILED, see {log}"
    print(f"{target}: {runs[0] if runs else '?'} inputs in {seconds} s, "
          f"{len(list(corpus.iterdir()))} in the corpus: {outcome}", flush=True)
    return result.returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    arguments = parser.parse_args()
    unknown = set(arguments.targets) - set(TARGETS)
    if unknown:
        parser.error(f"no such target: {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    targets = arguments.targets or TARGETS
    build(targets)
    passed = [run(target, max(1, int(arguments.minutes * 60))) for target in targets]
    print(f"{sum(passed)} passed, {len(passed) - sum(passed)} failed")
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
