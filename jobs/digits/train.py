#!/usr/bin/env python3
"""Makes jobs/digits/checkpoints: the network 64-128-128-10 of the digits at four times of its training, each as PyTorch
saves it and jobs/to_safetensors.py converts it. Needs python3-torch and python3-h5py; run by hand:

    jobs/digits/train.py jobs/digits/checkpoints
    jobs/digits/train.py FOLDER --samples 1000      on the first 1000 alone: jobs/digits/first_1000.safetensors is the last of these
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import torch

HERE = Path(__file__).resolve().parent
STEPS = [0, 10, 100, 1000]  # of full-batch gradient descent


def main():
    parser = argparse.ArgumentParser(description="The network of the digits at four times of its training.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--samples", type=int, help="train on so many, the first ones (all)")
    arguments = parser.parse_args()
    folder = arguments.folder
    folder.mkdir(exist_ok=True)
    with h5py.File(HERE / "digits.h5") as file:
        x, y = torch.tensor(file["x"][:]).float(), torch.tensor(file["y"][:]).long()
    x, y = x[:arguments.samples], y[:arguments.samples]
    torch.manual_seed(1)
    model = torch.nn.Sequential(torch.nn.Linear(64, 128), torch.nn.Tanh(), torch.nn.Linear(128, 128), torch.nn.Tanh(),
                                torch.nn.Linear(128, 10))
    descent = torch.optim.SGD(model.parameters(), lr=0.5)
    for step in range(STEPS[-1] + 1):
        loss = torch.nn.functional.cross_entropy(model(x), y)
        if step in STEPS:
            accuracy = (model(x).argmax(1) == y).float().mean()
            print(f"step {step:5}: loss {loss.item():.4f}, accuracy {accuracy.item():.3f}")
            with tempfile.TemporaryDirectory() as scratch:
                saved = Path(scratch) / "model.pt"
                torch.save(model.state_dict(), saved)
                subprocess.run([sys.executable, HERE.parent / "to_safetensors.py", saved,
                                folder / f"step-{step:05}.safetensors", "--metadata", "activation=tanh", "--overwrite"],
                               check=True, stdout=subprocess.DEVNULL)
        descent.zero_grad()
        loss.backward()
        descent.step()


if __name__ == "__main__":
    main()
