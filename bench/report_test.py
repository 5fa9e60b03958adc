#!/usr/bin/env python3
"""Tests of report.py's tables."""

import unittest

import report


def row(runtime, path, min_ms, verified=True):
    result = {"model": "m", "runtime": runtime, "path": path, "threads": 1, "min_ms": min_ms,
              "median_ms": min_ms, "runs": 20, "verified": verified, "max_abs_error": 1e-6,
              "phases_ms": {"load": 1.0, "compute": min_ms}}
    if not verified:
        result["problem"] = "off by one"
    return result


def summary(value):
    return {"min": value, "median": value, "runs": 5}


def overhead(verified=True):
    measured = summary(10.0) if verified else None
    result = {"runtime": "builtin", "tensor": "float[1, 4]", "tensor_bytes": 32, "bytes_copied": 32,
              "native_us": measured, "native_borrowed_us": measured, "witx_us": measured,
              "memcpy_us": measured, "added_us": 1.5 if verified else None,
              "added_over_copies_us": 2.0 if verified else None, "target_us": 20.0,
              "within_target": verified, "verified": verified}
    if not verified:
        result["problem"] = "refused"
    return result


def make_report(**parts):
    return {"rows": [], "overhead": [], "instantiate": None, "skipped": [],
            "host": {"cpu": "a cpu"}, **parts}


class Comparison(unittest.TestCase):
    def test_ratio_and_differences(self):
        text = report.comparison([row("builtin", "native", 4.0), row("onnxruntime", "native", 5.0),
                                  row("builtin", "witx", 4.002), row("onnxruntime", "witx", 4.999)])
        self.assertEqual(text.splitlines()[2], "| m | 1 | 4.00 | 5.00 | 0.800 | +2 | -1 |")

    def test_what_was_not_measured_is_a_dash(self):
        text = report.comparison([row("builtin", "native", None, verified=False),
                                  row("onnxruntime", "native", 5.0)])
        self.assertEqual(text.splitlines()[2], "| m | 1 | - | 5.00 | - | - | - |")

    def test_one_runtime_has_no_ratio(self):
        text = report.comparison([row("builtin", "native", 4.0)])
        self.assertNotIn("builtin / onnxruntime", text)


class Markdown(unittest.TestCase):
    def test_every_part(self):
        text = report.markdown(make_report(
            rows=[row("builtin", "native", 4.0)], overhead=[overhead()],
            instantiate={"guest": "classify", "compile_ms": summary(100.0),
                         "cached_ms": summary(0.4), "deserialize_ms": summary(0.1),
                         "instantiate_ms": summary(0.1), "target_ms": 2.0, "within_target": True},
            skipped=[{"what": "mobilenetv2", "reason": "it is not there"}]))
        self.assertIn("- cpu: a cpu", text)
        self.assertIn("| m, builtin, native | 1 | 4.000 |", text)
        self.assertIn("| +1.50 | +2.00 | 32 | 32 | yes |", text)
        self.assertIn("| load from Wasmtime's cache | 0.400 |", text)
        self.assertIn("under 2 ms: yes", text)
        self.assertIn("- mobilenetv2: it is not there", text)
        self.assertNotIn("## Wrong", text)

    def test_wrong_outputs_are_named(self):
        text = report.markdown(make_report(rows=[row("builtin", "native", None, verified=False)],
                                           overhead=[overhead(verified=False)]))
        self.assertIn("- m, builtin, native: off by one", text)
        self.assertIn("- float[1, 4], builtin, overhead: refused", text)


    def test_busy_machine_is_told(self):
        busy = report.markdown(make_report(host={"cores": 2, "load_before": 1.5}))
        quiet = report.markdown(make_report(host={"cores": 2, "load_before": 0.4}))
        self.assertIn("busy", busy)
        self.assertNotIn("busy", quiet)


class Host(unittest.TestCase):
    def test_version_without_the_path(self):
        host = report.describe_host({"onnxruntime": "ONNX Runtime 1.32.0 (/some/where)"}, 0.5)
        self.assertEqual(host["onnxruntime"], "1.32.0")
        self.assertEqual(host["load_before"], 0.5)
        self.assertGreaterEqual(host["cores"], 1)


if __name__ == "__main__":
    unittest.main()
