#!/usr/bin/env python3
"""conformance.py itself, with workers that crash, hang and answer."""

import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent))
import conformance  # noqa: E402

# What a case's folder is called decides what happens to it.
WORKER = f"""#!{sys.executable}
import os, sys, time
for line in sys.stdin:
    rtol, atol, folder = line.rstrip("\\n").split("\\t")
    if folder.endswith("crash"):
        os.abort()
    if folder.endswith("hang"):
        time.sleep(60)
    print("pass" if folder.endswith("good") else f"fail\\t{{rtol}} {{atol}}", flush=True)
"""


class RunSuiteTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.worker = Path(self.folder.name) / "worker"
        self.worker.write_text(WORKER)
        self.worker.chmod(0o755)

    def tearDown(self):
        self.folder.cleanup()

    def run_cases(self, names, jobs=1):
        cases = [{"name": name, "folder": f"/suite/{name}", "rtol": 0.5, "atol": 0.25}
                 for name in names]
        return conformance.run_cases([self.worker, "builtin"], cases, jobs)

    def test_a_crash_is_the_failure_of_its_own_case_only(self):
        results = self.run_cases(["a/good", "b/crash", "c/crash", "d/good", "e/bad"])
        self.assertEqual([results[name][0] for name in sorted(results)],
                         [True, False, False, True, False])
        self.assertIn("SIGABRT", results["b/crash"][1])
        self.assertEqual(results["e/bad"][1], "0.5 0.25")

    def test_a_hang_ends_and_the_next_case_runs(self):
        with mock.patch.object(conformance, "CASE_SECONDS", 1):
            results = self.run_cases(["a/hang", "b/good"])
        self.assertIn("more than 1 s", results["a/hang"][1])
        self.assertTrue(results["b/good"][0])

    def test_every_case_runs_once_on_several_workers(self):
        names = [f"{i}/good" for i in range(20)]
        self.assertEqual(set(self.run_cases(names, jobs=4)), set(names))


class ExpectedTest(unittest.TestCase):
    def test_lines_are_names_and_reasons_and_twice_does_no_harm(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "expected.txt"
            path.write_text("# why\nb two words\na one\nb two words\n")
            with mock.patch.object(conformance, "EXPECTED", path):
                expected = conformance.read_expected()
                self.assertEqual(expected, {"a": "one", "b": "two words"})
                conformance.write_expected(expected)
            self.assertEqual(path.read_text(), "# why\na one\nb two words\n")


class SuitesTest(unittest.TestCase):
    def test_a_case_is_of_the_suite_that_its_name_says(self):
        older = conformance.deps.PINS["older-suite"][0]["version"]
        self.assertEqual(conformance.suite_of(f"{older}/node/test_x"), older)
        self.assertEqual(conformance.suite_of("node/test_x"), conformance.deps.suite_version())

    def test_a_skipped_case_neither_passes_nor_fails(self):
        results = {"a": (True, ""), "b": (False, "wrong"), "c": (False, "skipped: no decoder")}
        self.assertEqual(conformance.count(results), {"passed": 1, "failed": 1, "skipped": 1})
        self.assertEqual(conformance.failures_of({"builtin": results}), {"b": "builtin: wrong"})


class DocumentTest(unittest.TestCase):
    def test_a_report_has_every_runtime_and_case(self):
        cases = [{"name": "node/test_x", "operators": ["X"]}]
        report = conformance.report_of("1.2.3", cases, {"builtin": {"node/test_x": (False, "why")}})
        self.assertEqual(report, {
            "suite": {"onnx": "1.2.3", "cases": 1},
            "runtimes": {"builtin": {"passed": 0, "failed": 1, "skipped": 0}},
            "cases": {"node/test_x": {"operators": ["X"], "builtin": "why"}}})

    def test_an_expanded_case_counts_for_the_function(self):
        cases = [{"name": "node/test_x", "operators": ["X"]},
                 {"name": "node/test_x_expanded_ver18", "operators": ["Add", "Mul"]},
                 {"name": "light/net", "operators": ["Add", "X"]}]
        self.assertEqual(conformance.operator_rows(cases),
                         {"X": ["node/test_x", "node/test_x_expanded_ver18", "light/net"],
                          "Add": ["light/net"]})

    def test_versions_that_follow_each_other_join(self):
        listing = "Clip ai.onnx 1-10\nClip ai.onnx 11-28\nDropout ai.onnx 1-6\nDropout ai.onnx 9-28\n"
        text = conformance.operators_document(listing)
        self.assertIn("| ai.onnx | Clip | 1 to 28 |", text)
        self.assertIn("| ai.onnx | Dropout | 1 to 6, 9 to 28 |", text)


if __name__ == "__main__":
    unittest.main()
