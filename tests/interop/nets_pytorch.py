"""PyTorch's nets, by both of its exporters: nets_pytorch.py OUT"""

import sys
import warnings

import torch
from torch import nn

import nets

OPSET = 18


class Lstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(8, 16, num_layers=2, bidirectional=True, batch_first=True)
        self.head = nn.Linear(32, 3)

    def forward(self, x):
        return self.head(self.lstm(x)[0][:, -1])


class Gru(nn.Module):
    """Two outputs: the sequence and the last state."""

    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(6, 10, batch_first=True)

    def forward(self, x):
        return self.gru(x)


class Transformer(nn.Module):
    """Token embedding, two encoder layers of self-attention, a causal mask, a head."""

    def __init__(self, vocabulary=32, width=16, length=7):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.positions = nn.Parameter(torch.randn(length, width) * 0.1)
        layer = nn.TransformerEncoderLayer(width, nhead=2, dim_feedforward=32, batch_first=True,
                                           dropout=0.0, activation="gelu", norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(width, vocabulary)
        mask = torch.triu(torch.full((length, length), float("-inf")), diagonal=1)
        self.register_buffer("mask", mask)

    def forward(self, tokens):
        x = self.embedding(tokens) + self.positions
        # Said, since torch.export cannot look into the mask to see it.
        return self.head(self.encoder(x, mask=self.mask, is_causal=True))


class Upsample(nn.Module):
    """An encoder and decoder that resize by each common way."""

    def __init__(self):
        super().__init__()
        self.down = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.up = nn.ConvTranspose2d(8, 8, 2, stride=2)
        self.out = nn.Conv2d(8, 2, 1)

    def forward(self, x):
        y = torch.relu(self.down(x))
        z = nn.functional.interpolate(y, scale_factor=2, mode="nearest")
        w = nn.functional.interpolate(y, scale_factor=2, mode="bilinear", align_corners=False)
        return self.out(z + w + self.up(y))


class Branches(nn.Module):
    """Control flow that depends on data: an If."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x):
        return torch.cond(x.sum() > 0, self.a, self.b, (x,))


class Iteration(nn.Module):
    """A Loop, by TorchScript; as many rounds as the input says."""

    def forward(self, x, n):
        for _ in range(int(n)):
            x = x * 0.5 + 1.0
        return x


def cnn():
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1, groups=2), nn.Hardswish(), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Linear(16, 10), nn.Softmax(dim=1))


def mlp():
    return nn.Sequential(nn.Linear(12, 32), nn.GELU(), nn.LayerNorm(32), nn.Linear(32, 16),
                         nn.SiLU(), nn.Linear(16, 4), nn.LogSoftmax(dim=-1))


class DynamicAxes(nn.Module):
    """Exported with batch and length open, run with others than it was exported with."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(4, 8, 3, padding=1)
        self.head = nn.Linear(8, 2)

    def forward(self, x):
        return self.head(torch.relu(self.conv(x)).mean(dim=2))


def export(out, name, module, inputs, tolerance=1e-4, dynamic=None, run_inputs=None,
           exporters=("torchscript", "dynamo")):
    module.eval()
    run_inputs = run_inputs or inputs
    with torch.no_grad():
        expected = module(*run_inputs)
    expected = expected if isinstance(expected, tuple) else (expected,)
    names = [f"in{i}" for i in range(len(inputs))]

    def by_torchscript(path):
        script = torch.jit.script(module) if isinstance(module, Iteration) else module
        torch.onnx.export(script, tuple(inputs), path, dynamo=False, opset_version=OPSET,
                          input_names=names, dynamic_axes=dynamic and {"in0": dynamic})

    def by_dynamo(path):
        shapes = dynamic and ({axis: torch.export.Dim(label) for axis, label in dynamic.items()},)
        torch.onnx.export(module, tuple(inputs), path, dynamo=True, opset_version=OPSET,
                          input_names=names, dynamic_shapes=shapes, external_data=False)

    ways = {"torchscript": by_torchscript, "dynamo": by_dynamo}
    for exporter in exporters:
        nets.write(out, exporter, name, ways[exporter], [x.numpy() for x in run_inputs],
                   [y.numpy() for y in expected], tolerance)


def main(out):
    torch.manual_seed(0)
    warnings.simplefilter("ignore")
    export(out, "cnn", cnn(), [torch.randn(1, 3, 16, 16)])
    export(out, "mlp", mlp(), [torch.randn(5, 12)])
    export(out, "lstm", Lstm(), [torch.randn(2, 9, 8)])
    export(out, "gru", Gru(), [torch.randn(2, 5, 6)])
    export(out, "transformer", Transformer(), [torch.randint(0, 32, (2, 7))])
    export(out, "dynamic-axes", DynamicAxes(), [torch.randn(2, 4, 10)],
           dynamic={0: "batch", 2: "length"}, run_inputs=[torch.randn(3, 4, 17)])
    export(out, "upsample", Upsample(), [torch.randn(1, 3, 12, 12)])
    export(out, "if", Branches(), [torch.randn(3, 4)], exporters=("dynamo",))
    export(out, "loop", Iteration(), [torch.randn(4), torch.tensor(5)], exporters=("torchscript",))


if __name__ == "__main__":
    main(sys.argv[1])
