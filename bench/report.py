#!/usr/bin/env python3
"""Times every model in every way of running it (`make bench`, `make bench-docs`).

  report.py [--seconds N] [--threads 1,2] [--models FILE...] [--docs] [--from REPORT]

Writes build/bench/report.json, report.md and charts, and prints the Markdown; with --docs also
docs/performance.md and its charts. The models are those of ../shared/models (or
$WNN_SHARED_DIR/models), else the one that `tools/deps.py demo` fetches. Exits with 1 when an output
was wrong. Only the standard library is used.
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

import charts
import document
import kernels
import programs
import tables
import targets

ROOT = Path(__file__).resolve().parent.parent
MODELS = targets.MODELS
PICTURE = "n04350905.jpg"
OUTSIDE = ("openvino", "ncnn")
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


def find_picture(models):
    """A photograph for whole programs, or nothing."""
    for path in (shared_models().parent / "images" / PICTURE, models[0].parent / "grace_hopper.jpg"):
        if path.exists():
            return path
    return None


def find_outside():
    """({library: folder of its Python packages}, what is skipped): installed if need be."""
    result = subprocess.run([sys.executable, str(ROOT / "tools/deps.py"), "bench"],
                            stdout=subprocess.PIPE, text=True)
    found = dict(line.split("=", 1) for line in result.stdout.splitlines() if "=" in line)
    return ({name: found[name] for name in OUTSIDE if name in found},
            [{"what": name, "reason": "pip could not install its pinned version here"}
             for name in OUTSIDE if name not in found])


def outside_version(folder, name):
    """As the installed package's metadata has it."""
    for metadata in Path(folder).glob(f"{name}-*.dist-info/METADATA"):
        if version := re.search(r"^Version: (.+)$", metadata.read_text(), re.MULTILINE):
            return version.group(1)
    return "?"


def run_bench(arguments, models, test_data, guest, outside):
    """The report of wnn-bench, or nothing if it wrote none; and whether all was right."""
    command = [str(arguments.build / "bench/wnn-bench"), "--seconds", str(arguments.seconds),
               "--overhead-seconds", str(arguments.overhead_seconds), "--contexts",
               "--threads", arguments.threads, "--guests", str(arguments.guest.parent),
               "--out", str(arguments.out)]
    for model in models:
        command += ["--model", str(model)]
    if test_data:
        command += ["--test-data", str(test_data)]
    if guest:
        command += ["--guest", str(guest)]
    for name in outside:
        command += ["--outside", f"{name}={ROOT}/bench/outside/{name}_program.py"]
    paths = [*outside.values(), os.environ.get("PYTHONPATH", "")]
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(filter(None, paths)))
    arguments.out.unlink(missing_ok=True)
    result = subprocess.run(command, env=environment)
    if not arguments.out.exists():
        return None, False
    return json.loads(arguments.out.read_text()), result.returncode == 0


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


def without_folders(skipped):
    """The same, for other people's eyes."""
    return [{"what": one["what"], "reason": one["reason"].replace(str(ROOT), ".")
             .replace(str(Path.home()), "~")} for one in skipped]


def describe_host(measured, load):
    """What wnn-bench said of itself, and the machine around it."""
    host = {"cpu": cpu_name(), "cores": len(os.sched_getaffinity(0)), "os": os_name(),
            "load_before": load,
            "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")}
    host.update(measured)
    if version := re.search(r"\d+(\.\d+)+", host.get("onnxruntime", "")):
        host["onnxruntime"] = version.group(0)
    return host


# --- the command -----------------------------------------------------------------------------


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=40,
                        help="for each model and number of threads (default %(default)s)")
    parser.add_argument("--overhead-seconds", type=float, default=2,
                        help="for each tensor and runtime (default %(default)s; 0: not at all)")
    parser.add_argument("--threads", default="1,2", help="default %(default)s")
    parser.add_argument("--models", type=Path, nargs="+", metavar="FILE",
                        help="ONNX files instead of the usual ones")
    parser.add_argument("--docs", action="store_true",
                        help="time kernels too, and write docs/performance.md")
    parser.add_argument("--from", type=Path, dest="report", metavar="REPORT",
                        help="measure nothing: read this report.json")
    parser.add_argument("--build", type=Path, default=ROOT / "build/release")
    parser.add_argument("--guest", type=Path, default=ROOT / "build/guests/classify.wasm")
    parser.add_argument("--host", type=Path, default=ROOT / "build/bin/wasmtime-onnx")
    parser.add_argument("--out", type=Path, default=ROOT / "build/bench/report.json")
    return parser.parse_args()


def measure(arguments):
    """The whole report, and whether every output was right."""
    if not (arguments.build / "bench/wnn-bench").exists():
        sys.exit(f"report.py: {arguments.build}/bench/wnn-bench is not built: run `make build`")
    models, test_data, skipped = find_models()
    if arguments.models:
        models, skipped = arguments.models, []
    if not models:
        sys.exit("report.py: there is no model to time; give one with --models")
    outside, missing = find_outside()
    skipped += missing
    guest = arguments.guest if arguments.guest.exists() else None
    if guest is None:
        skipped.append({"what": "instantiation", "reason": f"{arguments.guest.name} is not built"})
    for one in skipped:
        say(f"skipped: {one['what']}: {one['reason']}")

    load = round(os.getloadavg()[0], 2)
    report, right = run_bench(arguments, models, test_data, guest, outside)
    if report is None:
        sys.exit("report.py: wnn-bench failed; its message is above")
    if report["instantiate"] and arguments.host.exists():
        report["instantiate"]["command"] = time_command(arguments.host, guest)
    report["programs"], failed = time_whole_programs(arguments, models, report)
    report["skipped"] = without_folders(skipped + failed + report["skipped"])
    report["host"] = describe_host(report["host"], load)
    report["host"].update({name: outside_version(folder, name) for name, folder in outside.items()})
    report["fma_peaks"] = kernels.peaks(kernels.find_program(arguments.build),
                                        arguments.out.parent / "peaks.json")
    report["targets"] = targets.all_checks(report)
    return report, right


def time_whole_programs(arguments, models, report):
    picture = find_picture(models)
    if picture is None or not arguments.host.exists():
        reason = "there is no picture" if picture is None else f"{arguments.host} is not built"
        return [], [{"what": "whole programs", "reason": reason}]
    say("whole programs")
    tools = {"native": arguments.build / "bench/wnn-bench-classify", "host": arguments.host,
             "guests": arguments.guest.parent}
    return programs.time_programs(tools, models, picture,
                                  {row["runtime"] for row in report["rows"]})


def kernel_table(arguments):
    """The kernels' part of the page; empty when they cannot be timed."""
    program = kernels.find_program(arguments.build)
    if not program.exists():
        return ""
    say("kernels")
    report = kernels.run(program, arguments.out.parent / "kernels.json")
    return kernels.markdown(report) + "\n" + kernels.NOTE if report else ""


def write_charts(folder, prefix, drawn):
    for name, svg in drawn.items():
        (folder / f"{prefix}{name}.svg").write_text(svg)


def main():
    arguments = parse_arguments()
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    if arguments.report:
        report, right = json.loads(arguments.report.read_text()), True
    else:
        report, right = measure(arguments)
        arguments.out.write_text(json.dumps(report, indent=2) + "\n")
    text = tables.markdown(report)
    drawn = charts.report_charts(targets.index_rows(report["rows"]))
    arguments.out.with_suffix(".md").write_text(text)
    write_charts(arguments.out.parent, "", drawn)
    print(text, end="")
    say(f"written: {arguments.out}, .md and charts")
    if arguments.docs:
        write_charts(ROOT / "docs", "performance-", drawn)
        page = document.page(report, drawn, kernel_table(arguments))
        (ROOT / "docs/performance.md").write_text(page)
        say("written: docs/performance.md and its charts")
    if not right:
        sys.exit("report.py: not every output was right")


if __name__ == "__main__":
    main()
