#!/usr/bin/env python3
"""Tests of protocol.py by a program that doubles; run with a model and threads it is that program."""

import array
import subprocess
import sys
import unittest

import protocol


class Doubling:
    """y = 2 x; the model is a number that is added, or "none", which cannot be loaded."""

    def __init__(self, model, threads):
        self.offset = float(model.rsplit("/")[-1])
        self.threads = threads
        self.result = None

    def set_input(self, data, dims):
        self.input, self.dims = array.array("f", data), dims

    def infer(self):
        self.result = array.array("f", (2 * x + self.offset for x in self.input))

    def output(self):
        return self.result.tobytes(), self.dims


class Protocol(unittest.TestCase):
    def start(self, model="1"):
        program = subprocess.Popen([sys.executable, __file__, model, "1"], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE)
        self.addCleanup(program.wait)
        self.addCleanup(program.stdout.close)
        self.addCleanup(program.stdin.close)
        return program

    def ask(self, program, line, data=b""):
        program.stdin.write(line.encode() + b"\n" + data)
        program.stdin.flush()
        return program.stdout.readline().decode().split()

    def test_inference(self):
        program = self.start()
        self.assertEqual(program.stdout.readline().split()[0], b"ok")
        data = array.array("f", (1, 2)).tobytes()
        self.assertEqual(self.ask(program, "input 8 1 2", data), ["ok"])
        self.assertEqual(len(self.ask(program, "infer")), 2)
        self.assertEqual(self.ask(program, "output"), ["ok", "8", "1", "2"])
        self.assertEqual(array.array("f", program.stdout.read(8)).tolist(), [3, 5])

    def test_block_has_enough_runs(self):
        program = self.start()
        program.stdout.readline()
        self.ask(program, "input 0 0")
        self.assertEqual(len(self.ask(program, "block 7 0")), 1 + 7)
        self.assertGreater(len(self.ask(program, "block 1 20000000")), 1 + 7)

    def test_errors_are_answers(self):
        program = self.start()
        program.stdout.readline()
        self.assertEqual(self.ask(program, "output")[:2], ["error", "AttributeError"])
        self.assertEqual(self.ask(program, "dance")[0], "error")
        self.assertEqual(self.start("none").stdout.readline().split()[:2], [b"error", b"ValueError"])


if __name__ == "__main__":
    if len(sys.argv) == 3:
        protocol.serve(Doubling)
    else:
        unittest.main()
