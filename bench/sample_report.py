"""A made-up report for the tests."""


def row(runtime, path, min_ms, verified=True, **changes):
    result = {"model": "squeezenet1.1", "runtime": runtime, "path": path, "target": "cpu",
              "threads": 1, "min_ms": min_ms, "median_ms": min_ms, "runs": 20,
              "verified": verified, "max_abs_error": 1e-6,
              "phases_ms": {"load": 1.0, "compute": min_ms}, **changes}
    if not verified:
        result["problem"] = "off by one"
    return result


def summary(value):
    return {"min": value, "median": value, "runs": 5}


def call(us, bytes_copied=32):
    return {"us": summary(us), "bytes_copied": bytes_copied, "added_us": us - 10.0,
            "added_over_copies_us": us - 9.5, "within_target": True}


def overhead(verified=True):
    measured = summary(10.0) if verified else None
    nothing = {"us": None, "bytes_copied": 0, "added_us": None, "added_over_copies_us": None,
               "within_target": False}
    result = {"runtime": "builtin", "tensor": "float[1, 4]", "tensor_bytes": 32,
              "native_us": measured, "native_borrowed_us": measured, "memcpy_us": measured,
              "abis": {"witx": call(11.5) if verified else nothing,
                       "wit": call(14.0) if verified else nothing},
              "target_us": 20.0, "verified": verified}
    if not verified:
        result["problem"] = "refused"
    return result


def contexts(bytes_of_all):
    return {"model": "squeezenet1.1", "runtime": "builtin", "model_bytes": 5_000_000,
            "graph_bytes": 9_000_000, "contexts": 1000, "contexts_bytes": bytes_of_all,
            "used_bytes_each": 2_500_000, "within_target": bytes_of_all < 5_000_000}


def instantiate():
    return {"guest": "classify", "compile_ms": summary(100.0), "cached_ms": summary(0.4),
            "deserialize_ms": summary(0.1), "instantiate_ms": summary(0.25),
            "instances": [{"n": 1000, "per_second": 9876.0, "bytes_each": 123_456}],
            "instantiate_pooled_ms": summary(0.025),
            "pooled_instances": [{"n": 1000, "per_second": 54321.0, "bytes_each": 65_432}],
            "target_ms": 2.0, "within_target": True}


def make_report(**parts):
    return {"rows": [], "overhead": [], "contexts": [], "instantiate": None, "programs": [],
            "skipped": [], "host": {"cpu": "a cpu"}, **parts}
