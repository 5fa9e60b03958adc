"""The modules that nets_pytorch.py exports: random weights, sizes that take no time."""

import torch
from torch import nn
from torch.nn import functional


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
        z = functional.interpolate(y, scale_factor=2, mode="nearest")
        w = functional.interpolate(y, scale_factor=2, mode="bilinear", align_corners=False)
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


class Rnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.RNN(5, 7, nonlinearity="tanh")
        self.head = nn.Linear(7, 2)

    def forward(self, x):
        sequence, state = self.rnn(x)
        return self.head(sequence), state


class Mobile(nn.Module):
    """An inverted residual with squeeze and excitation, as in MobileNetV3."""

    def __init__(self, channels=8, wide=24):
        super().__init__()
        self.stem = nn.Conv2d(3, channels, 3, stride=2, padding=1)
        self.block = nn.Sequential(
            nn.Conv2d(channels, wide, 1, bias=False), nn.BatchNorm2d(wide), nn.ReLU6(),
            nn.Conv2d(wide, wide, 5, padding=2, groups=wide, bias=False), nn.BatchNorm2d(wide),
            nn.Hardswish())
        self.squeeze = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(wide, 6, 1), nn.ReLU(), nn.Conv2d(6, wide, 1),
            nn.Hardsigmoid())
        self.project = nn.Sequential(nn.Conv2d(wide, channels, 1, bias=False),
                                     nn.BatchNorm2d(channels))

    def forward(self, x):
        x = self.stem(x)
        y = self.block(x)
        return (x + self.project(y * self.squeeze(y))).mean(dim=(2, 3))


class ImageOps(nn.Module):
    """What image-to-image nets have beside convolutions."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, padding=1, padding_mode="reflect", dilation=1)
        self.norms = nn.Sequential(nn.InstanceNorm2d(16, affine=True), nn.PReLU(16),
                                   nn.GroupNorm(4, 16), nn.ELU())
        self.up = nn.Sequential(nn.PixelShuffle(2), nn.AvgPool2d(3, stride=1, padding=1),
                                nn.LeakyReLU(0.1))

    def forward(self, x, flow):
        y = self.up(self.norms(self.conv(x)))
        return torch.clamp(functional.grid_sample(y, flow, padding_mode="border",
                                                  align_corners=False), -1, 1)


class Volume(nn.Module):
    """Three dimensions, and one."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv3d(1, 4, 3, padding=1), nn.BatchNorm3d(4), nn.Mish(),
                                  nn.MaxPool3d(2), nn.ConvTranspose3d(4, 2, 2, stride=2))
        self.line = nn.ConvTranspose1d(2, 3, 4, stride=2, padding=1)

    def forward(self, x):
        return self.line(self.conv(x).mean(dim=(3, 4)))


class VisionTransformer(nn.Module):
    """Patches, a class token, pre-normalised attention."""

    def __init__(self, width=16, patches=16):
        super().__init__()
        self.patch = nn.Conv2d(3, width, 4, stride=4)
        self.token = nn.Parameter(torch.randn(1, 1, width))
        self.positions = nn.Parameter(torch.randn(1, patches + 1, width))
        self.norm, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, 4, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(width, 32), nn.GELU(approximate="tanh"),
                                 nn.Linear(32, width))
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], dim=1) + self.positions
        y = self.norm(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        return self.head((x + self.mlp(self.norm2(x)))[:, 0])


class DecoderStep(nn.Module):
    """One step of a decoder: a token and the caches of keys and values, which grow by one."""

    def __init__(self, vocabulary=19, width=16, heads=2):
        super().__init__()
        self.heads = heads
        self.embedding = nn.Embedding(vocabulary, width)
        self.qkv = nn.Linear(width, 3 * width)
        self.scale = nn.Parameter(torch.rand(width))
        self.gate, self.up, self.down = (nn.Linear(width, 24), nn.Linear(width, 24),
                                         nn.Linear(24, width))
        self.head = nn.Linear(width, vocabulary)

    def norm(self, x):
        """The root mean square's; torch's own module is nothing that TorchScript's exporter knows."""
        return x * torch.rsqrt(x.square().mean(dim=-1, keepdim=True) + 1e-6) * self.scale

    def forward(self, token, keys, values):
        x = self.embedding(token)
        batch, length, width = x.shape
        q, k, v = (part.reshape(batch, length, self.heads, width // self.heads).transpose(1, 2)
                   for part in self.qkv(self.norm(x)).chunk(3, dim=-1))
        keys, values = torch.cat([keys, k], dim=2), torch.cat([values, v], dim=2)
        y = functional.scaled_dot_product_attention(q, keys, values)
        x = x + y.transpose(1, 2).reshape(batch, length, width)
        x = x + self.down(functional.silu(self.gate(x)) * self.up(x))
        return self.head(x), keys, values


class MaskedText(nn.Module):
    """A bool mask and int32 tokens in; the mean of what is not masked, and the best class, out."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(30, 8)
        self.head = nn.Linear(8, 4)

    def forward(self, tokens, mask):
        x = self.embedding(tokens).masked_fill(mask.unsqueeze(-1), 0.0)
        x = x.sum(dim=1) / (~mask).sum(dim=1, keepdim=True)
        scores = self.head(x)
        return scores, scores.argmax(dim=1), scores > 0


class DetectionHead(nn.Module):
    """Anchors, decoded boxes and the best few of them, as detectors end before suppression."""

    def __init__(self, anchors=3, classes=4, size=6, best=5):
        super().__init__()
        self.classes, self.best = classes, best
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.SiLU())
        self.boxes = nn.Conv2d(8, anchors * 4, 1)
        self.scores = nn.Conv2d(8, anchors * classes, 1)
        y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
        centers = torch.stack([x, y], dim=-1).reshape(-1, 1, 2).expand(-1, anchors, -1)
        self.register_buffer("centers", centers.reshape(-1, 2) + 0.5)

    def forward(self, image):
        x = self.features(image)
        boxes = self.boxes(x).permute(0, 2, 3, 1).reshape(x.shape[0], -1, 4)
        scores = self.scores(x).permute(0, 2, 3, 1).reshape(x.shape[0], -1, self.classes).sigmoid()
        center = self.centers + boxes[..., :2].tanh()
        half = boxes[..., 2:].clamp(max=2).exp() / 2
        corners = torch.cat([center - half, center + half], dim=-1)
        best, classes = scores.max(dim=-1)
        best, order = torch.topk(best, self.best, dim=1)
        return (torch.gather(corners, 1, order.unsqueeze(-1).expand(-1, -1, 4)), best,
                torch.gather(classes, 1, order))


class Indexing(nn.Module):
    """Slices, scatters, sums along the way, products by Einsum."""

    def forward(self, x, index):
        y = torch.zeros_like(x).scatter(1, index, x)
        y[:, 1::2] = y[:, 1::2] * 2
        z = torch.einsum("bij,bkj->bik", y[:, :2], x.flip(dims=(2,)))
        w = torch.where(x > 0, x, x.abs().sqrt()).cumsum(dim=2).roll(1, dims=2)
        return y, z, torch.tril(w), torch.var(x, dim=-1), torch.repeat_interleave(x[:, 0], 2, dim=0)


class Selected(nn.Module):
    """Rows that pass: the output's shape depends on data."""

    def forward(self, x):
        rows = torch.nonzero(x[:, 0] > 0).squeeze(1)
        return x[rows] * 2, rows


class Spectrum(nn.Module):
    """The front of speech models: a short-time Fourier transform, in decibels of a few bands."""

    def __init__(self):
        super().__init__()
        self.register_buffer("window", torch.hann_window(16))
        self.register_buffer("bands", torch.rand(9, 4))

    def forward(self, sound):
        parts = torch.view_as_real(torch.stft(sound, 16, hop_length=8, window=self.window,
                                              center=False, return_complex=True))
        power = parts.square().sum(dim=-1)
        return torch.log10(power.transpose(1, 2) @ self.bands + 1e-3)


class Quantised(nn.Module):
    """Trained for 8 bits: pairs of QuantizeLinear and DequantizeLinear around a convolution."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.register_buffer("scales", torch.full((8,), 0.01))
        self.register_buffer("zeros", torch.zeros(8, dtype=torch.int32))

    def forward(self, x):
        x = torch.fake_quantize_per_tensor_affine(x, 0.05, 128, 0, 255)
        weight = torch.fake_quantize_per_channel_affine(self.conv.weight, self.scales, self.zeros,
                                                        0, -128, 127)
        x = functional.relu(functional.conv2d(x, weight, self.conv.bias))
        return torch.fake_quantize_per_tensor_affine(x, 0.05, 0, 0, 255)


class Half(nn.Module):
    """Weights and computing in float16."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, 4),
                                    nn.Softmax(dim=-1)).half()

    def forward(self, x):
        return self.layers(x)
