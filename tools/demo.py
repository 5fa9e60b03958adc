#!/usr/bin/env python3
"""What `make demo` shows: a WebAssembly guest classifies a portrait under each runtime, side by side.

Without arguments it uses a model, labels and a picture out of public packages (tools/deps.py demo),
and the models and the same portrait of ../shared where that folder is. Exits with 1 when a runtime
fails or two of them disagree.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("WNN_SHARED_DIR") or ROOT.parent / "shared")
HOST = ROOT / "build/bin/wasmtime-onnx"
GUEST = ROOT / "build/guests/classify.wasm"
TOLERANCE = 0.005  # of a probability, between two runtimes
CALLS = ("load", "init_execution_context", "set_input", "compute", "get_output")


@dataclass
class Case:
    title: str
    folder: Path  # what the guest may see, as `.`
    model: str
    labels: str
    picture: str


def cases():
    demo = subprocess.run([sys.executable, ROOT / "tools/deps.py", "demo"], stdout=subprocess.PIPE,
                          text=True, check=True).stdout.strip()
    yield Case("EfficientNet-Lite0", Path(demo), "efficientnet-lite0.onnx", "labels.txt",
               "grace_hopper.jpg")
    if not (SHARED / "models").is_dir():
        print("(SqueezeNet and MobileNetV2 are left out: there is no ../shared)")
        return
    for title, model in (("SqueezeNet 1.1", "squeezenet1.1"), ("MobileNetV2", "mobilenetv2")):
        yield Case(title, SHARED, f"models/{model}.onnx", "models/synset_words.txt",
                   "images/n04350905.jpg")


def classify(case, runtime):
    """The guest's (label, probability) lines and the host's timings."""
    command = [HOST, "run", "--runtime", runtime, "--timings=json", "--dir", f"{case.folder}::.",
               GUEST, "--model", case.model, "--labels", case.labels, case.picture]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        print(result.stderr, file=sys.stderr)
        sys.exit(f"demo: {case.title} failed under {runtime} (exit code {result.returncode})")
    top = []
    for line in result.stdout.splitlines():
        rank, _, rest = line.strip().partition(". ")
        if rank.isdigit():
            label, _, probability = rest.rpartition("  ")
            top.append((label, float(probability)))
    return top, json.loads(result.stderr[result.stderr.index("{"):])


def runtimes():
    """`builtin`, `onnxruntime`, and `tract` where it is built in."""
    version = subprocess.run([HOST, "--version"], capture_output=True, text=True, check=True).stdout
    return ["builtin", "onnxruntime", *(["tract"] if "\nruntime tract: Tract" in version else [])]


def show(case, results):
    print(f"\n{case.title} on {case.picture}")
    print("   " + "".join(f"{runtime:<34}" for runtime in results))
    for i, row in enumerate(zip(*(top for top, _ in results.values())), 1):
        print(f"{i}. " + "".join(f"{label[:26]:<26} {p:.3f}  " for label, p in row))
    print("   milliseconds" + "".join(f"{runtime:>22}" for runtime in results))
    timings = [timing for _, timing in results.values()]
    rows = [(phase, [t[f"{phase}_ms"] for t in timings]) for phase in ("compile", "instantiate")]
    rows += [(call, [t["totals"][call]["ms"] for t in timings]) for call in CALLS]
    for name, values in rows:
        print(f"   {name:<23}" + "".join(f"{value:>11.3f}{'':>11}" for value in values))


def agree(results):
    first, *others = (top for top, _ in results.values())
    return len(first) == 5 and all(
        len(other) == 5 and all(a[0] == b[0] and abs(a[1] - b[1]) <= TOLERANCE
                                for a, b in zip(first, other))
        for other in others)


def main():
    failed = False
    for case in cases():
        results = {runtime: classify(case, runtime) for runtime in runtimes()}
        show(case, results)
        if not agree(results):
            print(f"demo: the runtimes disagree on {case.title}", file=sys.stderr)
            failed = True
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
