"""How wnn-bench speaks to a program that runs a model with another library.

wnn-bench starts `PROGRAM MODEL THREADS` and sends commands, one a line. Each is answered by one
line, "ok" and numbers or "error" and a message, the first of which follows the start by itself:

  (start)                         ok NANOSECONDS      what loading took
  input BYTES DIM... + the bytes  ok                  float32 in the machine's order
  infer                           ok NANOSECONDS      of one inference
  block RUNS NANOSECONDS          ok NANOSECONDS...   an untimed inference, then a time for each of
                                                      at least that many, for at least that long
  output                          ok BYTES DIM... + the bytes   of the last inference

The program ends with its input. Between commands it waits and must not use the processor.

A program calls serve() with a class of this shape; an inference is timed from the caller's tensor
to the caller's buffer, as wnn-bench does for its own:

  Library(model: str, threads: int)
  set_input(data: bytes, dims: tuple of int)
  infer()
  output() -> (bytes, dims)
"""

import sys
import time


def answer(*words):
    sys.stdout.buffer.write((" ".join(map(str, words)) + "\n").encode())


def run_block(library, runs, nanoseconds):
    library.infer()
    times = []
    end = time.perf_counter_ns() + nanoseconds
    while len(times) < runs or time.perf_counter_ns() < end:
        start = time.perf_counter_ns()
        library.infer()
        times.append(time.perf_counter_ns() - start)
    return times


def obey(library, words):
    if words[0] == "input":
        data = sys.stdin.buffer.read(int(words[1]))
        library.set_input(data, tuple(map(int, words[2:])))
        answer("ok")
    elif words[0] == "infer":
        start = time.perf_counter_ns()
        library.infer()
        answer("ok", time.perf_counter_ns() - start)
    elif words[0] == "block":
        answer("ok", *run_block(library, int(words[1]), int(words[2])))
    elif words[0] == "output":
        data, dims = library.output()
        answer("ok", len(data), *dims)
        sys.stdout.buffer.write(data)
    else:
        answer("error there is no command", words[0])


def guarded(step, *arguments):
    """Runs a step; what it raises is an answer. Returns whether it raised nothing."""
    try:
        step(*arguments)
        return True
    except Exception as error:  # of whatever kind a library has
        answer("error", type(error).__name__, str(error).replace("\n", " "))
        return False
    finally:
        sys.stdout.buffer.flush()


def serve(library_class):
    library = None

    def load():
        nonlocal library
        start = time.perf_counter_ns()
        library = library_class(sys.argv[1], int(sys.argv[2]))
        # Preparation that no user of the library would wait for.
        answer("ok", time.perf_counter_ns() - start - getattr(library, "prepared_ns", 0))

    if not guarded(load):
        return
    for line in sys.stdin.buffer:
        guarded(obey, library, line.decode().split())
