#!/usr/bin/env python3
"""Makes digits_cnn.onnx and digits_cnn.samples.h5: a small CNN with BatchNorm, trained on 1500 of the digits of jobs/digits and exported by
jobs/export.py, with all 1797 digits, which digits they are, and the network's own outputs. Less than a minute on one core. Needs
python3-torch and python3-h5py; run by hand:

    jobs/images/train.py jobs/images
"""

import sys
from collections import OrderedDict
from pathlib import Path

import h5py
import torch
from torch import nn

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from export import export  # noqa: E402, which lies in the folder above

TRAINED_ON = 1500  # the rest tells how well it does on digits that it has not seen
EPOCHS, BATCH = 20, 50


def make():
    """Images (N, 1, 8, 8) to 10 logits. BatchNorm has the biases of the convolutions."""
    return nn.Sequential(OrderedDict(
        conv1=nn.Conv2d(1, 8, 3, padding=1, bias=False), norm1=nn.BatchNorm2d(8), relu1=nn.ReLU(),
        conv2=nn.Conv2d(8, 16, 3, padding=1, bias=False), norm2=nn.BatchNorm2d(16), relu2=nn.ReLU(), pool2=nn.MaxPool2d(2),
        conv3=nn.Conv2d(16, 32, 3, padding=1, bias=False), norm3=nn.BatchNorm2d(32), relu3=nn.ReLU(), pool3=nn.AdaptiveAvgPool2d(1),
        flat=nn.Flatten(), head=nn.Linear(32, 10)))


def train(model, x, y):
    adam = torch.optim.Adam(model.parameters(), lr=3e-3)
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(adam, EPOCHS)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(x)).split(BATCH):
            adam.zero_grad()
            nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
            adam.step()
        decay.step()
    return model.eval()


def accuracy(model, x, y):
    with torch.no_grad():
        return (model(x).argmax(1) == y).float().mean().item()


def main():
    folder = Path(sys.argv[1])
    with h5py.File(HERE.parent / "digits" / "digits.h5") as file:
        x, y = torch.tensor(file["x"][:]).reshape(-1, 1, 8, 8), torch.tensor(file["y"][:])
    torch.manual_seed(1)
    torch.set_num_threads(1)  # sums of several threads have other last bits
    model = train(make(), x[:TRAINED_ON], y[:TRAINED_ON])
    for name, rows in {"trained on": slice(TRAINED_ON), "held out": slice(TRAINED_ON, None)}.items():
        print(f"accuracy on the {len(y[rows])} digits {name}: {accuracy(model, x[rows], y[rows]):.4f}")
    export(model, x, folder / "digits_cnn.onnx", labels=y, overwrite=True)


if __name__ == "__main__":
    main()
