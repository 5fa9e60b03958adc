#!/usr/bin/env python3
"""Tests of the charts: well-formed SVG whose bars are as long as their values."""

import unittest
import xml.etree.ElementTree as xml

import charts
import targets
from sample_report import row

SVG = "{http://www.w3.org/2000/svg}"


def bars(svg):
    """Height by title."""
    return {rect.findtext(f"{SVG}title"): float(rect.get("height"))
            for rect in xml.fromstring(svg).iter(f"{SVG}rect")
            if rect.find(f"{SVG}title") is not None}


class BarChart(unittest.TestCase):
    def test_heights_are_values(self):
        heights = bars(charts.bar_chart("t", ["a", "b"], [("x", "#000", [2.0, 4.0]),
                                                          ("<y>", "#fff", [1.0, None])]))
        self.assertEqual(len(heights), 3)
        self.assertAlmostEqual(heights["b, x: 4.00 ms"], 2 * heights["a, x: 2.00 ms"], delta=0.2)
        self.assertAlmostEqual(heights["b, x: 4.00 ms"], 4 * heights["a, <y>: 1.00 ms"], delta=0.4)

    def test_steps_of_the_axis(self):
        self.assertEqual(charts.nice_step(10), 2)
        self.assertEqual(charts.nice_step(7), 1)
        self.assertEqual(charts.nice_step(24), 5)
        self.assertAlmostEqual(charts.nice_step(0.3), 0.05)
        self.assertEqual(charts.nice_step(0), 1)

    def test_nothing_to_show(self):
        self.assertEqual(bars(charts.bar_chart("t", [], [])), {})


class ReportCharts(unittest.TestCase):
    def test_one_for_each_number_of_threads_and_one_of_libraries(self):
        rows = [row(runtime, path, 4.0, threads=threads) for threads in (1, 2)
                for runtime, path in (("builtin", "native"), ("builtin", "witx"),
                                      ("openvino", "native"))]
        rows.append(row("builtin", "pure-simd", 9.0))
        drawn = charts.report_charts(targets.index_rows(rows))
        self.assertEqual(list(drawn), ["ways-1", "ways-2", "libraries"])
        self.assertIn("squeezenet1.1, builtin, pure Wasm (SIMD): 9.00 ms", bars(drawn["ways-1"]))
        self.assertEqual(len(bars(drawn["ways-2"])), 2)
        self.assertIn("squeezenet1.1, 2T, OpenVINO: 4.00 ms", bars(drawn["libraries"]))


if __name__ == "__main__":
    unittest.main()
