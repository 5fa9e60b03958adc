#!/usr/bin/env python3
"""Tests of what report.py, programs.py and kernels.py make of other programs' output."""

import json
import unittest
from pathlib import Path

import kernels
import programs
import report


class Host(unittest.TestCase):
    def test_version_without_the_path(self):
        host = report.describe_host({"onnxruntime": "ONNX Runtime 1.32.0 (/some/where)"}, 0.5)
        self.assertEqual(host["onnxruntime"], "1.32.0")
        self.assertEqual(host["load_before"], 0.5)
        self.assertGreaterEqual(host["cores"], 1)


class Skipped(unittest.TestCase):
    def test_reasons_hold_nobodys_folders(self):
        one = {"what": "a library", "reason": f"no {report.ROOT}/x and no {Path.home()}/.cache/y"}
        self.assertEqual(report.without_folders([one]),
                         [{"what": "a library", "reason": "no ./x and no ~/.cache/y"}])


class Programs(unittest.TestCase):
    def test_guest_reports_more_than_the_host(self):
        times = {"first": 9.0, "min": 4.0, "median": 5.0}
        printed = json.dumps({"load_ms": 3.0, "inferences": [
            {"input_ms": {**times, "min": 0.25}, "compute_ms": times,
             "output_ms": {**times, "min": 0.5}, "preprocess_ms": 6.0, "postprocess_ms": 0.125}]})
        self.assertEqual(programs.guest_phases(printed), {
            "load": 3.0, "first_inference": 9.0, "preprocess": 6.0, "copies": 0.75, "compute": 4.0,
            "postprocess": 0.125})

    def test_host_reports_a_component(self):
        calls = [{"call": "load", "ms": 30.0}, {"call": "init_execution_context", "ms": 1.0},
                 {"call": "tensor.new", "ms": 0.25}, {"call": "compute", "ms": 7.0}]
        self.assertEqual(
            programs.host_phases({"compile_ms": 2.0, "instantiate_ms": 0.5, "calls": calls}),
            {"compile": 2.0, "instantiate": 0.5, "load": 31.0, "first_inference": 7.0,
             "copies": 0.25})
        self.assertEqual(programs.host_phases({}), {})

    def test_shortest_of_rounds(self):
        self.assertEqual(programs.shortest([{"load": 3.0, "total": 9.0}, {"load": 4.0, "total": 8.0}]),
                         {"load": 3.0, "total": 8.0})

    def test_what_is_not_built_is_skipped(self):
        nowhere = Path("/no/such/folder")
        rows, skipped = programs.time_programs(
            {"native": nowhere / "classify", "host": nowhere / "host", "guests": nowhere},
            [nowhere / "m.onnx"], nowhere / "p.jpg", {"builtin"})
        self.assertEqual(rows, [])
        self.assertIn({"what": "program: builtin, witx", "reason": "classify.wasm is not built"}, skipped)


class Kernels(unittest.TestCase):
    def test_best_repetition_against_the_peak_of_its_instruction_set(self):
        def one(name, gflops, kind="iteration"):
            return {"run_name": name, "run_type": kind, "GFLOPS": gflops * 1e9}
        text = kernels.markdown({"benchmarks": [
            one("AVX512/peak", 100), one("AVX512/peak", 120), one("AVX2/peak", 60),
            one("AVX512/gemm 64x64x64", 90), one("AVX512/gemm 64x64x64", 500, "aggregate"),
            one("AVX2/gemm 64x64x64", 45), one("AVX512/first 3x3", 30),
            {"run_name": "SSE4/gemm 64x64x64", "error_occurred": True}]})
        self.assertEqual(text.splitlines()[2:], [
            "| **FMA peak** | 120.0 | 60.0 |",
            "| gemm 64x64x64 | 90.0 (75 %) | 45.0 (75 %) |",
            "| first 3x3 | 30.0 (25 %) | - |"])


if __name__ == "__main__":
    unittest.main()
