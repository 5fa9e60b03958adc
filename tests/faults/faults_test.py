#!/usr/bin/env python3
"""What machines do to programs: faults_test.py PROGRAM. A run after a fault works, and a run under one
either works or ends with an error that says what was wrong; it never dies of a signal."""

import os
import pathlib
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
import unittest

GUESTS = pathlib.Path(__file__).resolve().parent.parent / "cli/guests"
PROGRAM = ""


def varint(value: int) -> bytes:
    groups = [value >> shift & 127 for shift in range(0, max(value.bit_length(), 1), 7)]
    return bytes([group | 128 for group in groups[:-1]] + groups[-1:])


def field(number: int, data: bytes) -> bytes:
    return bytes([number << 3 | 2]) + varint(len(data)) + data


def identity_model(weights: int = 0) -> bytes:
    """y = Identity(x), of float[1]; and that many bytes of weights, a second output."""
    info = field(2, field(1, b"\x08\x01" + field(2, field(1, b"\x08\x01"))))
    node = field(1, field(1, b"x") + field(2, b"y") + field(4, b"Identity"))
    if weights:
        shape = b"\x08" + varint(weights // 4)
        node += field(5, shape + b"\x10\x01" + field(8, b"w") + field(9, bytes(weights)))
        node += field(12, field(1, b"w") + field(2, field(1, b"\x08\x01" + field(2, field(1, shape)))))
    graph = node + field(2, b"g") + field(11, field(1, b"x") + info) + field(12, field(1, b"y") + info)
    return b"\x08\x08" + field(7, graph) + field(8, b"\x10\x11")


class FaultsTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.tmp = pathlib.Path(folder.name)
        self.random = random.Random(1)

    def command(self, *words: str | os.PathLike) -> list[str]:
        return [PROGRAM, *map(str, words)]

    def environment(self, cache: pathlib.Path | None = None) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(self.tmp),
                "XDG_CACHE_HOME": str(cache or self.tmp / "cache")}

    def run_guest(self, *words: str | os.PathLike, **more) -> subprocess.CompletedProcess:
        environment = self.environment(more.pop("cache", None))
        result = subprocess.run(self.command(*words), env=environment, cwd=self.tmp,
                                capture_output=True, text=True, timeout=120, check=False, **more)
        self.assertGreaterEqual(result.returncode, 0, f"died of a signal: {result.stderr}")
        return result

    def expect_hello(self, *options: str, **more) -> None:
        result = self.run_guest(*options, GUESTS / "hello.wat", **more)
        self.assertEqual((result.returncode, result.stdout), (0, "hello\n"), result.stderr)

    def cache_files(self) -> list[pathlib.Path]:
        return [path for path in (self.tmp / "cache").rglob("*") if path.is_file()]

    def test_cache_entries_that_are_spoiled(self) -> None:
        self.expect_hello()
        self.assertTrue(self.cache_files())
        for spoil in (lambda data: b"", lambda data: data[:len(data) // 2],
                      lambda data: self.random.randbytes(len(data)),
                      lambda data: data[:-100] + self.random.randbytes(100)):
            for path in self.cache_files():
                path.write_bytes(spoil(path.read_bytes()))
            self.expect_hello()

    def test_a_cache_that_cannot_be_written(self) -> None:
        (self.tmp / "file").write_text("in the way")
        self.expect_hello(cache=self.tmp / "file")

    def test_a_full_disk(self) -> None:
        def fill() -> None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # an error instead, as of a full disk
            resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))
        # The limit holds for memory that is shared as a file, too, which is not what is meant.
        self.expect_hello("-O", "memory-init-cow=n", preexec_fn=fill)
        self.expect_hello()
        output = self.tmp / "out.cwasm"
        result = self.run_guest("compile", GUESTS / "hello.wat", "-o", output, preexec_fn=fill)
        self.assertEqual(result.returncode, 1)
        self.assertIn("cannot write", result.stderr)
        self.assertEqual(list(self.tmp.glob("out*")), [])

    def test_memory_that_the_system_refuses(self) -> None:
        path = self.tmp / "no-such-model"
        path.mkdir()
        (path / "model.onnx").write_bytes(identity_model(weights=64 << 20))
        # Address space that is only reserved does not count.
        lean = ("-O", "memory-reservation=0,memory-guard-size=0,memory-reservation-for-growth=0",
                "--threads", "1", "--nn-graph", "onnx::no-such-model",
                GUESTS / "load_by_name.wat")
        codes = set()
        for mebibytes in (120, 160, 200, 240, 280, 320, 400, 4000):
            size = mebibytes << 20
            result = self.run_guest(*lean, preexec_fn=lambda size=size: resource.setrlimit(
                resource.RLIMIT_AS, (size, size)))
            codes.add(result.returncode)
            if result.returncode:
                self.assertRegex(result.stderr, "(?i)memory|cannot allocate", f"{mebibytes} MiB")
            self.expect_hello()
        # The guest ran; the host said why it did not, or WASI-NN too_large.
        self.assertLessEqual(codes, {0, 1, 7})
        self.assertIn(0, codes)
        self.assertGreater(len(codes), 1)

    def test_kill_9_at_any_time(self) -> None:
        for _ in range(15):
            process = subprocess.Popen(self.command(GUESTS / "hello.wat"), env=self.environment(),
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(self.random.uniform(0, 0.05))
            process.kill()
            process.wait()
            self.expect_hello()

    def test_models_that_are_half_written(self) -> None:
        model = identity_model()
        (self.tmp / "no-such-model").mkdir()
        path = self.tmp / "no-such-model/model.onnx"

        def load(data: bytes) -> int:
            path.write_bytes(data)
            return self.run_guest("--log", "error", "--nn-graph", "onnx::no-such-model",
                                  GUESTS / "load_by_name.wat").returncode
        self.assertEqual(load(model), 0)
        for size in range(0, len(model), 5):
            self.assertIn(load(model[:size]), (1, 2), size)  # invalid argument, or encoding


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
