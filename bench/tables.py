"""A report as Markdown."""

import targets
from targets import index_rows, ratio


def table(header, rows):
    """A Markdown table whose first column is text and whose others are numbers."""
    lines = ["| " + " | ".join(header) + " |", "|---" + "|---:" * (len(header) - 1) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def number(value, digits=2, sign=False):
    if value is None:
        return "-"
    return f"{value:+.{digits}f}" if sign else f"{value:.{digits}f}"


def groups(rows):
    """(model, threads) in the report's order."""
    return list(dict.fromkeys((row["model"], row["threads"]) for row in rows))


def added_us(row, other):
    if not row or not other or row["min_ms"] is None or other["min_ms"] is None:
        return None
    return (row["min_ms"] - other["min_ms"]) * 1e3


def min_ms(row):
    return row["min_ms"] if row else None


def native_table(rows):
    """Native calls of every library side by side."""
    indexed = index_rows(rows)
    names = list(dict.fromkeys(row["runtime"] for row in rows if row["path"] == "native"))
    others = [name for name in names if not name.startswith("builtin")]
    header = (["model", "threads"] + [f"{name}, ms" for name in names]
              + [f"builtin / {name}" for name in others])
    lines = []
    for model, threads in groups(rows):
        def find(name):
            return indexed.get((model, threads, name, "native"))
        lines.append([model, str(threads)] + [number(min_ms(find(name))) for name in names]
                     + [number(ratio(find("builtin"), find(name)), 3) for name in others])
    return table(header, lines)


def nn_table(rows):
    """What a call through WASI-NN takes beside a native one."""
    indexed = index_rows(rows)
    runtimes = list(dict.fromkeys(row["runtime"] for row in rows if row["path"] == "witx"))
    lines = []
    for model, threads in groups(rows):
        for runtime in runtimes:
            native, witx, wit = (indexed.get((model, threads, runtime, path))
                                 for path in ("native", "witx", "wit"))
            if not native and not witx and not wit:
                continue
            lines.append([f"{model}, {runtime}", str(threads)]
                         + [number(min_ms(row), 3) for row in (native, witx, wit)]
                         + [number(added_us(row, native), 0, sign=True) for row in (witx, wit)])
    return table(["model, runtime", "threads", "native, ms", "witx, ms", "wit, ms",
                  "witx adds, us", "wit adds, us"], lines)


def pure_table(rows):
    """The engine inside the guest, against native calls."""
    indexed = index_rows(rows)
    paths = list(dict.fromkeys(row["path"] for row in rows if row["path"].startswith("pure-")))
    header = ["model, 1 thread", "builtin, native"] + [f"{path[5:]}, ms" for path in paths]
    header += ["simd / builtin, native", "simd / onnxruntime, native"]
    lines = []
    for model in dict.fromkeys(row["model"] for row in rows):
        def find(runtime, path):
            return indexed.get((model, 1, runtime, path))
        simd = find("builtin", "pure-simd")
        lines.append([model, number(min_ms(find("builtin", "native")))]
                     + [number(min_ms(find("builtin", path))) for path in paths]
                     + [number(ratio(simd, find(name, "native")), 2)
                        for name in ("builtin", "onnxruntime")])
    return table(header, lines)


def all_rows(rows):
    header = ["model, runtime, path, target", "threads", "min ms", "median ms", "runs",
              "compile ms", "instantiate ms", "load ms", "first ms", "copies ms", "compute ms",
              "max abs error", "verified"]
    lines = []
    for row in rows:
        phases = row["phases_ms"]
        error = row["max_abs_error"]
        lines.append([f"{row['model']}, {row['runtime']}, {row['path']}, {row['target']}",
                      str(row["threads"]), number(row["min_ms"], 3), number(row["median_ms"], 3),
                      str(row["runs"])]
                     + [number(phases.get(name)) for name in
                        ("compile", "instantiate", "load", "first_inference")]
                     + [number(phases.get("copies"), 3), number(phases.get("compute"), 3),
                        "-" if error is None else f"{error:.1e}",
                        "yes" if row["verified"] else "**no**"])
    return table(header, lines)


PHASES = ("compile", "instantiate", "load", "first_inference", "preprocess", "copies", "compute",
          "postprocess", "total")


def program_table(rows):
    header = ["model, runtime, path"] + [name.replace("_", " ") for name in PHASES]
    return table(header, [[f"{row['model']}, {row['runtime']}, {row['path']}"]
                          + [number(row["phases_ms"].get(name), 3) for name in PHASES]
                          for row in rows])


def overhead_table(rows):
    def shortest(times):
        return number((times or {}).get("min"))
    header = ["tensor, runtime, ABI", "native us", "without copies", "memcpy", "WASI-NN", "added",
              "added to the copies", "bytes", "bytes copied"]
    return table(header, [
        [f"{row['tensor']}, {row['runtime']}, {abi}", shortest(row["native_us"]),
         shortest(row["native_borrowed_us"]), shortest(row["memcpy_us"]), shortest(call["us"]),
         number(call["added_us"], sign=True), number(call["added_over_copies_us"], sign=True),
         str(row["tensor_bytes"]), str(call["bytes_copied"])]
        for row in rows for abi, call in row["abis"].items()])


def context_table(contexts):
    def kilobytes(value):
        return number(value / 1e3, 1)
    header = ["model, runtime", "model's file, kB", "loaded graph, kB", "1,000 contexts, kB",
              "each, kB", "each, once it computed, kB"]
    return table(header, [
        [f"{one['model']}, {one['runtime']}", kilobytes(one["model_bytes"]),
         kilobytes(one["graph_bytes"]), kilobytes(one["contexts_bytes"]),
         kilobytes(one["contexts_bytes"] / one["contexts"]), kilobytes(one["used_bytes_each"])]
        for one in contexts if not one.get("problem")])


def instance_table(instances):
    return table(["instances alive", "per second", "kB each"],
                 [[str(one["n"]), number(one["per_second"], 0), number(one["bytes_each"] / 1e3, 1)]
                  for one in instances])


def instantiate_table(times):
    parts = [("compile, no cache", times["compile_ms"]),
             ("load from Wasmtime's cache", times["cached_ms"]),
             ("load a precompiled file", times["deserialize_ms"]),
             ("instantiate", times["instantiate_ms"])]
    if pooled := times.get("instantiate_pooled_ms"):
        parts.append(("instantiate out of a pool, imports resolved before", pooled))
    if command := times.get("command"):
        parts += [("`wasmtime-onnx`: compile, cached", command["compile_ms"]),
                  ("`wasmtime-onnx`: instantiate", command["instantiate_ms"]),
                  ("`wasmtime-onnx`: whole process", command["process_ms"])]
    return table([times["guest"], "min ms", "median ms", "runs"],
                 [[name, number(one["min"], 3), number(one["median"], 3), str(one["runs"])]
                  for name, one in parts])


VERDICTS = {True: "yes", False: "**no**", None: "not measured"}


def target_table(checks):
    def value_of(one, key):
        if one[key] is None:
            return "-"
        digits = {"": 3, "us": 2, "ms": 3, "bytes": 0}[one["unit"]]
        return f"{one[key]:.{digits}f} {one['unit']}".strip()
    return table(["what", "measured", "at most", "kept"],
                 [[one["what"], value_of(one, "value"), value_of(one, "at_most"),
                   VERDICTS[one["met"]]] for one in checks])


def is_busy(host):
    """Whether others used so much of the machine that the times say little."""
    return host.get("load_before", 0) > 0.5 * host.get("cores", 1)


def host_list(host):
    text = "\n".join(f"- {name.replace('_', ' ')}: {value}" for name, value in host.items()) + "\n"
    if is_busy(host):
        text += ("\n**The machine was busy with other work: these times are too long and "
                 "scatter.**\n")
    return text


WIDE = 1.3  # times the multiply-adds of the next narrower instruction set


def peak_note(peaks):
    """What a core can do at most, and what that means for the ratios."""
    if not peaks:
        return ""
    text = ("Multiply-adds on registers, GFLOPS of one core: "
            + ", ".join(f"{isa} {gflops:.0f}" for isa, gflops in peaks.items()) + ".\n")
    if peaks.get("AVX512", 0) > WIDE * peaks.get("AVX2", float("inf")):
        text += ("The targets were set on a Zen 4 core, which does as many with AVX2 as with AVX-512. "
                 "This one does more with AVX-512, which ONNX Runtime and OpenVINO use too: what is "
                 "held to AVX2, and WebAssembly with its 128 bits, compare worse with them here.\n")
    return text


def problem_list(report):
    problems = [row for row in report["rows"] + report["overhead"] if not row["verified"]]
    return "".join(f"- {row.get('model') or row['tensor']}, {row['runtime']}, "
                   f"{row.get('path', 'overhead')}: {row['problem']}\n" for row in problems)


def sections(report):
    """(heading, text) of all that was measured, in order."""
    rows = report["rows"]
    parts = []

    def add(heading, *texts):
        parts.append((heading, "\n".join(filter(None, texts))))
    if rows:
        add("Targets", "Ratios are of minimum times within this run.\n",
            target_table(targets.all_checks(report)), peak_note(report.get("fma_peaks")))
        add("Native calls", "Minimum times of one inference, batch 1.\n", native_table(rows))
        add("Through WASI-NN", nn_table(rows))
        if any(row["path"].startswith("pure-") for row in rows):
            add("Pure WebAssembly", "The engine inside the guest, minimum times.\n",
                pure_table(rows))
    if report.get("programs"):
        add("Whole programs", "`classify` on one picture, one thread, minimum milliseconds. "
            "`compile` is out of Wasmtime's cache; `total` is the process with one inference.\n",
            program_table(report["programs"]))
    if report["overhead"]:
        add("What WASI-NN adds to a native call",
            "A model that computes nothing; minimum times in microseconds.\n",
            overhead_table(report["overhead"]))
    if report.get("contexts"):
        add("Contexts on one graph", "Resident memory, one thread.\n",
            context_table(report["contexts"]))
    if times := report["instantiate"]:
        add("How soon a guest begins", instantiate_table(times))
        if times.get("instances"):
            add(f"Instances of {times['guest']}", instance_table(times["instances"]))
        if times.get("pooled_instances"):
            add(f"Instances of {times['guest']} out of a pool",
                "`EngineOptions::pooling`, and imports resolved once.\n",
                instance_table(times["pooled_instances"]))
    if rows:
        add("Every row", "Of copies and compute the median.\n", all_rows(rows))
    if report["skipped"]:
        add("Left out", "".join(f"- {one['what']}: {one['reason']}\n"
                                for one in report["skipped"]))
    if problems := problem_list(report):
        add("Wrong", problems)
    return parts


def markdown(report):
    text = "# Benchmark\n\n" + host_list(report["host"])
    return text + "".join(f"\n## {heading}\n\n{body}" for heading, body in sections(report))
