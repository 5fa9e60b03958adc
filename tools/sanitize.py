#!/usr/bin/env python3
"""Builds and runs the tests of host and engine under the sanitizers: sanitize.py [asan] [tsan].

asan: AddressSanitizer and UndefinedBehaviorSanitizer. tsan: ThreadSanitizer, for what has threads and
is ours: ONNX Runtime and Wasmtime are not built with it, so that their tests would report what they
synchronise by means that it cannot see.
"""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Test programs, and what of them is run.
TESTS = {
    "asan": {
        "nn_test": "*", "abi_test": "*", "abi_wit_test": "*", "witx_test": "*", "wit_test": "*",
        "runtime_builtin_test": "*", "session_stress_test": "*Right*", "hostile_models_test": "*",
        "engine_frontend_test": "*", "engine_graph_test": "*", "engine_passes_test": "*",
        "engine_ops_test": "*", "engine_plan_test": "*", "engine_values_test": "*",
        "tenants_test": "*", "guest_image_test": "*",
        # Real models, where they are. Plain C++ under sanitizers takes minutes.
        "engine_models_test": "*:-*IsCorrectOnEveryInstructionSet*",
    },
    "tsan": {
        "nn_test": "*", "runtime_builtin_test": "*", "session_stress_test": "*Right/builtin",
        "engine_plan_test": "*",
    },
}
OPTIONS = {
    # ONNX Runtime keeps what it has until the process ends; large allocations may fail.
    "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
}


def run(preset: str) -> tuple[int, int]:
    build = ROOT / "build" / preset
    if not (build / "build.ninja").exists():
        subprocess.run(["cmake", "--preset", preset, "--log-level=WARNING"], cwd=ROOT, check=True)
    tests = TESTS[preset]
    subprocess.run(["cmake", "--build", build, "--target", *tests], check=True)
    passed = 0
    for name, pattern in tests.items():
        result = subprocess.run(
            [build / "tests" / name, "--gtest_brief=1", f"--gtest_filter={pattern}"],
            env=os.environ | OPTIONS, check=False)
        print(f"{preset} {name}: {'passed' if result.returncode == 0 else 'FAILED'}", flush=True)
        passed += result.returncode == 0
    return passed, len(tests) - passed


def main() -> int:
    presets = sys.argv[1:] or list(TESTS)
    if set(presets) - set(TESTS):
        print(__doc__, file=sys.stderr)
        return 2
    counts = [run(preset) for preset in presets]
    n_failed = sum(failed for _, failed in counts)
    print(f"{sum(passed for passed, _ in counts)} passed, {n_failed} failed")
    return 1 if n_failed else 0


if __name__ == "__main__":
    sys.exit(main())
