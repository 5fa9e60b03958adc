#!/usr/bin/env python3
"""One test of a built guest under the built host.

  run_case.py HOST GUESTS_DIR RUNTIME invoke FUNCTION
  run_case.py HOST GUESTS_DIR RUNTIME classify GUEST MODEL [BATCH]

Exits with 77, saying why, when the models of ../shared (or $WNN_SHARED_DIR) are not there or the
runtime's library is not on this machine.
"""

import os
import subprocess
import sys
from pathlib import Path

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
# The Rust guest's JPEG decoder rounds otherwise than stb_image.
TOLERANCES = {"classify": 0.005, "classify-rust": 0.01}


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


def classify(host, guests, runtime, guest, model, *batch):
    if not (SHARED / "models").is_dir():
        skip("there is no ../shared with the trained models")
    command = [host, "run", "--runtime", runtime, "--dir", f"{SHARED}::.", guests / f"{guest}.wasm",
               "--model", f"models/{model}.onnx", "--labels", "models/synset_words.txt", *batch]
    results = []
    if guest == "classify":
        results = parse(run([*command, *PICTURES]).stdout)
    else:
        for picture in PICTURES:
            results += parse(run([*command, picture]).stdout)
    tolerance = TOLERANCES[guest]
    return len(results) == len(PICTURES) and all(
        len(top) == 5 and abs(top[i][1] - probability) <= tolerance and top[i][0] == label
        for top, expected in zip(results, EXPECTED[model])
        for i, (label, probability) in enumerate(expected))


def main():
    host, guests, runtime, kind, *rest = sys.argv[1:]
    test = {"invoke": invoke, "classify": classify}[kind]
    sys.exit(0 if test(Path(host), Path(guests), runtime, *rest) else 1)


if __name__ == "__main__":
    main()
