#!/usr/bin/env python3
"""`make interop`: models as the frameworks export them, in a guest, against the frameworks' own output.

For each framework of FRAMEWORKS: installs its pinned packages into a virtual environment in the
project's cache, exports small nets with random weights by its exporters (nets_*.py, which say what is
in them), runs each model in a guest under every runtime that is built, and compares. Prints a table and
writes build/interop/report.json. What `builtin` refuses at load, because it lacks an operator, and
Tract for whatever reason, is told and is no failure; a wrong output is one, and so is anything that
`onnxruntime` cannot run.

  interop.py [--framework NAME]... [--runtime NAME]... [--component] [--docs]

With --component the guest is a component instead of a core module; with --docs the table of
docs/interop.md is written, too.

The packages are gigabytes, mostly PyTorch's CUDA libraries: this is not part of `make test`. Exits
with 1 when a net failed, or none ran.
"""

import argparse
import collections
import json
import math
import os
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import document

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
OUT = ROOT / "build/interop"
HOST = ROOT / "build/bin/wasmtime-onnx"
GUEST = ROOT / "build/guests/infer.wasm"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "wasi-nn-onnx"
FRAMEWORKS = ("pytorch", "tensorflow", "sklearn")
RUNTIMES = ("builtin", "onnxruntime", "tract")
TIMEOUT_S = 900

# A numpy type's code in struct.
TYPES = {"float16": "e", "float32": "f", "float64": "d", "int64": "q", "int32": "i", "int8": "b",
         "uint8": "B", "bool": "?"}

Result = collections.namedtuple("Result", "framework exporter net runtime verdict detail")


def venv_python(framework):
    """A Python with the framework's packages, or why there is none."""
    requirements = HERE / "requirements" / f"{framework}.txt"
    folder = CACHE / "interop" / framework
    stamp = folder / "requirements.txt"
    python = folder / "bin/python"
    if stamp.exists() and stamp.read_bytes() == requirements.read_bytes():
        return python, None
    print(f"-- installing {framework}'s packages, once", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    for command in ([sys.executable, "-m", "venv", folder],
                    [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                     "--only-binary=:all:", "--require-hashes", "--no-deps", "-r", requirements]):
        result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                text=True, check=False)
        if result.returncode != 0:
            lines = result.stdout.strip().splitlines() or ["no output"]
            return None, f"its packages cannot be installed: {lines[-1]}"
    shutil.copyfile(requirements, stamp)
    return python, None


def export(framework, python):
    """Runs nets_FRAMEWORK.py; the folders of the nets that it wrote, and failures by name."""
    folder = OUT / framework
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    env = dict(os.environ, CUDA_VISIBLE_DEVICES="", TF_CPP_MIN_LOG_LEVEL="3",
               TF_ENABLE_ONEDNN_OPTS="0", PYTHONPATH=str(HERE))
    result = subprocess.run([python, HERE / f"nets_{framework}.py", folder], env=env,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            timeout=TIMEOUT_S, check=False)
    (folder / "export.log").write_text(result.stdout)
    return sorted(path.parent for path in folder.glob("*/net.json")), result


def elements(data, dtype):
    code = TYPES[dtype]
    return struct.unpack(f"<{len(data) // struct.calcsize(code)}{code}", data)


def difference(got, expected, tolerance):
    """What is wrong with an output, if anything: |got - expected| <= tolerance * (1 + |expected|)."""
    if len(got) != len(expected):
        return f"{len(got)} elements instead of {len(expected)}"
    for a, b in zip(got, expected):
        if a == b or (math.isnan(a) and math.isnan(b)):
            continue
        if not abs(a - b) <= tolerance * (1 + abs(b)):  # a NaN is no match either
            return f"{a} instead of {b}"
    return None


def run_net(folder, net, runtime):
    """(verdict, detail)"""
    command = [HOST, "run", "--runtime", runtime, "--dir", f"{folder}::.", GUEST, "model.onnx",
               f"{runtime}.", str(len(net["outputs"])),
               *(f"input{i}" for i in range(len(net["inputs"])))]
    result = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    if result.returncode != 0:
        message = result.stderr.strip()
        refused = re.search(r"load: (?:unsupported_operation: |invalid_argument: (?=Tract: ))(.*)",
                            message)
        if refused:
            return "lacks", refused.group(1)
        if "shared library cannot be opened" in message:
            return "absent", "there is no libonnxruntime on this machine"
        return "failed", message.splitlines()[0] if message else f"exit {result.returncode}"
    for i, output in enumerate(net["outputs"]):
        problem = difference(elements((folder / f"{runtime}.{i}").read_bytes(), output["dtype"]),
                             elements((folder / f"output{i}").read_bytes(), output["dtype"]),
                             net["tolerance"])
        if problem:
            return "wrong", f"output {i} ('{output['name']}'): {problem}"
    return "ok", ""


def run_framework(framework, runtimes):
    python, problem = venv_python(framework)
    if problem:
        print(f"{framework} is left out: {problem}")
        return [Result(framework, "", "", "", "absent", problem)]
    folders, exported = export(framework, python)
    results = []
    if exported.returncode != 0:
        lines = exported.stdout.strip().splitlines() or ["no output"]
        results.append(Result(framework, "", "", "", "failed", lines[-1]))
    for folder in folders:
        net = json.loads((folder / "net.json").read_text())
        if net.get("failed"):
            results.append(Result(framework, net["exporter"], net["name"], "", "failed",
                                  "export: " + net["failed"]))
            continue
        for runtime in runtimes:
            verdict, detail = run_net(folder, net, runtime)
            results.append(Result(framework, net["exporter"], net["name"], runtime, verdict, detail))
    return results


def built_runtimes():
    """Those of RUNTIMES that the host has."""
    version = subprocess.run([HOST, "--version"], capture_output=True, text=True, check=True).stdout
    built = re.findall(r"^runtime (\w+): (?!not built$)", version, re.MULTILINE)
    return [runtime for runtime in RUNTIMES if runtime in built]


def print_table(results):
    widths = [max(len(str(value)) for value in column) for column in zip(*results)]
    for result in results:
        print("  ".join(str(value).ljust(width) for value, width in zip(result, widths)).rstrip())


def is_failure(result):
    """`lacks` is one of ONNX Runtime's, which has every operator of the standard."""
    return result.verdict in ("failed", "wrong") or (
        result.verdict == "lacks" and result.runtime == "onnxruntime")


def main():
    global GUEST
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--framework", action="append", choices=FRAMEWORKS)
    parser.add_argument("--runtime", action="append", choices=RUNTIMES)
    parser.add_argument("--component", action="store_true")
    parser.add_argument("--docs", action="store_true")
    arguments = parser.parse_args()
    if arguments.docs and (arguments.framework or arguments.runtime):
        parser.error("the document has all frameworks and runtimes")
    if arguments.component:
        GUEST = GUEST.with_name("infer-component.wasm")
    runtimes = arguments.runtime or built_runtimes()
    results = []
    for framework in arguments.framework or FRAMEWORKS:
        results += run_framework(framework, runtimes)
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "report.json").write_text(
        json.dumps([result._asdict() for result in results], indent=1) + "\n")
    if arguments.docs and not any(result.verdict == "absent" for result in results):
        document.write(ROOT / "docs/interop.md", results, runtimes)
    print_table([Result(*map(str.upper, Result._fields)), *results])
    for runtime in runtimes:
        counts = collections.Counter(r.verdict for r in results if r.runtime == runtime)
        print(f"{runtime}: " + ", ".join(f"{n} {verdict}" for verdict, n in counts.most_common()))
    n_failed = sum(map(is_failure, results))
    n_ok = sum(result.verdict == "ok" for result in results)
    print(f"{n_ok} passed, {n_failed} failed")
    sys.exit(1 if n_failed or not n_ok else 0)


if __name__ == "__main__":
    main()
