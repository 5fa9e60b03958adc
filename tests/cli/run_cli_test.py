#!/usr/bin/env python3
"""Runs one .test file against a program, mostly wasmtime-onnx: run_cli_test.py PROGRAM FILE.

A file is a list of cases; blank lines and lines that begin with # say nothing. A line's first word
says what it is:

  $ WORD...       a command line without the program's name, which begins a case; quoted as in a
                  shell, with NAME=VALUE words before it for the environment
  < TEXT          a line of standard input
  > TEXT          a line of standard output
  ~ TEXT          what standard output contains; without this, it has the > lines and nothing else
  ! TEXT          what standard error contains; without this, it is empty
  !~ TEXT         what standard error does not contain
  = N             the exit status; without this, 0
  write PATH TEXT a file to write before the command, \\n in TEXT beginning a new line
  exists PATTERN  a path that exists afterwards

{tmp} is a directory that the file's cases share and that is removed at the end, {guests} and {data}
are the folders of those names beside this script, {examples} is the project's. Commands run in {tmp}, with nothing but PATH in
the environment and the cache of compiled modules in {tmp} too.
"""

import dataclasses
import glob
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
TIMEOUT_S = 60


@dataclasses.dataclass
class Case:
    line: int
    words: list[str]
    stdin: str = ""
    stdout: list[str] = dataclasses.field(default_factory=list)
    stdout_parts: list[str] = dataclasses.field(default_factory=list)
    stderr_parts: list[str] = dataclasses.field(default_factory=list)
    stderr_not_parts: list[str] = dataclasses.field(default_factory=list)
    exit_code: int = 0
    files: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    paths: list[str] = dataclasses.field(default_factory=list)


def add_line(case: Case, kind: str, text: str) -> None:
    """Adds what a line other than $ says to its case."""
    match kind:
        case "<":
            case.stdin += text + "\n"
        case ">":
            case.stdout.append(text)
        case "~":
            case.stdout_parts.append(text)
        case "!":
            case.stderr_parts.append(text)
        case "!~":
            case.stderr_not_parts.append(text)
        case "=":
            case.exit_code = int(text)
        case "write":
            path, _, content = text.partition(" ")
            case.files.append((path, content.replace("\\n", "\n")))
        case "exists":
            case.paths.append(text)
        case _:
            raise SyntaxError(f"'{kind}' begins no kind of line")


def parse(path: pathlib.Path, places: dict[str, str]) -> list[Case]:
    """The cases of a file, with {tmp} and the like filled in."""
    cases: list[Case] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        for name, place in places.items():
            line = line.replace("{" + name + "}", place)
        kind, _, text = line.partition(" ")
        if kind == "$":
            cases.append(Case(number, shlex.split(text)))
        elif cases:
            add_line(cases[-1], kind, text)
        else:
            raise SyntaxError(f"{path}:{number}: the first case begins with $")
    return cases


def split_environment(words: list[str]) -> tuple[dict[str, str], list[str]]:
    """The NAME=VALUE words at the front, and the rest."""
    environment: dict[str, str] = {}
    while words and not words[0].startswith("-") and "=" in words[0]:
        name, _, value = words[0].partition("=")
        environment[name] = value
        words = words[1:]
    return environment, words


def problems_of(case: Case, result: subprocess.CompletedProcess) -> list[str]:
    """What the result has that the case does not allow, in words."""
    problems = []
    if result.returncode != case.exit_code:
        problems.append(f"exit status {result.returncode}, not {case.exit_code}")
    if case.stdout_parts:
        problems += [f"standard output lacks: {part}" for part in case.stdout_parts
                     if part not in result.stdout]
    elif result.stdout.splitlines() != case.stdout:
        problems.append("standard output differs")
    if not case.stderr_parts and result.stderr:
        problems.append("standard error is not empty")
    problems += [f"standard error lacks: {part}" for part in case.stderr_parts
                 if part not in result.stderr]
    problems += [f"standard error has: {part}" for part in case.stderr_not_parts
                 if part in result.stderr]
    problems += [f"there is no {path}" for path in case.paths if not glob.glob(path)]
    return problems


def run(program: str, case: Case, tmp: str) -> list[str]:
    """Runs one case; returns its problems and, if there are any, what was printed."""
    for path, content in case.files:
        pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
        pathlib.Path(path).write_text(content, encoding="utf-8")
    own_environment, words = split_environment(case.words)
    environment = {"PATH": os.environ.get("PATH", ""), "HOME": tmp,
                   "XDG_CACHE_HOME": tmp + "/cache", "XDG_CONFIG_HOME": tmp + "/config"}
    # Where sanitizers and coverage leave their output is the build's business.
    environment |= {k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}
    try:
        result = subprocess.run([program, *words], input=case.stdin, capture_output=True,
                                text=True, errors="backslashreplace", cwd=tmp,
                                env=environment | own_environment, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return [f"it did not end within {TIMEOUT_S} seconds"]
    problems = problems_of(case, result)
    if problems:
        problems += ["-- standard output", result.stdout, "-- standard error", result.stderr]
    return problems


def main() -> int:
    if len(sys.argv) != 3:
        print(__doc__)
        return 2
    program, path = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2])
    failed = 0
    with tempfile.TemporaryDirectory() as tmp:
        places = {"tmp": tmp, "guests": str(HERE / "guests"), "data": str(HERE / "data"),
                  "examples": str(HERE.parents[1] / "examples")}
        cases = parse(path, places)
        for case in cases:
            problems = run(program, case, tmp)
            if problems:
                failed += 1
                print(f"{path}:{case.line}: {shlex.join(case.words)}", *problems, sep="\n")
    print(f"{path.name}: {len(cases) - failed} passed, {failed} failed")
    return 1 if failed or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
