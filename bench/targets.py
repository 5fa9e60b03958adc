"""What the project promises of its speed, and whether a report keeps it."""

MODELS = ("squeezenet1.1", "mobilenetv2", "efficientnet-lite0")
DEPTHWISE = MODELS[1:]
THREADS = (1, 2)

BUILTIN = ("builtin", "native")
AVX2 = ("builtin (AVX2)", "native")
PURE_SIMD = ("builtin", "pure-simd")
ONNXRUNTIME = ("onnxruntime", "native")
OPENVINO = ("openvino", "native")

# (subject, what it is compared with, models, numbers of threads, ratio of minimum times at most)
RATIOS = (
    (BUILTIN, ONNXRUNTIME, MODELS[:1], THREADS, 0.68),
    (BUILTIN, ONNXRUNTIME, DEPTHWISE, THREADS, 0.88),
    (BUILTIN, OPENVINO, MODELS, THREADS, 0.96),
    (AVX2, ONNXRUNTIME, MODELS, THREADS, 1.0),
    (PURE_SIMD, ONNXRUNTIME, MODELS[:1], (1,), 2.4),
)
INSTANTIATE_MS = 0.1


def name(subject):
    runtime, path = subject
    return runtime if path == "native" else f"{runtime}, {path}"


def index_rows(rows):
    """The rows of the CPU by (model, threads, runtime, path)."""
    return {(row["model"], row["threads"], row["runtime"], row["path"]): row
            for row in rows if row.get("target", "cpu") == "cpu"}


def ratio(row, other):
    """Of minimum times; nothing where one was not measured."""
    if not row or not other or not row["min_ms"] or not other["min_ms"]:
        return None
    return row["min_ms"] / other["min_ms"]


def check(what, value, at_most, unit=""):
    return {"what": what, "value": value, "at_most": at_most, "unit": unit,
            "met": None if value is None else value <= at_most}


def ratio_checks(rows):
    indexed = index_rows(rows)
    measured = {(row["model"], row["threads"]) for row in rows}
    checks = []
    for subject, other, models, threads, at_most in RATIOS:
        for model, n in ((model, n) for model in models for n in threads):
            if (model, n) not in measured:
                continue
            value = ratio(indexed.get((model, n, *subject)), indexed.get((model, n, *other)))
            checks.append(check(f"{name(subject)} / {name(other)}, {model}, {n} "
                                + ("thread" if n == 1 else "threads"), value, at_most))
    return checks


def overhead_checks(overhead):
    checks = []
    for row in overhead:
        for abi, call in row["abis"].items():
            value = call["added_us"]
            if value is not None:
                value = max(value, call["added_over_copies_us"])
            one = check(f"{abi} beside the copies, {row['runtime']}, {row['tensor']}", value,
                        row["target_us"], "us")
            checks.append(one)
            if value is not None:
                checks.append(check(f"{abi} copies, {row['runtime']}, {row['tensor']}",
                                    call["bytes_copied"], row["tensor_bytes"], "bytes"))
    return checks


def context_checks(contexts):
    return [check(f"{one['contexts']} contexts on one graph, {one['runtime']}, {one['model']}",
                  None if one.get("problem") else one["contexts_bytes"], one["model_bytes"],
                  "bytes") for one in contexts]


def all_checks(report):
    checks = ratio_checks(report["rows"]) + overhead_checks(report["overhead"])
    checks += context_checks(report.get("contexts", []))
    if times := report["instantiate"]:
        checks.append(check(f"a cached {times['guest']} is ready",
                            times["cached_ms"]["min"] + times["instantiate_ms"]["min"],
                            times["target_ms"], "ms"))
        checks.append(check(f"{times['guest']} is instantiated", times["instantiate_ms"]["min"],
                            INSTANTIATE_MS, "ms"))
    return checks
