"""The results in docs/interop.md, below its last heading."""

import re
from pathlib import Path

HEADING = "## Results\n"
SIGNS = {"ok": "yes", "lacks": "no", "failed": "fails", "wrong": "differs", "absent": "-"}
# Whose versions stand above a framework's table.
SHOWN = ("torch", "onnxscript", "tensorflow-cpu", "keras", "tf2onnx", "scikit-learn", "skl2onnx",
         "xgboost-cpu", "onnxmltools")


def versions(requirements):
    """"torch 2.15.0, onnxscript 0.7.2", out of a file of pins."""
    pinned = dict(re.findall(r"^([\w.-]+)==(\S+)", requirements.read_text(), re.MULTILINE))
    found = {name.lower().replace("_", "-"): version for name, version in pinned.items()}
    return ", ".join(f"{name} {found[name]}" for name in SHOWN if name in found)


def table(results, runtimes):
    """A line for each net; exporters that have the same verdicts share it."""
    nets = {}
    for result in results:
        if result.net:
            nets.setdefault((result.net, result.exporter), {})[result.runtime] = result
    lines = {}
    for (net, exporter), by_runtime in nets.items():
        cells = []
        for runtime in runtimes:
            result = by_runtime.get(runtime) or by_runtime.get("")
            cells.append("not run" if result is None else SIGNS[result.verdict] +
                         (f": {result.detail}" if result.detail else ""))
        lines.setdefault((net, *cells), []).append(exporter)
    head = ["net", "exporters", *(f"`{runtime}`" for runtime in runtimes)]
    return "\n".join([f"| {' | '.join(head)} |", "|" + "---|" * len(head)] + [
        f"| {' | '.join([net, ', '.join(exporters), *cells])} |"
        for (net, *cells), exporters in sorted(lines.items())])


def write(path, results, runtimes):
    """Replaces what stands below the heading of the file at `path`."""
    text = path.read_text()
    kept = text[:text.index(HEADING) + len(HEADING)]
    parts = []
    for framework in dict.fromkeys(result.framework for result in results):
        requirements = Path(__file__).resolve().parent / "requirements" / f"{framework}.txt"
        of_framework = [result for result in results if result.framework == framework]
        parts.append(f"\n{versions(requirements)}:\n\n{table(of_framework, runtimes)}\n")
    path.write_text(kept + "".join(parts))
