#!/usr/bin/env python3
"""The driver of `make interop` and its guest, on models written here:

  interop_test.py HOST GUEST RUNTIME...
"""

import array
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

import document  # noqa: E402
import interop  # noqa: E402
import onnx_writer  # noqa: E402


def net_of(folder, op, expected):
    """y = op(x, x) of three floats, as nets.py writes it."""
    model = onnx_writer.ModelWriter("g", 17, "interop_test.py")
    model.add_input("x", [3])
    model.add_output("y", [3])
    model.add_node(op, ["x", "x"], "y")
    (folder / "model.onnx").write_bytes(model.to_bytes())
    (folder / "input0").write_bytes(b"f32 3\n" + array.array("f", [1, 2, 3]).tobytes())
    (folder / "output0").write_bytes(array.array("f", expected).tobytes())
    return {"inputs": [{}], "outputs": [{"name": "y", "dtype": "float32"}], "tolerance": 1e-6}


class InteropTest(unittest.TestCase):
    def verdict(self, runtime, op, expected):
        with tempfile.TemporaryDirectory() as folder:
            net = net_of(Path(folder), op, expected)
            verdict, detail = interop.run_net(Path(folder), net, runtime)
        if verdict == "absent":
            self.skipTest(detail)
        return verdict, detail

    def test_verdicts(self):
        for runtime in RUNTIMES:
            self.assertEqual(self.verdict(runtime, "Add", [2, 4, 6]), ("ok", ""))
            self.assertEqual(self.verdict(runtime, "Add", [2, 4, 7]),
                             ("wrong", "output 0 ('y'): 6.0 instead of 7.0"))
            self.assertIn("3 elements instead of 2", self.verdict(runtime, "Add", [2, 4])[1])
            verdict, detail = self.verdict(runtime, "NoSuchOperator", [0, 0, 0])
            self.assertEqual(verdict, "lacks")
            self.assertIn("NoSuchOperator", detail)

    def test_differences(self):
        nan = float("nan")
        self.assertIsNone(interop.difference([1.0, nan], [1.0, nan], 0))
        self.assertIsNone(interop.difference([100.001], [100.0], 1e-4))
        self.assertIsNotNone(interop.difference([100.1], [100.0], 1e-4))
        self.assertIsNotNone(interop.difference([nan], [1.0], 1))
        self.assertIsNotNone(interop.difference([1], [], 1))

    def test_the_document_s_table(self):
        def result(exporter, net, runtime, verdict, detail=""):
            return interop.Result("sklearn", exporter, net, runtime, verdict, detail)
        results = [result(exporter, "cnn", runtime, "ok")
                   for exporter in ("new", "old") for runtime in ("builtin", "onnxruntime")]
        results += [result("old", "svm", "builtin", "lacks", "operator X"),
                    result("old", "svm", "onnxruntime", "ok"),
                    result("new", "bad", "", "failed", "export: E")]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "interop.md")
            path.write_text("words\n\n## Results\n\nwhat was\n")
            document.write(path, results, ("builtin", "onnxruntime"))
            text = path.read_text()
        self.assertTrue(text.startswith("words\n\n## Results\n\n"), text)
        self.assertNotIn("what was", text)
        self.assertIn("skl2onnx 1.", text)
        self.assertIn("| bad | new | fails: export: E | fails: export: E |\n"
                      "| cnn | new, old | yes | yes |\n"
                      "| svm | old | no: operator X | yes |\n", text)

    def test_what_is_a_failure(self):
        def failure(runtime, verdict):
            return interop.is_failure(interop.Result("f", "e", "n", runtime, verdict, ""))
        self.assertFalse(failure("builtin", "lacks"))
        self.assertFalse(failure("tract", "lacks"))
        self.assertTrue(failure("onnxruntime", "lacks"))
        self.assertTrue(failure("builtin", "wrong"))
        self.assertFalse(failure("", "absent"))


if __name__ == "__main__":
    RUNTIMES = sys.argv[3:]
    interop.HOST, interop.GUEST = map(Path, sys.argv[1:3])
    unittest.main(argv=sys.argv[:1])
