"""The models of test_long_tail.py, each a function of no arguments, and samples for them."""

import torch
from torch import nn

from exported_models import samples, seeded


class Volume(nn.Module):
    """A 3-d convolution, group norm, and a transposed one back."""

    def __init__(self):
        super().__init__()
        self.down, self.norm = nn.Conv3d(1, 4, 2, stride=2), nn.GroupNorm(2, 4)
        self.up, self.last = nn.ConvTranspose3d(4, 2, 2, stride=2, groups=2), nn.Linear(2 * 4 * 4 * 2, 2)
        nn.init.normal_(self.norm.weight)
        nn.init.normal_(self.norm.bias)

    def forward(self, x):
        return self.last(torch.tanh(self.up(nn.functional.silu(self.norm(self.down(x))))).flatten(1))


class Signal(nn.Module):
    """The same of one axis, with dilation, padding and output_padding."""

    def __init__(self):
        super().__init__()
        self.down, self.norm = nn.Conv1d(2, 6, 3, stride=2, padding=1), nn.GroupNorm(3, 6)
        self.up = nn.ConvTranspose1d(6, 3, 3, stride=2, padding=2, output_padding=1, dilation=2)
        self.last = nn.Linear(3, 2)
        nn.init.normal_(self.norm.weight)

    def forward(self, x):
        return self.last(nn.functional.softsign(self.up(nn.functional.mish(self.norm(self.down(x))))).mean(2))


class UNet(nn.Module):
    """Down, up by interpolation, and what was there before beside it."""

    def __init__(self, mode, transposed=False):
        super().__init__()
        self.inside, self.deep = nn.Conv2d(2, 3, 3, padding=1), nn.Conv2d(3, 4, 3, padding=1)
        corners = {} if mode == "nearest" else {"align_corners": mode == "bicubic"}
        self.up = nn.ConvTranspose2d(4, 4, 2, stride=2, bias=False) if transposed else nn.Upsample(scale_factor=2, mode=mode, **corners)
        self.joined, self.last = nn.Conv2d(7, 2, 1), nn.Conv2d(2, 2, 3)

    def forward(self, x):
        first = torch.tanh(self.inside(x))
        deep = torch.tanh(self.deep(nn.functional.avg_pool2d(first, 2)))
        return self.last(nn.functional.celu(self.joined(torch.cat([first, self.up(deep)], 1)))).mean((2, 3))


class Cells(nn.Module):
    """A cell in a loop over the steps."""

    def __init__(self, cell):
        super().__init__()
        self.cell, self.last = cell(3, 4), nn.Linear(4, 2)
        self.is_lstm = cell is nn.LSTMCell

    def forward(self, x):
        h = torch.zeros(x.shape[0], 4, dtype=x.dtype)
        c = h
        for t in range(x.shape[1]):
            if self.is_lstm:
                h, c = self.cell(x[:, t], (h, c))
            else:
                h = self.cell(x[:, t], h)
        return self.last(h)


class Shuffle(nn.Module):
    """PixelShuffle, and back."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Conv2d(1, 8, 2), nn.Conv2d(2, 2, 3, stride=2)

    def forward(self, x):
        x = nn.functional.pixel_shuffle(torch.sin(self.first(x)), 2)
        return nn.functional.pixel_unshuffle(self.last(x)[:, :, :2, :2], 2).flatten(1)


class Norms(nn.Module):
    """Norms, products, sums of exponentials, running sums, and a learned exponent."""

    def __init__(self):
        super().__init__()
        self.first, self.last, self.exponent = nn.Linear(4, 6), nn.Linear(6, 2), nn.Parameter(torch.rand(6) + 1)

    def forward(self, x):
        z = self.first(x)
        unit = z / z.norm(dim=1, keepdim=True)
        power = nn.functional.softplus(z) ** self.exponent
        total = torch.logsumexp(z, 1, keepdim=True) + z.abs().sum(1, keepdim=True) + (1 + 0.1 * z).prod(1, keepdim=True)
        return self.last(unit + torch.cumsum(power, 1) + torch.atan(total))


class Pools(nn.Module):
    """Lp pools, rounding beside what is rounded, and a threshold."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Conv2d(1, 3, 2), nn.Linear(3 * 2 * 2, 2)

    def forward(self, x):
        x = self.first(x)
        x = x + 0.5 * torch.floor(2 * x) + torch.sign(x)
        return self.last(nn.functional.lp_pool2d(torch.minimum(x.exp(), torch.maximum(x + 3, 0.5 * x)) + 0.1, 2, 2).flatten(1))


def grown():
    """A generator whose first layer has a single pixel."""
    return nn.Sequential(nn.ConvTranspose2d(5, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(),
                         nn.ConvTranspose2d(4, 1, 2, stride=2), nn.Tanh(), nn.AvgPool2d(3), nn.Flatten())


MODELS = {  # name: (makes the model, its samples)
    "volumes": (seeded(Volume), samples(1, 4, 4, 2)),
    "signals": (seeded(Signal), samples(2, 9)),
    "U-Net, nearest": (seeded(lambda: UNet("nearest")), samples(2, 4, 6)),
    "U-Net, bilinear": (seeded(lambda: UNet("bilinear")), samples(2, 4, 6)),
    "U-Net, bicubic": (seeded(lambda: UNet("bicubic")), samples(2, 4, 6)),
    "U-Net, transposed": (seeded(lambda: UNet("nearest", True)), samples(2, 4, 6)),
    "LSTM cells": (seeded(lambda: Cells(nn.LSTMCell)), samples(5, 3)),
    "GRU cells": (seeded(lambda: Cells(nn.GRUCell)), samples(5, 3)),
    "RNN cells": (seeded(lambda: Cells(nn.RNNCell)), samples(5, 3)),
    "PixelShuffle": (seeded(Shuffle), samples(1, 4, 4)),
    "norms": (seeded(Norms), samples(4)),
    "Lp pools": (seeded(Pools), samples(1, 5, 5)),
    "a generator": (seeded(grown), samples(5, 1, 1)),
}
