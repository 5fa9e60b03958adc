"""Whole programs: `classify` on one picture, from the command line to the names of the classes.

The same source runs as a native program, as a guest of WASI-NN by either ABI and with the engine
inside, and times itself. Each is run several times, in turns.
"""

import json
import os
import subprocess
import time

ROUNDS = 3
REPEAT = 20

# (name in the report, runtime, guest or nothing for the native program)
WAYS = (
    ("native", "builtin", None),
    ("native", "onnxruntime", None),
    ("native", "tract", None),
    ("witx", "builtin", "classify"),
    ("witx", "onnxruntime", "classify"),
    ("witx", "tract", "classify"),
    ("wit", "builtin", "classify-component"),
    ("wit", "onnxruntime", "classify-component"),
    ("wit", "tract", "classify-component"),
    ("pure-simd", "builtin", "classify-pure-simd"),
)


class Failed(Exception):
    pass


def command_of(tools, way, model, picture, words):
    """The command line and its environment."""
    _, runtime, guest = way
    if guest is None:
        environment = dict(os.environ, WNN_BENCH_RUNTIME=runtime, WNN_BENCH_THREADS="1")
        return [tools["native"], *words, "--model", model, picture], environment
    return [tools["host"], "run", "--timings=json", f"--runtime={runtime}", "--threads=1",
            "--dir", f"{model.parent}::models", "--dir", f"{picture.parent}::pictures",
            tools["guests"] / f"{guest}.wasm", *words,
            "--model", f"models/{model.name}", f"pictures/{picture.name}"], os.environ


def run(tools, way, model, picture, words):
    """(milliseconds of the process, what it printed, the host's timings or {})."""
    command, environment = command_of(tools, way, model, picture, words)
    start = time.perf_counter()
    result = subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True)
    total = (time.perf_counter() - start) * 1e3
    if result.returncode != 0:
        raise Failed(result.stderr.strip()[-300:])
    brace = result.stderr.find("{")
    return total, result.stdout, json.loads(result.stderr[brace:]) if brace >= 0 else {}


def host_phases(timings):
    """What the host saw of one inference."""
    if not timings:
        return {}
    phases = {"compile": timings["compile_ms"], "instantiate": timings["instantiate_ms"]}
    calls = timings["calls"]

    def total(*names):
        times = [call["ms"] for call in calls if call["call"] in names]
        return sum(times) if times else None
    phases["load"] = total("load", "load_by_name", "init_execution_context")
    phases["first_inference"] = total("compute")
    phases["copies"] = total("set_input", "get_output", "tensor.new", "tensor.data")
    return {name: value for name, value in phases.items() if value is not None}


def guest_phases(printed):
    """What the guest saw of its inferences, and of what is around them."""
    report = json.loads(printed)
    one = report["inferences"][0]
    return {"load": report["load_ms"], "first_inference": one["compute_ms"]["first"],
            "preprocess": one["preprocess_ms"],
            "copies": one["input_ms"]["min"] + one["output_ms"]["min"],
            "compute": one["compute_ms"]["min"], "postprocess": one["postprocess_ms"]}


def measure(tools, way, model, picture):
    """The phases of one run, and the whole process with a single inference."""
    total, _, timings = run(tools, way, model, picture, ["--json"])
    _, printed, _ = run(tools, way, model, picture, ["--json", "--repeat", str(REPEAT)])
    phases = {**host_phases(timings), **guest_phases(printed)}
    phases["total"] = total
    return phases


def shortest(runs):
    names = list(dict.fromkeys(name for run in runs for name in run))
    return {name: min(run[name] for run in runs if name in run) for name in names}


def time_programs(tools, models, picture, runtimes):
    """A row for each model and way: {"model", "path", "runtime", "phases_ms"}, and what failed.

    tools: {"native": program, "host": wasmtime-onnx, "guests": folder}.
    """
    rows, skipped = [], []
    ways = []
    for way in WAYS:
        needed = tools["native"] if way[2] is None else tools["guests"] / f"{way[2]}.wasm"
        if way[1] not in runtimes:
            continue
        if needed.exists():
            ways.append(way)
        else:
            skipped.append({"what": f"program: {way[1]}, {way[0]}", "reason": f"{needed.name} is not built"})
    for model in models:
        runs = {way: [] for way in ways}
        for way in ROUNDS * ways:
            if way not in runs:
                continue
            try:
                runs[way].append(measure(tools, way, model, picture))
            except Failed as failure:
                del runs[way]
                skipped.append({"what": f"program: {model.stem}, {way[1]}, {way[0]}",
                                "reason": str(failure)})
        rows += [{"model": model.stem, "path": way[0], "runtime": way[1],
                  "phases_ms": shortest(of_way)} for way, of_way in runs.items()]
    return rows, skipped
