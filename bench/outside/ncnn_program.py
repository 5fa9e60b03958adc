#!/usr/bin/env python3
"""Runs a model with ncnn on the CPU, in float32 (see protocol.py). pnnx converts it first."""

import importlib.util
import subprocess
import tempfile
import time
from pathlib import Path

import ncnn
import numpy

import protocol

# Pictures: pnnx wants the shape, and ncnn's nets have no batch.
INPUT_SHAPE = "[1,3,224,224]"


def convert(model, folder):
    """The files of ncnn's form of an ONNX model."""
    # The package's Python module wants torch, the program in it does not: found, not imported.
    program = Path(importlib.util.find_spec("pnnx").origin).parent / "pnnx"
    copy = Path(folder) / "model.onnx"  # it writes beside the model
    copy.write_bytes(Path(model).read_bytes())
    result = subprocess.run([program, copy, f"inputshape={INPUT_SHAPE}", "fp16=0"], cwd=folder,
                            capture_output=True, text=True)
    param, weights = Path(folder) / "model.ncnn.param", Path(folder) / "model.ncnn.bin"
    if not param.exists() or not weights.exists():
        raise RuntimeError("pnnx cannot convert the model: " + result.stderr[-300:])
    return param, weights


class Ncnn:
    def __init__(self, model, threads):
        start = time.perf_counter_ns()
        with tempfile.TemporaryDirectory() as folder:
            param, weights = convert(model, folder)
            self.prepared_ns = time.perf_counter_ns() - start
            self.net = ncnn.Net()
            options = self.net.opt
            options.num_threads = threads
            options.use_vulkan_compute = False
            options.use_fp16_packed = options.use_fp16_storage = False
            options.use_fp16_arithmetic = options.use_bf16_storage = False
            if self.net.load_param(str(param)) or self.net.load_model(str(weights)):
                raise RuntimeError("ncnn cannot load what pnnx wrote")

    def set_input(self, data, dims):
        if dims[0] != 1:
            raise ValueError("ncnn's nets take one picture")
        self.input = numpy.frombuffer(data, numpy.float32).reshape(dims[1:])
        self.result = None

    def infer(self):
        extractor = self.net.create_extractor()
        extractor.input("in0", ncnn.Mat(self.input).clone())
        failed, output = extractor.extract("out0")
        if failed:
            raise RuntimeError(f"ncnn's extract returned {failed}")
        self.result = numpy.array(output)

    def output(self):
        return self.result.tobytes(), self.result.shape


if __name__ == "__main__":
    protocol.serve(Ncnn)
