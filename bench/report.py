#!/usr/bin/env python3
"""Times every model on every runtime, natively and through WASI-NN (`make bench`).

  report.py [--seconds N] [--threads 1,2] [--models FILE...]

Writes build/bench/report.json and report.md and prints the latter. The models are those of
../shared/models (or $WNN_SHARED_DIR/models), else the one that `tools/deps.py demo` fetches.
Exits with 1 when an output was wrong. Only the standard library is used.
"""

import argparse
import datetime
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODELS = ("squeezenet1.1", "mobilenetv2", "efficientnet-lite0")
COMMAND_RUNS = 20


def say(message):
    print(f"-- {message}", file=sys.stderr, flush=True)


# --- what to measure -------------------------------------------------------------------------


def shared_models():
    shared = os.environ.get("WNN_SHARED_DIR")
    return (Path(shared) if shared else ROOT.parent / "shared") / "models"


def demo_models():
    """The models of the demo, fetched if need be, and why there are none."""
    result = subprocess.run([sys.executable, str(ROOT / "tools/deps.py"), "demo"],
                            stdout=subprocess.PIPE, text=True)
    folder = (result.stdout.strip().splitlines() or [""])[-1]
    if result.returncode != 0 or not folder:
        return [], "tools/deps.py demo failed"
    model = Path(folder) / "efficientnet-lite0.onnx"
    return ([model], "") if model.exists() else ([], f"{model} is missing")


def find_models():
    """(model files, folder with their test data or None, what is skipped)."""
    folder = shared_models()
    models = [folder / f"{name}.onnx" for name in MODELS if (folder / f"{name}.onnx").exists()]
    skipped = []
    test_data = folder / "test_data"
    if not models:
        models, problem = demo_models()
        test_data = None
        if problem:
            skipped.append({"what": "efficientnet-lite0", "reason": problem})
    elif not test_data.is_dir():
        test_data = None
    named = {model.stem for model in models} | {skip["what"] for skip in skipped}
    skipped += [{"what": name, "reason": "it is not in ../shared/models or $WNN_SHARED_DIR/models"}
                for name in MODELS if name not in named]
    return models, test_data, skipped


def run_bench(arguments, models, test_data, guest, out):
    """The report of wnn-bench, or nothing if it wrote none; and whether all was right."""
    command = [str(arguments.build / "bench/wnn-bench"), "--seconds", str(arguments.seconds),
               "--threads", arguments.threads, "--out", str(out)]
    for model in models:
        command += ["--model", str(model)]
    if test_data:
        command += ["--test-data", str(test_data)]
    if guest:
        command += ["--guest", str(guest)]
    out.unlink(missing_ok=True)
    result = subprocess.run(command)
    if not out.exists():
        return None, False
    return json.loads(out.read_text()), result.returncode == 0


def summary(samples):
    return {"min": min(samples), "median": statistics.median(samples), "runs": len(samples)}


def time_command(host, guest):
    """`wasmtime-onnx` running a guest that only prints its help: what a user waits for."""
    command = [str(host), "run", "--timings=json", str(guest), "--help"]
    totals, compiles, instantiates = [], [], []
    for run in range(COMMAND_RUNS + 1):
        start = time.perf_counter()
        result = subprocess.run(command, capture_output=True, text=True)
        total = (time.perf_counter() - start) * 1e3
        try:
            timings = json.loads(result.stderr[result.stderr.index("{"):])
        except ValueError:
            return None
        if run == 0:
            continue  # fills the cache
        totals.append(total)
        compiles.append(timings["compile_ms"])
        instantiates.append(timings["instantiate_ms"])
    return {"process_ms": summary(totals), "compile_ms": summary(compiles),
            "instantiate_ms": summary(instantiates)}


# --- the machine -----------------------------------------------------------------------------


def cpu_name():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def os_name():
    name = platform.system()
    release = Path("/etc/os-release")
    if release.exists():
        match = re.search(r'^PRETTY_NAME="?([^"\n]*)', release.read_text(), re.MULTILINE)
        name = match.group(1) if match else name
    return f"{name}, {platform.system()} {platform.release()}"


def describe_host(measured, load):
    """What wnn-bench said of itself, and the machine around it."""
    host = {"cpu": cpu_name(), "cores": len(os.sched_getaffinity(0)), "os": os_name(),
            "load_before": load,
            "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")}
    host.update(measured)
    if version := re.search(r"\d+(\.\d+)+", host.get("onnxruntime", "")):
        host["onnxruntime"] = version.group(0)
    return host


# --- Markdown --------------------------------------------------------------------------------


def table(header, rows):
    """A Markdown table whose first column is text and whose others are numbers."""
    lines = ["| " + " | ".join(header) + " |", "|---" + "|---:" * (len(header) - 1) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def number(value, digits=2, sign=False):
    if value is None:
        return "-"
    return f"{value:+.{digits}f}" if sign else f"{value:.{digits}f}"


def index_rows(rows):
    return {(r["model"], r["threads"], r["runtime"], r["path"]): r for r in rows}


def groups(rows):
    """(model, threads) in the report's order."""
    return list(dict.fromkeys((row["model"], row["threads"]) for row in rows))


def ratio(row, other):
    if not row or not other or not row["min_ms"] or not other["min_ms"]:
        return None
    return row["min_ms"] / other["min_ms"]


def difference_us(row, other):
    if not row or not other or row["min_ms"] is None or other["min_ms"] is None:
        return None
    return (row["min_ms"] - other["min_ms"]) * 1e3


def comparison(rows):
    """The runtimes side by side, and what WASI-NN costs on each."""
    runtimes = list(dict.fromkeys(row["runtime"] for row in rows))
    indexed = index_rows(rows)
    header = ["model", "threads"] + [f"{name}, ms" for name in runtimes]
    compared = "builtin" in runtimes and "onnxruntime" in runtimes
    if compared:
        header.append("builtin / onnxruntime")
    header += [f"witx - native, {name}, us" for name in runtimes]
    lines = []
    for model, threads in groups(rows):
        def find(runtime, path):
            return indexed.get((model, threads, runtime, path))
        line = [model, str(threads)]
        line += [number((find(name, "native") or {}).get("min_ms")) for name in runtimes]
        if compared:
            line.append(number(ratio(find("builtin", "native"), find("onnxruntime", "native")), 3))
        line += [number(difference_us(find(name, "witx"), find(name, "native")), 0, sign=True)
                 for name in runtimes]
        lines.append(line)
    return table(header, lines)


def all_rows(rows):
    header = ["model, runtime, path", "threads", "min ms", "median ms", "runs", "load ms",
              "first ms", "copies ms", "compute ms", "max abs error", "verified"]
    lines = []
    for row in rows:
        phases = row["phases_ms"]
        error = row["max_abs_error"]
        lines.append([f"{row['model']}, {row['runtime']}, {row['path']}", str(row["threads"]),
                      number(row["min_ms"], 3), number(row["median_ms"], 3), str(row["runs"]),
                      number(phases.get("load")), number(phases.get("first_inference")),
                      number(phases.get("copies"), 3), number(phases.get("compute"), 3),
                      "-" if error is None else f"{error:.1e}",
                      "yes" if row["verified"] else "**no**"])
    return table(header, lines)


def overhead_table(rows):
    def shortest(row, key):
        return number((row[key] or {}).get("min"))
    header = ["tensor, runtime", "native us", "without copies", "witx", "memcpy", "added",
              "added to the copies", "bytes", "bytes copied", "within 20 us and one copy"]
    return table(header, [
        [f"{row['tensor']}, {row['runtime']}", shortest(row, "native_us"),
         shortest(row, "native_borrowed_us"), shortest(row, "witx_us"), shortest(row, "memcpy_us"),
         number(row["added_us"], sign=True), number(row["added_over_copies_us"], sign=True),
         str(row["tensor_bytes"]), str(row["bytes_copied"]),
         "yes" if row["within_target"] else "**no**"] for row in rows])


def instantiate_table(times):
    parts = [("compile, no cache", times["compile_ms"]),
             ("load from Wasmtime's cache", times["cached_ms"]),
             ("load a precompiled file", times["deserialize_ms"]),
             ("instantiate", times["instantiate_ms"])]
    if command := times.get("command"):
        parts += [("`wasmtime-onnx`: compile, cached", command["compile_ms"]),
                  ("`wasmtime-onnx`: instantiate", command["instantiate_ms"]),
                  ("`wasmtime-onnx`: whole process", command["process_ms"])]
    return table([times["guest"], "min ms", "median ms", "runs"],
                 [[name, number(one["min"], 3), number(one["median"], 3), str(one["runs"])]
                  for name, one in parts])


def is_busy(host):
    """Whether others used so much of the machine that the times say little."""
    return host.get("load_before", 0) > 0.5 * host.get("cores", 1)


def markdown(report):
    host = report["host"]
    text = "# Benchmark\n\n"
    text += "\n".join(f"- {name}: {value}" for name, value in host.items()) + "\n"
    if is_busy(host):
        text += "\n**The machine was busy with other work: these times are too long and scatter.**\n"
    if report["rows"]:
        text += "\n## One inference, minimum times\n\n" + comparison(report["rows"])
        text += "\n## Every row\n\n" + all_rows(report["rows"])
    if report["overhead"]:
        text += ("\n## What WASI-NN adds to a native call\n\n"
                 "A model that computes nothing; minimum times in microseconds.\n\n"
                 + overhead_table(report["overhead"]))
    if report["instantiate"]:
        verdict = "yes" if report["instantiate"]["within_target"] else "**no**"
        text += ("\n## How soon a guest begins\n\n" + instantiate_table(report["instantiate"])
                 + f"\nCached guest ready in under {report['instantiate']['target_ms']:g} ms: "
                 + verdict + "\n")
    if report["skipped"]:
        text += "\n## Left out\n\n"
        text += "".join(f"- {one['what']}: {one['reason']}\n" for one in report["skipped"])
    problems = [row for row in report["rows"] + report["overhead"] if not row["verified"]]
    if problems:
        text += "\n## Wrong\n\n"
        text += "".join(f"- {row.get('model') or row['tensor']}, {row['runtime']}, "
                        f"{row.get('path', 'overhead')}: {row['problem']}\n" for row in problems)
    return text


# --- the command -----------------------------------------------------------------------------


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=24,
                        help="for each model and number of threads (default %(default)s)")
    parser.add_argument("--threads", default="1,2", help="default %(default)s")
    parser.add_argument("--models", type=Path, nargs="+", metavar="FILE",
                        help="ONNX files instead of the usual ones")
    parser.add_argument("--build", type=Path, default=ROOT / "build/release")
    parser.add_argument("--guest", type=Path, default=ROOT / "build/guests/classify.wasm")
    parser.add_argument("--host", type=Path, default=ROOT / "build/bin/wasmtime-onnx")
    parser.add_argument("--out", type=Path, default=ROOT / "build/bench/report.json")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    if not (arguments.build / "bench/wnn-bench").exists():
        sys.exit(f"report.py: {arguments.build}/bench/wnn-bench is not built: run `make build`")
    models, test_data, skipped = find_models()
    if arguments.models:
        models, skipped = arguments.models, []
    for one in skipped:
        say(f"skipped: {one['what']}: {one['reason']}")
    if not models:
        sys.exit("report.py: there is no model to time; give one with --models")
    guest = arguments.guest if arguments.guest.exists() else None
    if guest is None:
        skipped.append({"what": "instantiation", "reason": f"{arguments.guest.name} is not built"})

    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    load = round(os.getloadavg()[0], 2)
    report, right = run_bench(arguments, models, test_data, guest, arguments.out)
    if report is None:
        sys.exit("report.py: wnn-bench failed; its message is above")
    if report["instantiate"] and arguments.host.exists():
        report["instantiate"]["command"] = time_command(arguments.host, guest)
    report["skipped"] = skipped + report["skipped"]
    report["host"] = describe_host(report["host"], load)
    arguments.out.write_text(json.dumps(report, indent=2) + "\n")
    text = markdown(report)
    arguments.out.with_suffix(".md").write_text(text)
    print(text, end="")
    say(f"written: {arguments.out}")
    if not right:
        sys.exit("report.py: not every output was right")


if __name__ == "__main__":
    main()
