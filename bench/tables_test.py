#!/usr/bin/env python3
"""Tests of a report's Markdown."""

import unittest

import document
import tables
from sample_report import contexts, instantiate, make_report, overhead, row


class Tables(unittest.TestCase):
    def test_libraries_side_by_side(self):
        text = tables.native_table([row("builtin", "native", 4.0), row("onnxruntime", "native", 5.0),
                                    row("openvino", "native", 4.4), row("builtin", "witx", 9.0)])
        self.assertEqual(text.splitlines()[2],
                         "| squeezenet1.1 | 1 | 4.00 | 5.00 | 4.40 | 0.800 | 0.909 |")

    def test_what_was_not_measured_is_a_dash(self):
        text = tables.native_table([row("builtin", "native", None, verified=False),
                                    row("onnxruntime", "native", 5.0)])
        self.assertEqual(text.splitlines()[2], "| squeezenet1.1 | 1 | - | 5.00 | - |")

    def test_what_wasi_nn_adds(self):
        text = tables.nn_table([row("builtin", "native", 4.0), row("builtin", "witx", 4.002),
                                row("builtin", "wit", 4.005)])
        self.assertEqual(text.splitlines()[2],
                         "| squeezenet1.1, builtin | 1 | 4.000 | 4.002 | 4.005 | +2 | +5 |")

    def test_pure_wasm_against_native_calls(self):
        text = tables.pure_table([row("builtin", "native", 4.0), row("onnxruntime", "native", 5.0),
                                  row("builtin", "pure-simd", 10.0),
                                  row("builtin", "pure-scalar", 80.0)])
        self.assertEqual(text.splitlines()[2],
                         "| squeezenet1.1 | 4.00 | 10.00 | 80.00 | 2.50 | 2.00 |")


class Markdown(unittest.TestCase):
    def test_every_part(self):
        report = make_report(
            rows=[row("builtin", "native", 4.0), row("builtin", "pure-simd", 8.0)],
            overhead=[overhead()], contexts=[contexts(800_000)], instantiate=instantiate(),
            programs=[{"model": "squeezenet1.1", "path": "witx", "runtime": "builtin",
                       "phases_ms": {"compile": 0.5, "preprocess": 6.25, "total": 40.0}}],
            skipped=[{"what": "mobilenetv2", "reason": "it is not there"}])
        text = tables.markdown(report)
        self.assertIn("- cpu: a cpu", text)
        self.assertIn("| squeezenet1.1, builtin, native, cpu | 1 | 4.000 |", text)
        self.assertIn("| float[1, 4], builtin, wit | 10.00 | 10.00 | 10.00 | 14.00 | +4.00 |", text)
        self.assertIn("| load from Wasmtime's cache | 0.400 |", text)
        self.assertIn("| 1000 | 9876 | 123.5 |", text)
        self.assertIn("| 1000 | 54321 | 65.4 |", text)
        self.assertIn("| squeezenet1.1, builtin | 5000.0 | 9000.0 | 800.0 | 0.8 | 2500.0 |", text)
        self.assertIn("| squeezenet1.1, builtin, witx | 0.500 | - | - | - | 6.250 |", text)
        self.assertIn("- mobilenetv2: it is not there", text)
        self.assertNotIn("## Wrong", text)

    def test_wrong_outputs_are_named(self):
        text = tables.markdown(make_report(
            rows=[row("builtin", "native", None, verified=False)],
            overhead=[overhead(verified=False)]))
        self.assertIn("- squeezenet1.1, builtin, native: off by one", text)
        self.assertIn("- float[1, 4], builtin, overhead: refused", text)

    def test_busy_machine_is_told(self):
        busy = tables.markdown(make_report(host={"cores": 2, "load_before": 1.5}))
        quiet = tables.markdown(make_report(host={"cores": 2, "load_before": 0.4}))
        self.assertIn("busy", busy)
        self.assertNotIn("busy", quiet)

    def test_wide_vectors_are_told(self):
        self.assertIn("compare worse", tables.peak_note({"AVX512": 290.0, "AVX2": 145.0}))
        self.assertNotIn("compare worse", tables.peak_note({"AVX512": 118.0, "AVX2": 117.0}))
        self.assertNotIn("compare worse", tables.peak_note({"NEON": 50.0}))
        self.assertEqual(tables.peak_note(None), "")

    def test_page_has_method_charts_and_kernels(self):
        page = document.page(make_report(rows=[row("builtin", "native", 4.0)]),
                             ["ways-1", "libraries"], "| kernel |\n")
        self.assertIn("## How it is measured", page)
        self.assertIn("](performance-ways-1.svg)", page)
        self.assertIn("## Kernels\n\n| kernel |", page)
        self.assertNotIn("## Kernels", document.page(make_report(), [], ""))


if __name__ == "__main__":
    unittest.main()
