"""PyTorch's nets, by both of its exporters: nets_pytorch.py OUT"""

import sys
import warnings

import torch

import nets
import pytorch_modules as modules

OPSET = 18
BOTH = ("torchscript", "dynamo")


def export(out, name, module, inputs, tolerance=1e-4, dynamic=None, run_inputs=None,
           exporters=BOTH):
    """`dynamic`: for each input the names of its open dimensions, {dimension: name}, or nothing for
    an input that has none. `run_inputs`: what the net runs on; what it was exported with otherwise.
    """
    module.eval()
    run_inputs = run_inputs or inputs
    with torch.no_grad():
        expected = module(*run_inputs)
    expected = expected if isinstance(expected, tuple) else (expected,)
    names = [f"in{i}" for i in range(len(inputs))]

    def by_torchscript(path):
        script = torch.jit.script(module) if isinstance(module, modules.Iteration) else module
        axes = dynamic and {name: axes for name, axes in zip(names, dynamic) if axes}
        torch.onnx.export(script, tuple(inputs), path, dynamo=False, opset_version=OPSET,
                          input_names=names, dynamic_axes=axes)

    def by_dynamo(path):
        dims = {}
        shapes = dynamic and tuple(
            axes and {axis: dims.setdefault(label, torch.export.Dim(label))
                      for axis, label in axes.items()} for axes in dynamic)
        torch.onnx.export(module, tuple(inputs), path, dynamo=True, opset_version=OPSET,
                          input_names=names, dynamic_shapes=shapes, external_data=False)

    ways = {"torchscript": by_torchscript, "dynamo": by_dynamo}
    for exporter in exporters:
        nets.write(out, exporter, name, ways[exporter], [x.numpy() for x in run_inputs],
                   [y.numpy() for y in expected], tolerance)


def images(out):
    randn = torch.randn
    export(out, "cnn", modules.cnn(), [randn(1, 3, 16, 16)])
    export(out, "cnn-batch", modules.cnn(), [randn(2, 3, 16, 16)], dynamic=[{0: "batch"}],
           run_inputs=[randn(5, 3, 16, 16)])
    export(out, "mobile", modules.Mobile(), [randn(1, 3, 16, 16)])
    export(out, "upsample", modules.Upsample(), [randn(1, 3, 12, 12)])
    export(out, "image-ops", modules.ImageOps(), [randn(1, 3, 8, 8), torch.rand(1, 5, 5, 2) * 2 - 1])
    export(out, "volume", modules.Volume(), [randn(1, 1, 6, 6, 6)])
    export(out, "vision-transformer", modules.VisionTransformer(), [randn(2, 3, 16, 16)],
           dynamic=[{0: "batch"}], run_inputs=[randn(3, 3, 16, 16)])
    export(out, "detection-head", modules.DetectionHead(), [randn(2, 3, 12, 12)])
    export(out, "quantised", modules.Quantised(), [randn(1, 3, 8, 8)], tolerance=0.05)


def sequences(out):
    randn, randint = torch.randn, torch.randint
    export(out, "lstm", modules.Lstm(), [randn(2, 9, 8)])
    export(out, "gru", modules.Gru(), [randn(2, 5, 6)])
    export(out, "rnn", modules.Rnn(), [randn(4, 2, 5)])
    export(out, "transformer", modules.Transformer(), [randint(0, 32, (2, 7))])
    export(out, "decoder-step", modules.DecoderStep(),
           [randint(0, 19, (1, 1)), randn(1, 2, 3, 8), randn(1, 2, 3, 8)],
           dynamic=[None, {2: "past"}, {2: "past"}],
           run_inputs=[randint(0, 19, (1, 1)), randn(1, 2, 6, 8), randn(1, 2, 6, 8)])
    export(out, "masked-text", modules.MaskedText(),
           [randint(0, 30, (2, 6), dtype=torch.int32), torch.arange(12).reshape(2, 6) % 5 == 0])
    export(out, "spectrum", modules.Spectrum(), [randn(1, 64)], tolerance=1e-3,
           exporters=("dynamo",))


def others(out):
    randn = torch.randn
    export(out, "mlp", modules.mlp(), [randn(5, 12)])
    export(out, "half", modules.Half(), [randn(3, 12).half()], tolerance=2e-3)
    export(out, "dynamic-axes", modules.DynamicAxes(), [randn(2, 4, 10)],
           dynamic=[{0: "batch", 2: "length"}], run_inputs=[randn(3, 4, 17)])
    export(out, "indexing", modules.Indexing(), [randn(2, 4, 6), torch.randint(0, 4, (2, 4, 6))])
    export(out, "if", modules.Branches(), [randn(3, 4)], exporters=("dynamo",))
    export(out, "loop", modules.Iteration(), [randn(4), torch.tensor(5)],
           exporters=("torchscript",))
    export(out, "selected", modules.Selected(), [randn(6, 3)])


def main(out):
    torch.manual_seed(0)
    warnings.simplefilter("ignore")
    for group in images, sequences, others:
        group(out)


if __name__ == "__main__":
    main(sys.argv[1])
