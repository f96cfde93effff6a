"""The models of test_export.py, each a function of no arguments, and samples for them."""

import numpy
import torch
from torch import nn

SAMPLES = 9


def seeded(make):
    """The same weights at each call."""

    def made():
        torch.manual_seed(11)
        return make()

    return made


def samples(*shape, seed=0):
    return torch.from_numpy(numpy.random.default_rng(seed).normal(size=(SAMPLES, *shape)))


@seeded
def fresh_cnn():
    """Tensors of ones and zeros are equal, and the exporter merges them."""
    return nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 3, stride=2), nn.BatchNorm2d(4),
                         nn.Tanh(), nn.MaxPool2d(2, stride=1), nn.Flatten(), nn.Linear(4, 3))


def trained_cnn():
    model = fresh_cnn()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    x, y = samples(2, 6, 6, seed=1).float(), torch.arange(SAMPLES) % 3
    for _ in range(5):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    return model


class FourierMlp(nn.Module):
    """A frozen layer, and frequencies in a buffer."""

    def __init__(self):
        super().__init__()
        self.register_buffer("frequencies", torch.randn(3, 4))
        self.first, self.middle, self.last = nn.Linear(8, 6), nn.Linear(6, 6), nn.Linear(6, 2)
        self.middle.requires_grad_(False)

    def forward(self, x):
        z = x @ self.frequencies
        x = nn.functional.gelu(self.first(torch.cat([torch.sin(z), torch.cos(z)], -1)))
        return self.last(torch.tanh(self.middle(x)))


class Tied(nn.Module):
    """An autoencoder with one weight."""

    def __init__(self):
        super().__init__()
        self.code, self.decode = nn.Linear(5, 5), nn.Linear(5, 5)
        self.decode.weight = self.code.weight

    def forward(self, x):
        return self.decode(torch.tanh(self.code(x)))


class Transposed(nn.Module):
    """The same with the transpose."""

    def __init__(self):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.randn(4, 5)), nn.Parameter(torch.randn(5))

    def forward(self, x):
        return nn.functional.silu(x @ self.weight.T) @ self.weight + self.bias


class Siren(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(2, 7), nn.Linear(7, 7), nn.Linear(7, 2)])

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = torch.sin(3.0 * layer(x))
        return self.layers[-1](x)


class SqueezeExcite(nn.Module):
    """Grouped convolutions, channels weighed by what is in them, and a pooling whose last windows hang over."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(2, 4, 3, padding=1, groups=2)
        self.depthwise = nn.Conv2d(4, 4, 3, padding=1, groups=4, bias=False)
        self.squeeze, self.excite = nn.Conv2d(4, 2, 1), nn.Conv2d(2, 4, 1)
        self.pool = nn.AvgPool2d(3, stride=2, padding=1, ceil_mode=True)
        self.last = nn.Linear(4 * 4 * 4, 3)

    def forward(self, x):
        x = self.depthwise(nn.functional.hardswish(self.first(x)))
        weights = nn.functional.relu(self.squeeze(nn.functional.adaptive_avg_pool2d(x, 1)))
        return self.last(self.pool(x * torch.sigmoid(self.excite(weights))).flatten(1))


class Dense(nn.Module):
    """What each layer gives is put beside what it took."""

    def __init__(self):
        super().__init__()
        self.norms = nn.ModuleList([nn.InstanceNorm2d(2 + 3 * k, affine=True) for k in range(3)])
        self.convolutions = nn.ModuleList([nn.Conv2d(2 + 3 * k, 3, 3, padding=1, bias=False) for k in range(3)])
        self.last = nn.Linear(11, 2)
        for norm in self.norms:
            nn.init.normal_(norm.weight)
            nn.init.normal_(norm.bias)

    def forward(self, x):
        for norm, convolution in zip(self.norms, self.convolutions):
            x = torch.cat([x, convolution(nn.functional.elu(norm(x)))], 1)
        return self.last(torch.tanh(x).mean((2, 3)))


class Gated(nn.Module):
    """Scales that are learned, one a unit and one for all."""

    def __init__(self):
        super().__init__()
        self.value, self.gate, self.last = nn.Linear(5, 6), nn.Linear(5, 6), nn.Linear(6, 3)
        self.scale, self.gain = nn.Parameter(torch.randn(6)), nn.Parameter(torch.tensor(0.7))

    def forward(self, x):
        return self.last(self.scale * self.value(x) * torch.sigmoid(self.gain * self.gate(x)))


class Residual(nn.Module):
    """GroupNorm, a skip, a strided convolution, and a learned slope."""

    def __init__(self):
        super().__init__()
        self.first, self.norm, self.slope = nn.Conv1d(2, 4, 3, padding=1), nn.GroupNorm(2, 4), nn.PReLU(4)
        self.down, self.last = nn.Conv1d(4, 2, 2, stride=2, dilation=2), nn.Linear(4, 3)
        nn.init.normal_(self.norm.weight)

    def forward(self, x):
        z = self.first(x)
        z = z + self.slope(self.norm(z))
        return self.last(nn.functional.softplus(self.down(z)).flatten(1))


class Attention(nn.Module):
    """One head by hand, with LayerNorm."""

    def __init__(self):
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(4, 4, bias=False) for _ in range(3))
        self.norm, self.last = nn.LayerNorm(4), nn.Linear(4, 2)

    def forward(self, x):
        weights = torch.softmax(self.query(x) @ self.key(x).transpose(-1, -2) / 2.0, -1)
        return self.last(self.norm(x + weights @ self.value(x)).mean(1))


def classifier():
    return nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3), nn.Softmax(-1))


MODELS = {  # name: (makes the model, its samples)
    "a CNN with fresh BatchNorm": (fresh_cnn, samples(2, 6, 6)),
    "a CNN after some steps": (trained_cnn, samples(2, 6, 6)),
    "a frozen layer and Fourier features": (seeded(FourierMlp), samples(3)),
    "a tied weight": (seeded(Tied), samples(5)),
    "a weight and its transpose": (seeded(Transposed), samples(5)),
    "softmax at the end": (seeded(classifier), samples(4)),
    "SIREN": (seeded(Siren), samples(2)),
    "squeeze-excite": (seeded(SqueezeExcite), samples(2, 6, 6)),
    "DenseNet with InstanceNorm": (seeded(Dense), samples(2, 4, 4)),
    "a gated unit": (seeded(Gated), samples(5)),
    "GroupNorm and PReLU": (seeded(Residual), samples(2, 5)),
    "attention": (seeded(Attention), samples(3, 4)),
}
