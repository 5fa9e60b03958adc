#!/usr/bin/env python3
"""Tests of what a report keeps of its promises."""

import unittest

import targets
from sample_report import contexts, instantiate, make_report, overhead, row


def verdicts(checks):
    return {one["what"]: one["met"] for one in checks}


class Ratios(unittest.TestCase):
    def test_kept_broken_and_not_measured(self):
        checks = verdicts(targets.ratio_checks([
            row("builtin", "native", 4.0), row("onnxruntime", "native", 6.0),
            row("openvino", "native", 4.1), row("builtin", "pure-simd", 15.0)]))
        self.assertEqual(checks, {
            "builtin / onnxruntime, squeezenet1.1, 1 thread": True,     # 0.667
            "builtin / openvino, squeezenet1.1, 1 thread": False,       # 0.976
            "builtin (AVX2) / onnxruntime, squeezenet1.1, 1 thread": None,
            "builtin, pure-simd / onnxruntime, squeezenet1.1, 1 thread": False})  # 2.5

    def test_models_have_bars_of_their_own(self):
        rows = [row(runtime, "native", ms, model=model, threads=2)
                for model in targets.MODELS
                for runtime, ms in (("builtin", 8.0), ("onnxruntime", 10.0))]
        checks = verdicts(targets.ratio_checks(rows))
        self.assertFalse(checks["builtin / onnxruntime, squeezenet1.1, 2 threads"])
        self.assertTrue(checks["builtin / onnxruntime, mobilenetv2, 2 threads"])
        self.assertNotIn("builtin / onnxruntime, mobilenetv2, 1 thread", checks)

    def test_other_models_and_gpus_have_none(self):
        rows = [row("builtin", "native", 4.0), row("onnxruntime", "native", 1.0, target="gpu")]
        self.assertIsNone(
            verdicts(targets.ratio_checks(rows))["builtin / onnxruntime, squeezenet1.1, 1 thread"])
        self.assertEqual(targets.ratio_checks([row("builtin", "native", 4.0, model="resnet")]), [])


class Others(unittest.TestCase):
    def test_overhead(self):
        slow = overhead()
        slow["abis"]["wit"]["added_over_copies_us"] = 20.5
        slow["abis"]["witx"]["bytes_copied"] = 64
        checks = verdicts(targets.overhead_checks([slow]))
        self.assertEqual(checks["witx beside the copies, builtin, float[1, 4]"], True)
        self.assertEqual(checks["wit beside the copies, builtin, float[1, 4]"], False)
        self.assertEqual(checks["witx copies, builtin, float[1, 4]"], False)
        self.assertEqual(checks["wit copies, builtin, float[1, 4]"], True)

    def test_contexts_take_less_than_the_model(self):
        what = "1000 contexts on one graph, builtin, squeezenet1.1"
        self.assertTrue(verdicts(targets.context_checks([contexts(800_000)]))[what])
        self.assertFalse(verdicts(targets.context_checks([contexts(5_000_001)]))[what])
        failed = dict(contexts(0), problem="no input")
        self.assertIsNone(verdicts(targets.context_checks([failed]))[what])

    def test_instantiation(self):
        checks = verdicts(targets.all_checks(make_report(instantiate=instantiate())))
        self.assertEqual(checks, {"a cached classify is ready": True,
                                  "classify is instantiated": False})


if __name__ == "__main__":
    unittest.main()
