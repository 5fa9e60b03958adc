#!/usr/bin/env python3
"""Builds and runs the tests of host and engine under the sanitizers: sanitize.py [asan] [tsan].

asan: AddressSanitizer and UndefinedBehaviorSanitizer; ONNX's backend suite, too, on the engine.
tsan: ThreadSanitizer, for what has threads and is ours: ONNX Runtime and Wasmtime are not built with
it, so that their tests would report what they synchronise by means that it cannot see.
"""

import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Test programs, and what of them is run.
KERNELS = ["conv", "conv_algorithms", "elementwise", "gemm", "inverted_residual", "norm_rows", "pool",
           "quantized", "reorder", "shuffle"]
TESTS = {
    "asan": {
        "nn_test": "*", "abi_test": "*", "abi_wit_test": "*", "witx_test": "*", "wit_test": "*",
        "host_wasm_test": "*", "host_cli_test": "*", "runtimes_test": "*",
        "runtime_builtin_test": "*", "session_stress_test": "*Right*", "hostile_models_test": "*",
        "tenants_test": "*", "guest_image_test": "*",
        "isa_test": "*", **{f"kernels_{name}_test": "*" for name in KERNELS},
        "engine_frontend_test": "*", "engine_graph_test": "*", "engine_kernels_test": "*",
        "engine_passes_test": "*", "engine_ops_test": "*", "engine_plan_test": "*",
        "engine_quantized_test": "*", "engine_values_test": "*", "engine_vision_ops_test": "*",
        "operator_models_test": "*", "contrib_ops_test": "*",
        # Real models, where they are.
        "engine_models_test": "*", "models_test": "*",
    },
    "tsan": {
        "nn_test": "*", "runtime_builtin_test": "*", "session_stress_test": "*Right/builtin",
        "engine_plan_test": "*", "engine_models_test": "*ThreadsDoNotChangeABit*",
    },
}
SKIPPED = 77  # as conformance.py says it


def environment(leaks: bool) -> dict[str, str]:
    """What a sanitized program runs in. Not `leaks`: one that loads ONNX Runtime or Wasmtime, which
    keep what they have until the process ends."""
    symbolizer = shutil.which("llvm-symbolizer-22") or shutil.which("llvm-symbolizer")
    return os.environ | {
        # Large allocations may fail, as they may anywhere.
        "ASAN_OPTIONS": f"detect_leaks={int(leaks)}:allocator_may_return_null=1",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
    } | ({f"{name}_SYMBOLIZER_PATH": symbolizer for name in ("ASAN", "TSAN", "UBSAN")}
         if symbolizer else {})


def conformance(build: pathlib.Path) -> int:
    """ONNX's newest suite on the sanitized engine; its exit status. Not optimised, the large models
    of `light` take minutes each."""
    return subprocess.run(
        [sys.executable, ROOT / "tests/conformance/conformance.py", "test", "--suites", "newest",
         "--filter", "^(?!light/)", "--worker", build / "tests/conformance_worker"],
        env=environment(leaks=False), check=False).returncode


def run(preset: str) -> list[str]:
    """What came of each test."""
    build = ROOT / "build" / preset
    if not (build / "build.ninja").exists():
        subprocess.run(["cmake", "--preset", preset, "--log-level=WARNING"], cwd=ROOT, check=True)
    tests = TESTS[preset]
    suite = ["conformance_worker"] if preset == "asan" else []
    subprocess.run(["cmake", "--build", build, "--target", *tests, *suite], check=True)
    outcomes = []

    def note(name: str, code: int) -> None:
        outcomes.append({0: "passed", SKIPPED: "skipped"}.get(code, "FAILED"))
        print(f"{preset} {name}: {outcomes[-1]}", flush=True)

    for name, pattern in tests.items():
        note(name, subprocess.run(
            [build / "tests" / name, "--gtest_brief=1", f"--gtest_filter={pattern}"],
            env=environment(leaks=name.startswith(("engine_", "kernels_"))), check=False).returncode)
    if suite:
        note("ONNX's backend suite", conformance(build))
    return outcomes


def main() -> int:
    presets = sys.argv[1:] or list(TESTS)
    if set(presets) - set(TESTS):
        print(__doc__, file=sys.stderr)
        return 2
    outcomes = [outcome for preset in presets for outcome in run(preset)]
    n_failed = outcomes.count("FAILED")
    print(f"{outcomes.count('passed')} passed, {n_failed} failed, "
          f"{outcomes.count('skipped')} skipped")
    return 1 if n_failed else 0


if __name__ == "__main__":
    sys.exit(main())
