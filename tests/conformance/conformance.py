#!/usr/bin/env python3
"""Runs ONNX's backend suites, the newest and older ones, through conformance_worker.

  conformance.py test       `builtin`, optimised and not, against expected.txt
  conformance.py report     under every runtime; writes build/conformance/report*.json, docs/conformance.md
  conformance.py operators  checks docs/operators.md against the engine's registry; --write writes it

A case is called "node/test_add", or "1.12.0/node/test_add" in an older suite. With --filter REGEX only
those that match run, and what fails is shown:
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
WASM = "builtin-wasm32"  # the engine as a guest of wasmtime-onnx
CASE_SECONDS = 60
SKIPPED = 77  # what CTest takes for a skipped test


def worker_command(arguments, runtime):
    """The worker that runs cases under this runtime."""
    if runtime != WASM:
        return [arguments.worker, runtime]
    root = deps.CACHE / "conformance"
    return [arguments.host, "--dir", f"{root}::{root}", arguments.guest, "builtin"]


class Worker:
    """One conformance_worker process, started again when a case crashes it or takes too long."""

    def __init__(self, command):
        self.command = [str(word) for word in command]
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


def run_cases(command, cases, jobs):
    """{case name: (passed, reason)}, from as many workers at once."""
    waiting = queue.SimpleQueue()
    for case in cases:
        waiting.put(case)
    results = {}

    def work():
        worker = Worker(command)
        while True:
            try:
                case = waiting.get_nowait()
            except queue.Empty:
                return worker.close()
            results[case["name"]] = worker.run(case, case["folder"])

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


def suite_folders():
    """{version: folder}, the newest first."""
    return {deps.suite_version(): deps.conformance_dir(),
            **{pin["version"]: deps.conformance_dir(pin) for pin in deps.PINS["older-suite"]}}


def prefix_of(version):
    return "" if version == deps.suite_version() else version + "/"


def suite_of(name):
    """The version of the suite that has the case of this name."""
    first = name.partition("/")[0]
    return first if first in suite_folders() else deps.suite_version()


def load_suites(arguments):
    """{version: cases}. A case has a name, its operators, tolerances and the folder of its files."""
    suites = {}
    for version, folder in suite_folders().items():
        names = {version} if prefix_of(version) else {version, "newest"}
        if arguments.suites and not names & set(arguments.suites):
            continue
        if not folder.exists():
            print(f"ONNX's backend suite {version} is not in the cache; `make setup` writes it where "
                  "PyPI can be reached")
            continue
        prefix = prefix_of(version)
        cases = [{**case, "name": prefix + case["name"], "folder": folder / case["name"]}
                 for case in json.loads((folder / "index.json").read_text())]
        suites[version] = [case for case in cases if re.search(arguments.filter, case["name"])]
    if not suites:
        sys.exit(SKIPPED)
    return suites


def is_skipped(result):
    """Whether a case could not be put to a runtime, which says nothing of it."""
    return result[1].startswith("skipped")


def count(results):
    """Of {case name: (passed, reason)}."""
    passed = sum(ok for ok, _ in results.values())
    skipped = sum(map(is_skipped, results.values()))
    return {"passed": passed, "failed": len(results) - passed - skipped, "skipped": skipped}


def run_runtimes(arguments, suites, runtimes):
    """{version: {runtime: {case name: (passed, reason)}}}"""
    results = {}
    for version, cases in suites.items():
        results[version] = {}
        for runtime in runtimes(version):
            command = worker_command(arguments, runtime)
            if runtime == WASM:  # the first start compiles it, which is no case's time
                subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
            results[version][runtime] = run_cases(command, cases, arguments.jobs)
            counts = count(results[version][runtime])
            print(f"onnx {version}, {runtime}: {counts['passed']} of {len(cases)} pass, "
                  f"{counts['failed']} failed, {counts['skipped']} skipped", flush=True)
    return results


def failures_of(results):
    """{case name: why it fails} under any of the runtimes of {runtime: {case name: ...}}."""
    failures = {}
    for runtime, by_case in results.items():
        for name, result in by_case.items():
            if not result[0] and not is_skipped(result):
                failures.setdefault(name, f"{runtime}: {result[1]}")
    return failures


def command_test(arguments):
    suites = load_suites(arguments)
    expected = read_expected()
    results = run_runtimes(arguments, suites, lambda version: arguments.runtimes)
    failures = {}
    for by_runtime in results.values():
        failures.update(failures_of(by_runtime))
    if arguments.filter:
        for name, reason in sorted(failures.items()):
            print(f"  {name}: {reason}")
    names = {case["name"] for cases in suites.values() for case in cases}
    if arguments.prune:
        write_expected({name: reason for name, reason in expected.items()
                        if name in failures or name not in names})
        expected = read_expected()
    unexpected = [name for name in sorted(failures) if name not in expected]
    healed = [name for name in sorted(expected) if name in names and name not in failures]
    unknown = [] if arguments.filter else sorted(
        name for name in expected.keys() - names if suite_of(name) in suites)
    for name in unexpected:
        print(f"FAILED {name}: {failures[name]}")
    for name in healed:
        print(f"FAILED {name} passes: remove its line from tests/conformance/expected.txt (--prune)")
    for name in unknown:
        print(f"FAILED {name} of tests/conformance/expected.txt is no case of the suites")
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


TITLES = {"builtin": "`builtin`", "builtin-unoptimized": "not optimised", WASM: "as WebAssembly",
          "onnxruntime": "`onnxruntime`", "tract": "`tract`"}


def titled(results):
    """What has a column: {runtime: title}."""
    return {runtime: title for runtime, title in TITLES.items() if runtime in results}


def table(first, titles, rows):
    """A row: what the first column says, the number of cases, and how many pass under each of `titles`."""
    lines = [[first, "cases", *titles.values()], ["---"] + ["---:"] * (1 + len(titles)), *rows]
    return ["| " + " | ".join(map(str, cells)) + " |" for cells in lines]


def suites_table(suites, results):
    titles = titled({runtime for by_runtime in results.values() for runtime in by_runtime})
    rows = []
    for version, cases in suites.items():
        passed = [count(results[version][runtime])["passed"] if runtime in results[version] else ""
                  for runtime in titles]
        rows.append([version, len(cases), *passed])
    return table("onnx", titles, rows)


def operators_table(cases, results):
    titles = titled(results)
    return table("operator", titles, [
        [operator, len(names),
         *(sum(results[runtime][name][0] for name in names) for runtime in titles)]
        for operator, names in sorted(operator_rows(cases).items())])


def conformance_document(suites, results):
    newest = deps.suite_version()
    return "\n".join([
        "# Conformance", "",
        "How many cases of ONNX's own backend suite pass under each runtime: the newest suite, and "
        "older ones, whose models",
        "ask for older operator sets. `make conformance` writes this file and "
        "`build/conformance/report.json` (of an older suite",
        "`report-VERSION.json`). \"As WebAssembly\" is the engine built to wasm32-wasi with SIMD, a "
        "guest of `wasmtime-onnx`.",
        "What does not pass under `builtin`, and why: "
        "[expected.txt](../tests/conformance/expected.txt). To `onnxruntime` this host",
        "hands only tensors of numbers, and pictures are decoded only natively, so that such cases "
        "are not counted there.", "",
        *suites_table(suites, results), "",
        f"## Operators in the suite of onnx {newest}", "",
        "A case counts for every operator in its model; one of an expanded function counts for the "
        "function.", "",
        *operators_table(suites[newest], results[newest])]) + "\n"


def report_of(version, cases, results):
    return {
        "suite": {"onnx": version, "cases": len(cases)},
        "runtimes": {runtime: count(by_case) for runtime, by_case in results.items()},
        "cases": {case["name"]: {
            "operators": case["operators"],
            **{runtime: "passed" if by_case[case["name"]][0] else by_case[case["name"]][1]
               for runtime, by_case in results.items()}} for case in cases},
    }


def runtimes_of(worker):
    """Those that are built, but the engine as a guest."""
    return subprocess.run([str(worker), "--runtimes"], check=True, capture_output=True,
                          text=True).stdout.split()


def command_report(arguments):
    suites = load_suites(arguments)
    newest = deps.suite_version()
    native = runtimes_of(arguments.worker)
    results = run_runtimes(
        arguments, suites,
        lambda version: (*native, *([WASM] if version == newest else [])))
    folder = ROOT / "build/conformance"
    folder.mkdir(parents=True, exist_ok=True)
    for version, cases in suites.items():
        path = folder / ("report.json" if version == newest else f"report-{version}.json")
        path.write_text(json.dumps(report_of(version, cases, results[version]), indent=1) + "\n")
        print(f"wrote {path.relative_to(ROOT)}")
    if not arguments.filter and len(suites) == len(suite_folders()):
        (ROOT / "docs/conformance.md").write_text(conformance_document(suites, results))
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
        texts = [f"{a} to {b}" if a < b else str(a) for a, b in joined]
        lines.append(f"| {domain} | {name} | {', '.join(texts)} |")
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
    common.add_argument("--host", type=Path, default=ROOT / "build/bin/wasmtime-onnx",
                        help="what runs the worker that is WebAssembly")
    common.add_argument("--guest", type=Path, default=ROOT / "build/guests/conformance-worker.wasm",
                        help="the worker that is WebAssembly")
    common.add_argument("--suites", nargs="+", metavar="VERSION", choices=[*suite_folders(), "newest"],
                        help="of these versions of onnx only")
    common.add_argument("--filter", default="", metavar="REGEX")
    common.add_argument("--jobs", type=int, default=os.cpu_count())
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, function in (("test", command_test), ("report", command_report),
                           ("operators", command_operators)):
        command = commands.add_parser(name, parents=[common])
        command.set_defaults(function=function)
        if name == "test":
            command.add_argument("--runtimes", nargs="+", default=BUILTIN,
                                 choices=[*BUILTIN, WASM])
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
