"""docs/performance.md: a report with its charts and how it was made."""

import tables

METHOD = """\
# Performance

`make bench-docs` writes this page and its charts; `make bench` prints the same tables. Nothing here is
edited by hand.

## How it is measured

- **Models**: trained image classifiers, batch 1, float32, 224x224. Every way of running a model must
  give the expected scores before it is timed, and again after.
- **Ways**: a *native call* of the runtime from C++; *WASI-NN* by its witx ABI (a core module) and its
  WIT (a component), from minimal guests whose host calls are timed as a whole; *pure Wasm*: our engine
  compiled into the guest, with 128-bit SIMD, relaxed SIMD or none, one thread, run by Wasmtime.
  *builtin (AVX2)* is our engine held to AVX2 where the machine has more.
- **Other libraries** come from PyPI and run in processes of their own, on the CPU in float32, with the
  same numbers of threads; they time themselves, without the way to them. Native calls of all libraries
  copy the input in and the output out.
- **In turns**: within one run all ways take turns in blocks of a tenth of a second. Before each block
  every thread of every process must sleep, since thread pools spin for a while; the first inference
  of a block is not timed. Ratios are of minimum times, the figure that other work on the machine
  disturbs least.
"""


def chart(name, alt):
    return f"![{alt}](performance-{name}.svg)\n"


def alt_of(name):
    if name.startswith("ways-"):
        return f"Milliseconds of one inference by way of running, threads: {name[5:]}"
    return "Milliseconds of one inference by library"


def page(report, charts, kernel_table):
    """The whole page; `charts` are names of charts, `kernel_table` may be empty."""
    text = METHOD + "\n## This run\n\n" + tables.host_list(report["host"])
    text += "\n" + "\n".join(chart(name, alt_of(name)) for name in charts)
    for heading, body in tables.sections(report):
        text += f"\n## {heading}\n\n{body}"
    if kernel_table:
        text += "\n## Kernels\n\n" + kernel_table
    return text
