"""Bar charts as SVG: groups of bars, one colour for each way of running."""

import math
from xml.sax.saxutils import escape

FONT = "font-family=\"system-ui, 'DejaVu Sans', sans-serif\""
HEIGHT, TOP, BOTTOM, LEFT, RIGHT = 430, 92, 46, 52, 16
BAR, GAP, GROUP_GAP = 30, 3, 34
CHARACTER = 7  # of the text's size, about


def nice_step(largest, n_steps=8):
    """The least 1, 2 or 5 times a power of ten that reaches `largest` in `n_steps`."""
    if largest <= 0:
        return 1
    power = 10 ** math.floor(math.log10(largest / n_steps))
    return min(step * power for step in (1, 2, 5, 10) if step * power * n_steps >= largest)


def text(x, y, words, size=12, anchor="middle", colour="#333", bold=False):
    weight = ' font-weight="600"' if bold else ""
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" '
            f'fill="{colour}"{weight}>{escape(words)}</text>')


def axis(width, largest, y_of):
    parts = []
    step = nice_step(largest)
    for i in range(int(largest / step) + 1):
        y = y_of(i * step)
        parts.append(f'<line x1="{LEFT}" x2="{width - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" '
                     'stroke="#ddd"/>')
        parts.append(text(LEFT - 6, y + 4, f"{i * step:g}", 11, "end"))
    return parts


def legend(series, width):
    """Rows of names that fit the width."""
    parts = []
    x, y = LEFT, 50
    for name, colour, _ in series:
        needed = 36 + CHARACTER * len(name)
        if x + needed > width - RIGHT:
            x, y = LEFT, y + 18
        parts.append(f'<rect x="{x:.1f}" y="{y - 10}" width="12" height="12" rx="2" '
                     f'fill="{colour}"/>')
        parts.append(text(x + 17, y, name, 12, "start"))
        x += needed
    return parts


def bar_chart(title, groups, series):
    """SVG of milliseconds.

    groups: labels; series: (name, colour, a value or None for each group). A group has no room for
    bars that it lacks.
    """
    present = [[(name, colour, values[i]) for name, colour, values in series
                if values[i] is not None] for i in range(len(groups))]
    largest = max((value for bars in present for _, _, value in bars), default=1)
    group_widths = [max(len(bars) * (BAR + GAP), 1.2 * CHARACTER * len(label)) + GROUP_GAP
                    for label, bars in zip(groups, present)]
    width = max(LEFT + RIGHT + round(sum(group_widths)), 520)
    base = HEIGHT - BOTTOM

    def y_of(value):
        return base - (base - TOP) * value / largest

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" '
             f'width="{width}" height="{HEIGHT}" {FONT}>',
             f'<rect width="{width}" height="{HEIGHT}" fill="#fff"/>',
             text(LEFT, 26, title, 15, "start", "#111", bold=True)]
    parts += legend(series, width) + axis(width, largest, y_of)
    left = LEFT
    for label, bars, group_width in zip(groups, present, group_widths):
        middle = left + group_width / 2
        x = middle - len(bars) * (BAR + GAP) / 2
        for name, colour, value in bars:
            y = y_of(value)
            parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{BAR}" height="{base - y:.1f}" '
                         f'fill="{colour}"><title>{escape(label)}, {escape(name)}: '
                         f'{value:.2f} ms</title></rect>')
            parts.append(text(x + BAR / 2, y - 4, f"{value:.1f}", 10.5))
            x += BAR + GAP
        parts.append(text(middle, base + 20, label, 13, bold=True))
        left += group_width
    parts.append(f'<line x1="{LEFT}" x2="{width - RIGHT}" y1="{base}" y2="{base}" stroke="#888"/>')
    parts.append(text(LEFT - 6, TOP - 14, "ms", 11, "end"))
    return "\n".join(parts + ["</svg>"]) + "\n"


# --- the report's charts ---------------------------------------------------------------------------

# One colour a way, lighter the more lies between the caller and the kernels.
WAYS = (
    (("builtin", "native"), "builtin, native", "#0b4f9e"),
    (("builtin", "witx"), "builtin, WASI-NN", "#2f80d8"),
    (("builtin", "wit"), "builtin, WASI-NN component", "#7db4ec"),
    (("builtin", "pure-simd"), "builtin, pure Wasm (SIMD)", "#2a9d6a"),
    (("onnxruntime", "native"), "ONNX Runtime, native", "#b3540a"),
    (("onnxruntime", "witx"), "ONNX Runtime, WASI-NN", "#e58a2e"),
    (("onnxruntime", "wit"), "ONNX Runtime, WASI-NN component", "#f4bd80"),
    (("tract", "native"), "Tract, native", "#8c1d40"),
    (("tract", "witx"), "Tract, WASI-NN", "#c96a86"),
    (("tract", "wit"), "Tract, WASI-NN component", "#e5b3c1"),
)
LIBRARIES = (
    (("builtin", "native"), "builtin", "#0b4f9e"),
    (("onnxruntime", "native"), "ONNX Runtime", "#b3540a"),
    (("openvino", "native"), "OpenVINO", "#6a3d9a"),
    (("tract", "native"), "Tract", "#8c1d40"),
    (("ncnn", "native"), "ncnn", "#7a7a7a"),
)


def minimum(indexed, model, threads, subject):
    row = indexed.get((model, threads, *subject))
    return row["min_ms"] if row else None


def series_of(indexed, ways, groups):
    """The series that have a value, and their legend."""
    series = [(name, colour, [minimum(indexed, model, n, subject) for model, n in groups])
              for subject, name, colour in ways]
    return [one for one in series if any(value is not None for value in one[2])]


def report_charts(indexed):
    """{file's name: SVG} of rows indexed as targets.index_rows does it."""
    groups = list(dict.fromkeys((model, n) for model, n, _, _ in indexed))
    charts = {}
    for n in dict.fromkeys(n for _, n in groups):
        of_n = [group for group in groups if group[1] == n]
        threads = f"{n} thread" if n == 1 else f"{n} threads"
        charts[f"ways-{n}"] = bar_chart(f"One inference by way of running, {threads}",
                                        [model for model, _ in of_n],
                                        series_of(indexed, WAYS, of_n))
    charts["libraries"] = bar_chart("One inference by library, native calls",
                                    [f"{model}, {n}T" for model, n in groups],
                                    series_of(indexed, LIBRARIES, groups))
    return charts
