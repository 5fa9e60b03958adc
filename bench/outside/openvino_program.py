#!/usr/bin/env python3
"""Runs a model with OpenVINO on the CPU, in float32 and at low latency (see protocol.py)."""

import numpy
import openvino
from openvino._pyopenvino import InferRequest

import protocol


class OpenVino:
    def __init__(self, model, threads):
        self.compiled = openvino.Core().compile_model(model, "CPU", {
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": "1",
            "INFERENCE_NUM_THREADS": str(threads),
            "INFERENCE_PRECISION_HINT": "f32",
        })
        self.request = self.compiled.create_infer_request()

    def set_input(self, data, dims):
        self.input = numpy.frombuffer(data, numpy.float32).reshape(dims)
        # The library's own input, as large as the model's next one.
        self.request.set_input_tensor(openvino.Tensor(numpy.empty(dims, numpy.float32)))
        self.inside = self.request.get_input_tensor().data
        InferRequest.infer(self.request, {}, True, False)
        self.result = numpy.empty_like(self.request.get_output_tensor(0).data)

    def infer(self):
        numpy.copyto(self.inside, self.input)
        # Not the wrapper of the same name, which looks at every argument.
        InferRequest.infer(self.request, {}, True, False)
        numpy.copyto(self.result, self.request.get_output_tensor(0).data)

    def output(self):
        return self.result.tobytes(), self.result.shape


if __name__ == "__main__":
    protocol.serve(OpenVino)
