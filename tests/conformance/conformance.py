#!/usr/bin/env python3
"""Runs ONNX's backend suite through conformance_worker.

  conformance.py test       `builtin`, optimised and not, against expected.txt
  conformance.py report     also `onnxruntime`; writes build/conformance/report.json, docs/conformance.md
  conformance.py operators  checks docs/operators.md against the engine's registry; --write writes it

With --filter REGEX only the cases whose name ("node/test_add") matches run, and what fails is shown:
  conformance.py test --filter resize
"""

import argparse
import concurrent.futures
import json
import os
import queue
import re
import select
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import deps  # noqa: E402

EXPECTED = Path(__file__).resolve().parent / "expected.txt"
BUILTIN = ("builtin", "builtin-unoptimized")
CASE_SECONDS = 60
SKIPPED = 77  # what CTest takes for a skipped test


class Worker:
    """One conformance_worker process, started again when a case crashes it or takes too long."""

    def __init__(self, program, runtime):
        self.command = [str(program), runtime]
        self.process = None

    def run(self, case, folder):
        """(passed, reason)"""
        if self.process is None:
            self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        line = f"{case['rtol']!r}\t{case['atol']!r}\t{folder}\n"
        try:
            self.process.stdin.write(line.encode())
            self.process.stdin.flush()
        except BrokenPipeError:
            return False, self.ended()
        if not select.select([self.process.stdout], [], [], CASE_SECONDS)[0]:
            self.process.kill()
            self.ended()
            return False, f"took more than {CASE_SECONDS} s"
        answer = self.process.stdout.readline().decode(errors="replace").rstrip("\n")
        if not answer:
            return False, self.ended()
        verdict, _, reason = answer.partition("\t")
        return verdict == "pass", reason

    def ended(self):
        code = self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        self.process = None
        name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return f"the process crashed: {name}"

    def close(self):
        if self.process is not None:
            self.process.stdin.close()
            self.process.wait()
            self.process.stdout.close()


def run_suite(program, suite, cases, runtime, jobs):
    """{case name: (passed, reason)}"""
    waiting = queue.SimpleQueue()
    for case in cases:
        waiting.put(case)
    results = {}

    def work():
        worker = Worker(program, runtime)
        while True:
            try:
                case = waiting.get_nowait()
            except queue.Empty:
                return worker.close()
            results[case["name"]] = worker.run(case, suite / case["name"])

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for future in [pool.submit(work) for _ in range(jobs)]:
            future.result()
    return results


def read_expected():
    """{case name: why it does not pass}. A line: the name, spaces, the reason."""
    expected = {}
    for line in EXPECTED.read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            name, _, reason = line.partition(" ")
            expected[name] = reason.strip()
    return expected


def write_expected(expected):
    head = [line for line in EXPECTED.read_text().splitlines() if line.startswith("#")]
    body = [f"{name} {expected[name]}" for name in sorted(expected)]
    EXPECTED.write_text("\n".join([*head, *body]) + "\n")


def load_cases(arguments):
    suite = deps.conformance_dir()
    if not suite.exists():
        print("ONNX's backend suite is not in the cache; `make setup` writes it where PyPI can be "
              "reached")
        sys.exit(SKIPPED)
    cases = json.loads((suite / "index.json").read_text())
    return suite, [case for case in cases if re.search(arguments.filter, case["name"])]


def failure(results, name):
    """The first failure of a case among the runtimes, or None."""
    for runtime, by_case in results.items():
        passed, reason = by_case[name]
        if not passed:
            return f"{runtime}: {reason}"
    return None


def command_test(arguments):
    suite, cases = load_cases(arguments)
    expected = read_expected()
    results = {}
    for runtime in BUILTIN:
        results[runtime] = run_suite(arguments.worker, suite, cases, runtime, arguments.jobs)
        passed = sum(ok for ok, _ in results[runtime].values())
        print(f"{runtime}: {passed} of {len(cases)} cases pass")
    failures = {case["name"]: failure(results, case["name"]) for case in cases}
    failures = {name: reason for name, reason in failures.items() if reason}
    if arguments.filter:
        for name, reason in sorted(failures.items()):
            print(f"  {name}: {reason}")
    names = {case["name"] for case in cases}
    if arguments.prune:
        write_expected({name: reason for name, reason in expected.items()
                        if name in failures or name not in names})
        expected = read_expected()
    unexpected = [name for name in sorted(failures) if name not in expected]
    healed = [name for name in sorted(expected) if name in names and name not in failures]
    unknown = [] if arguments.filter else sorted(expected.keys() - names)
    for name in unexpected:
        print(f"FAILED {name}: {failures[name]}")
    for name in healed:
        print(f"FAILED {name} passes: remove its line from tests/conformance/expected.txt (--prune)")
    for name in unknown:
        print(f"FAILED {name} of tests/conformance/expected.txt is no case of the suite")
    sys.exit(1 if unexpected or healed or unknown else 0)


def operator_rows(cases):
    """{operator: its cases}. An expanded function's case counts for the function's operator."""
    operators = {case["name"]: case["operators"] for case in cases}
    rows = {}
    for case in cases:
        whole = re.sub(r"_expanded(_ver\d+)?$", "", case["name"])
        for operator in operators.get(whole, case["operators"]):
            rows.setdefault(operator, []).append(case["name"])
    return rows


def conformance_document(cases, results, expected):
    runtimes = list(results)
    total = {runtime: sum(ok for ok, _ in results[runtime].values()) for runtime in runtimes}
    lines = [
        "# Conformance", "",
        f"ONNX's own backend suite, the {len(cases)} cases of "
        + next(p for p in deps.PINS["python"]["onnx-suite"] if p.startswith("onnx=="))
        + ", under each runtime. `make conformance` writes this file and",
        "`build/conformance/report.json`. A case counts for every operator in its model; one of an "
        "expanded function counts for",
        "the function. What does not pass under `builtin`, and why: "
        "[expected.txt](../tests/conformance/expected.txt).", "",
        "| operator | cases | " + " | ".join(f"`{runtime}`" for runtime in runtimes) + " |",
        "|---|---:|" + "---:|" * len(runtimes),
        f"| **all** | {len(cases)} | "
        + " | ".join(f"**{total[runtime]}**" for runtime in runtimes) + " |"]
    for operator, names in sorted(operator_rows(cases).items()):
        counts = [sum(results[runtime][name][0] for name in names) for runtime in runtimes]
        lines.append(f"| {operator} | {len(names)} | " + " | ".join(map(str, counts)) + " |")
    return "\n".join(lines) + "\n"


def command_report(arguments):
    suite, cases = load_cases(arguments)
    expected = read_expected()
    results = {runtime: run_suite(arguments.worker, suite, cases, runtime, arguments.jobs)
               for runtime in (*BUILTIN, "onnxruntime")}
    counts = {}
    for runtime, by_case in results.items():
        passed = sum(ok for ok, _ in by_case.values())
        # What ONNX Runtime cannot be handed through this host says nothing of it.
        skipped = sum(reason.startswith("skipped") for _, reason in by_case.values())
        counts[runtime] = {"passed": passed, "failed": len(cases) - passed - skipped,
                           "skipped": skipped}
        print(f"{runtime}: {passed} passed, {len(cases) - passed - skipped} failed, "
              f"{skipped} skipped")
    report = {
        "suite": {"onnx": next(iter(deps.PINS["python"]["onnx-suite"])).partition("==")[2],
                  "cases": len(cases)},
        "runtimes": counts,
        "cases": {case["name"]: {
            "operators": case["operators"],
            **{runtime: "passed" if results[runtime][case["name"]][0]
               else results[runtime][case["name"]][1] for runtime in results}} for case in cases},
    }
    path = ROOT / "build/conformance/report.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=1) + "\n")
    print(f"wrote {path.relative_to(ROOT)}")
    if not arguments.filter:
        (ROOT / "docs/conformance.md").write_text(conformance_document(cases, results, expected))
        print("wrote docs/conformance.md")


def operators_document(listing):
    """One row an operator: its domain and the versions of the operator set that are implemented."""
    rows = {}
    for line in listing.splitlines():
        name, domain, versions = line.split()
        rows.setdefault((domain, name), []).append(versions)
    lines = ["# Operators of the `builtin` runtime", "",
             "Written from the engine's registry by "
             "`tests/conformance/conformance.py operators --write`. The versions are those of the "
             "domain's operator set.", "", "| domain | operator | versions |", "|---|---|---|"]
    # A domain's rows join when each version follows the one before.
    for (domain, name), versions in sorted(rows.items()):
        ranges = sorted(tuple(map(int, v.split("-"))) for v in versions)
        joined = [list(ranges[0])]
        for first, last in ranges[1:]:
            if first <= joined[-1][1] + 1:
                joined[-1][1] = max(last, joined[-1][1])
            else:
                joined.append([first, last])
        lines.append(f"| {domain} | {name} | " + ", ".join(f"{a} to {b}" for a, b in joined) + " |")
    return "\n".join(lines) + "\n"


def command_operators(arguments):
    listing = subprocess.run([str(arguments.worker), "--operators"], check=True,
                             capture_output=True, text=True).stdout
    document = ROOT / "docs/operators.md"
    text = operators_document(listing)
    if arguments.write:
        document.write_text(text)
    elif not document.exists() or document.read_text() != text:
        sys.exit("docs/operators.md is not what the registry says; write it anew with "
                 "tests/conformance/conformance.py operators --write")


def newest_worker():
    built = sorted(ROOT.glob("build/*/tests/conformance_worker"), key=os.path.getmtime)
    return built[-1] if built else None


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--worker", type=Path, default=newest_worker(),
                        help="the program to drive; the newest of build/ if left out")
    common.add_argument("--filter", default="", metavar="REGEX")
    common.add_argument("--jobs", type=int, default=os.cpu_count())
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, function in (("test", command_test), ("report", command_report),
                           ("operators", command_operators)):
        command = commands.add_parser(name, parents=[common])
        command.set_defaults(function=function)
        if name == "test":
            command.add_argument("--prune", action="store_true",
                                 help="remove from expected.txt what passes")
        if name == "operators":
            command.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    if arguments.worker is None:
        sys.exit("conformance_worker is not built yet: `make build`")
    arguments.function(arguments)


if __name__ == "__main__":
    main()
