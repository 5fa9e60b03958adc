#!/usr/bin/env python3
"""One test of a built guest under the built host.

  run_case.py HOST GUESTS_DIR RUNTIME invoke FUNCTION
  run_case.py HOST GUESTS_DIR RUNTIME classify GUEST MODEL [HOW...]
  run_case.py HOST GUESTS_DIR RUNTIME repeat GUEST MODEL
  run_case.py HOST GUESTS_DIR RUNTIME agree GUEST MODEL
  run_case.py HOST GUESTS_DIR RUNTIME refuse GUEST
  run_case.py HOST GUESTS_DIR RUNTIME example GUEST EXAMPLE

HOW is `by-name`, where the host has the model; --nn-abi=DIALECT for the host; or a word for the
guest. `repeat` checks times and classes in a guest's JSON; `agree` compares a guest with classify.wasm,
score by score; `refuse` asks a guest that has its engine inside for what only hosts have; `example` compares what an example of the bindings prints, and
the tensor bytes that it copies, with EXAMPLES.

Exits with 77, saying why, when the models of ../shared (or $WNN_SHARED_DIR) are not there or the
runtime's library is not on this machine.
"""

import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
import onnx_writer  # noqa: E402

SKIP = 77
SHARED = Path(os.environ.get("WNN_SHARED_DIR") or Path(__file__).resolve().parents[3] / "shared")
# These make their model themselves when there is none.
NEED_NO_FILES = {"load_empty", "load_model", "init_execution_context", "set_input", "compute",
                 "load_simple_tensor", "infernece_identity_model"}

PICTURES = ("images/n04350905.jpg", "images/n07734744.jpg")
# model: for each picture, the first classes and their probabilities by ONNX Runtime.
EXPECTED = {
    "squeezenet1.1": ((("bow tie", 0.549), ("suit", 0.353)),
                      (("mushroom", 0.486), ("bolete", 0.455))),
    "mobilenetv2": ((("military uniform", 0.922), ("racket", 0.007)),
                    (("mushroom", 0.680), ("bolete", 0.291))),
    "efficientnet-lite0": ((("military uniform", 0.389), ("bulletproof vest", 0.063)),
                           (("bolete", 0.639), ("mushroom", 0.321))),
}
# The JPEG decoder of guests in Rust rounds otherwise than stb_image.
TOLERANCE = 0.005
RUST_TOLERANCE = 0.01
# Of scores before softmax between instruction sets, which add in other orders.
SCORE_TOLERANCE = 1e-4


def skip(reason):
    print(f"Skipped\n{reason}")
    sys.exit(SKIP)


def run(command):
    result = subprocess.run(command, capture_output=True, text=True, timeout=240)
    print(" ".join(map(str, command)), result.stdout, result.stderr, sep="\n")
    if "ONNX Runtime's shared library cannot be opened" in result.stderr:
        skip("there is no libonnxruntime on this machine")
    return result


def invoke(host, guests, runtime, function):
    if function not in NEED_NO_FILES and not (SHARED / "models").is_dir():
        skip("there is no ../shared with the trained models")
    folder = SHARED if (SHARED / "models").is_dir() else guests
    # The original's word order: no `run`, options after the module.
    flag = ["--c-runtime"] if runtime == "onnxruntime" else []
    result = run([host, guests / "wasi-nn-tests.wasm", "--dir", f"{folder}::.", "--invoke", function,
                  *flag])
    return result.returncode == 0


def parse(output):
    """[[(label, probability), ...] for each picture]"""
    pictures = []
    for line in output.splitlines():
        rank, _, rest = line.strip().partition(". ")
        if not rank.isdigit():
            continue
        if rank == "1":
            pictures.append([])
        label, _, probability = rest.rpartition("  ")
        pictures[-1].append((label, float(probability)))
    return pictures


def classify(host, guests, runtime, guest, model, *how):
    if not (SHARED / "models").is_dir():
        skip("there is no ../shared with the trained models")
    for_host = [word for word in how if word.startswith("--nn-abi=")]
    for_guest = [word for word in how if word not in for_host and word != "by-name"]
    if "by-name" in how:
        for_host += ["--nn-preload", f"net:onnx:cpu:{SHARED}/models/{model}.onnx"]
        for_guest += ["--graph", "net"]
    else:
        for_guest += ["--model", f"models/{model}.onnx"]
    output = run([host, "run", "--runtime", runtime, "--dir", f"{SHARED}::.", *for_host,
                  guests / f"{guest}.wasm", *for_guest, "--labels", "models/synset_words.txt",
                  *PICTURES]).stdout
    results = parse(output)
    is_rust = guest != "classify" and not guest.startswith("classify-pure")
    tolerance = RUST_TOLERANCE if is_rust else TOLERANCE
    return len(results) == len(PICTURES) and all(
        len(top) == 5 and abs(top[i][1] - probability) <= tolerance and top[i][0] == label
        for top, expected in zip(results, EXPECTED[model])
        for i, (label, probability) in enumerate(expected))


def inferences(host, guests, runtime, guest, model, *words):
    """What the guest's JSON says."""
    if not (SHARED / "models").is_dir():
        skip("there is no ../shared with the trained models")
    result = run([host, "run", "--runtime", runtime, "--dir", f"{SHARED}::.",
                  guests / f"{guest}.wasm", "--json", *words, "--model", f"models/{model}.onnx",
                  "--labels", "models/synset_words.txt", *PICTURES])
    report = json.loads(result.stdout)
    assert report["load_ms"] > 0, report
    return report["inferences"]


def repeat(host, guests, runtime, guest, model):
    results = inferences(host, guests, runtime, guest, model, "--repeat", "3")
    assert len(results) == len(PICTURES), results
    for result, expected in zip(results, EXPECTED[model]):
        assert result["runs"] == 3, result
        for phase in "input_ms", "compute_ms", "output_ms":
            times = result[phase]
            assert 0 <= times["min"] <= times["median"] and times["min"] <= times["first"], result
        assert result["compute_ms"]["min"] > 0, result
        picture, = result["pictures"]
        assert picture["classes"][0]["label"] == expected[0][0], picture
    return True


def scores(host, guests, runtime, guest, model):
    """One list a picture: the score of each class before softmax."""
    results = inferences(host, guests, runtime, guest, model, "--raw", "--top", "1000")
    pictures = [picture for result in results for picture in result["pictures"]]
    return [[ranked["score"] for ranked in sorted(picture["classes"], key=lambda c: c["index"])]
            for picture in pictures]


def agree(host, guests, runtime, guest, model):
    got = scores(host, guests, runtime, guest, model)
    wanted = scores(host, guests, runtime, "classify", model)
    assert len(got) == len(wanted) == len(PICTURES)
    worst = max(abs(a - b) for one, other in zip(got, wanted)
                for a, b in zip(one, other, strict=True))
    print(f"largest difference: {worst}")
    return worst <= SCORE_TOLERANCE


def refuse(host, guests, runtime, guest):
    # Any file does for a model: what is asked for is refused before its bytes are read.
    wishes = {"--graph net": ("--graph", "net"),
              "--target gpu": ("--target", "gpu", "--model", f"{guest}.wasm")}
    for error, words in wishes.items():
        result = run([host, "run", "--runtime", runtime, "--dir", f"{guests}::.",
                      guests / f"{guest}.wasm", *words, "photo.jpg"])
        assert result.returncode == 1 and f"{error}: this guest" in result.stderr, error
    return True


# The models of the examples, what these print, and the bytes of tensors that they may copy in and
# out, over either ABI and in any language.


def cell_model():
    """y = h1 * x and h1 = h0 + x, all float[N,2]."""
    model = onnx_writer.ModelWriter("cell", 17, "tests")
    for value in "x", "h0":
        model.add_input(value, ["N", 2])
    model.add_node("Add", ["h0", "x"], "h1")
    model.add_node("Mul", ["h1", "x"], "y")
    for value in "y", "h1":
        model.add_output(value, ["N", 2])
    return model


WIDTH = 4


def cache_model():
    """Attention of one query to past and new keys, unscaled; see cache.cc."""
    model = onnx_writer.ModelWriter("cache", 17, "tests")
    for value in "query", "key", "value":
        model.add_input(value, [1, WIDTH])
    for value in "past_keys", "past_values":
        model.add_input(value, ["P", WIDTH])
    model.add_node("Concat", ["past_keys", "key"], "keys", axis=0)
    model.add_node("Concat", ["past_values", "value"], "values", axis=0)
    model.add_node("Transpose", ["keys"], "columns", perm=[1, 0])
    model.add_node("MatMul", ["query", "columns"], "scores")
    model.add_node("Softmax", ["scores"], "weights", axis=1)
    model.add_node("MatMul", ["weights", "values"], "result")
    model.add_output("result", [1, WIDTH])
    for value in "keys", "values":
        model.add_output(value, ["Q", WIDTH])
    return model


def cache_output():
    tokens, lines = [], []
    for step in range(5):
        tokens.append([(step * 3 + i) % 5 / 2 - 0.75 for i in range(WIDTH)])
        weights = [math.exp(sum(a * b for a, b in zip(tokens[-1], key))) for key in tokens]
        result = [sum(w * row[i] for w, row in zip(weights, tokens)) / sum(weights)
                  for i in range(WIDTH)]
        lines.append(f"{step + 1} rows: " + " ".join(f"{value:.3f}" for value in result))
    return "\n".join(lines) + "\n"


# ONNX's numbers and the bytes of an element, in the order of types.cc.
TYPES = ((9, 1), (3, 1), (2, 1), (5, 2), (4, 2), (6, 4), (12, 4), (7, 8), (13, 8), (10, 2), (16, 2),
         (1, 4), (11, 8))
DOUBLE = 11


def types_model():
    """y<i> = x<i> and d<i> = Cast(x<i>) for each type, [N,2]."""
    model = onnx_writer.ModelWriter("types", 17, "tests")
    for i, (dtype, _) in enumerate(TYPES):
        model.add_input(f"x{i}", ["N", 2], dtype)
        model.add_node("Identity", [f"x{i}"], f"y{i}")
        model.add_node("Cast", [f"x{i}"], f"d{i}", to=DOUBLE)
        model.add_output(f"y{i}", ["N", 2], dtype)
    for i in range(len(TYPES)):
        model.add_output(f"d{i}", ["N", 2], DOUBLE)
    return model


TYPES_OUTPUT = """bool 0 1 1 0
i8 -128 1 2 127
u8 0 1 2 255
i16 -32768 1 2 32767
u16 0 1 2 65535
i32 -2.14748e+09 1 2 2.14748e+09
u32 0 1 2 4.29497e+09
i64 -9.22337e+18 1 2 9.22337e+18
u64 0 1 2 1.84467e+19
f16 1 -2 0.333252 65504
bf16 1 -2 0.333984 65536
f32 1 -2 0.5 1e+09
f64 1 -2 0.1 1e+18
get_output 2: invalid_argument (1): its 4 bytes are no bools
"""
TYPES_RUST_OUTPUT = """bool 0 1 1 0
i8 -128 1 2 127
u8 0 1 2 255
i16 -32768 1 2 32767
u16 0 1 2 65535
i32 -2147483648 1 2 2147483647
u32 0 1 2 4294967295
i64 -9223372036854776000 1 2 9223372036854776000
u64 0 1 2 18446744073709552000
f16 1 -2 0.5 65504
bf16 1 -2 0.5 65536
f32 1 -2 0.5 1000000000
f64 1 -2 0.1 1000000000000000000
get_output 2: invalid_argument: its 4 bytes are no bools
"""
# Each tensor in and out, its double, and the one that is read again.
TYPES_COPIED = sum(4 * size * 2 + 4 * 8 for _, size in TYPES) + 4
STATE_OUTPUT = """input x f32[N,2]
input h0 f32[N,2]
output y f32[N,2]
output h1 f32[N,2]
made by tests
check: invalid_argument (1): output 'y' is declared as f64[?,2], but the model has 'y f32[N,2]'
1 1
6 6
18 18
40 40
bind_output 'h2' 'h0': invalid_argument (1): the model has no output 'h2'; it has 'y', 'h1', \
which also go by "0", "1" and so on
get_output 'y': invalid_argument (1): its elements are f32, not i32
"""
EXAMPLES = {
    "typed": ("""1 4
39 56
125 156
set_input 0: invalid_argument (1): it is declared as f32[?,2], which the data's 5 elements do not fill
""", 3 * 24),
    "typed-rust": ("""1 4
39 56
125 156
set_input 0 (f32[2,3]): invalid_argument: the array does not lie in one piece, row by row: \
use as_standard_layout()
""", 3 * 24),
    # Which says no numbers of errors and declares no sizes.
    "state-rust": (STATE_OUTPUT.replace(" (1)", "").replace("f64[?,2]", "f64[?,?]"),
                   8 + 4 * (8 + 8)),
    "state": (STATE_OUTPUT, 8 + 4 * (8 + 8)),
    "infer": ("""12 24
error 7, needed 8
""", 3 * 8),
    # A token in thrice and its result out, each step; nothing of the cache.
    "cache": (cache_output(), 5 * 4 * (WIDTH * 4)),
    "types": (TYPES_OUTPUT, TYPES_COPIED),
    "types-rust": (TYPES_RUST_OUTPUT, TYPES_COPIED),
}
MODELS = {"cache": cache_model, "types": types_model, "types-rust": types_model}  # of others: cell_model


def example(host, guests, runtime, guest, name):
    if runtime == "tract" and MODELS.get(name) is types_model:
        skip("Tract lacks bfloat16")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "model.onnx").write_bytes(MODELS.get(name, cell_model)().to_bytes())
        result = run([host, "run", "--runtime", runtime, "--timings=json", "--dir", f"{folder}::.",
                      guests / f"{guest}.wasm", "model.onnx"])
    output, copied = EXAMPLES[name]
    errors = "\n" + result.stderr  # the log may come before
    counters = json.loads(errors[errors.index("\n{"):])["totals"]
    actual = sum(counters[call]["bytes_copied"] for call in counters
                 if call not in ("all", "carry_state"))
    print(f"copied {actual} bytes, expected {copied}")
    assert result.returncode == 0 and result.stdout == output, output
    return actual == copied


def main():
    host, guests, runtime, kind, *rest = sys.argv[1:]
    test = {"invoke": invoke, "classify": classify, "repeat": repeat, "agree": agree,
            "refuse": refuse, "example": example}[kind]
    sys.exit(0 if test(Path(host), Path(guests), runtime, *rest) else 1)


if __name__ == "__main__":
    main()
