#!/usr/bin/env python3
"""Runs every test of a build folder through CTest and ends with 'N passed, N failed'.

  run_tests.py BUILD_DIR [CTEST_ARGUMENT...]

Skipped tests are listed with the reason that they print. Exits with 1 when a test failed or none ran.
"""

import os
import subprocess
import sys
import xml.etree.ElementTree as xml
from pathlib import Path


def reason(case):
    """Why a test says it was skipped: GoogleTest prints the message after 'Skipped'."""
    lines = (case.findtext("system-out") or "").splitlines()
    for i, line in enumerate(lines):
        if line.strip().endswith("Skipped") and i + 1 < len(lines):
            return lines[i + 1].strip()
    return next((line.strip() for line in reversed(lines) if line.strip()), "no reason given")


def main():
    build = Path(sys.argv[1]).resolve()
    report = build / "tests.xml"
    report.unlink(missing_ok=True)
    command = ["ctest", "--test-dir", str(build), "--output-on-failure", "--no-tests=error",
               "-j", str(os.cpu_count()), "--output-junit", str(report), *sys.argv[2:]]
    code = subprocess.run(command).returncode
    if not report.exists():
        sys.exit("ctest wrote no report")
    cases = xml.parse(report).getroot().findall("testcase")
    skipped = [case for case in cases if case.get("status") in ("notrun", "disabled")]
    failed = [case for case in cases if case.get("status") == "fail"]
    passed = len(cases) - len(skipped) - len(failed)
    sys.stdout.flush()
    if skipped:
        print(f"\n{len(skipped)} skipped:")
        by_reason = {}
        for case in skipped:
            by_reason.setdefault(reason(case), []).append(case.get("name"))
        for text, names in sorted(by_reason.items()):
            print(f"  {text}: {', '.join(names)}")
    for case in failed:
        print(f"FAILED {case.get('name')}")
    print(f"{passed} passed, {len(failed)} failed")
    sys.exit(1 if failed or code != 0 or passed == 0 else 0)


if __name__ == "__main__":
    main()
