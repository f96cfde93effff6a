#!/usr/bin/env python3
"""The plan for many samples on many nodes, as `tangram kernel --dry-run --ranks P` makes it, and the time that it takes at rates that you
state. Nothing is computed, and the samples are a dataset that was never written.

    jobs/scale.py                                          the table of docs/scale.md
    jobs/scale.py --samples 1e5,1e6 --nodes 1,10,100 --gemm 3000 --network 12

A node is two ranks, each with half of its rate, memory and network. Needs python3-h5py.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import h5py
except ImportError:
    sys.exit(f"scale: error: h5py is missing for {sys.executable}: install it, on Debian by 'apt-get install python3-h5py'")

RANKS_A_NODE = 2
UNITS = {"kB": 1e3, "MB": 1e6, "GB": 1e9}


def numbers(text):
    return [int(float(word)) for word in text.split(",")]


def size_in(text, pattern):
    number, unit = re.search(pattern + r" +([0-9.]+) (kB|MB|GB)", text).groups()
    return float(number) * UNITS[unit]


def plan(tangram, model, data, samples, nodes, memory, folder):
    """The text of the plan; nothing where it does not fit."""
    done = subprocess.run([tangram, "kernel", "--model", model, "--data", f"{data}:x", "--activation", "relu", "--rows", f"0:{samples}", "--logit", "0", "--store", "none",
                           "--output", folder / "out.h5", "--dry-run", "--ranks", str(RANKS_A_NODE * nodes), "--memory", str(memory / RANKS_A_NODE),
                           "--threads", "1"], capture_output=True, text=True)
    if done.returncode == 4:
        return None
    if done.returncode != 0:
        sys.exit(f"scale: error: {done.stderr.strip().splitlines()[-1]}")
    return done.stdout


def duration(seconds):
    for limit, unit, word in ((120, 1, "s"), (7200, 60, "min"), (172800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / unit:.3g} {word}"
    return f"{seconds / 86400:,.3g} d"


def row(text, samples, nodes, rates):
    tiles, features = (float(re.search(rf"([0-9.e+]+) in {what}", text).group(1)) for what in ("tiles", "features"))
    memory, received = size_in(text, "peak"), float(size_in(text, "exchange"))
    balance = float(re.search(r"has ([0-9.]+) of the mean", text).group(1))
    slices = re.search(r"in (\d+) slices", text)
    times = (features / (nodes * rates.gemm * 1e9 / 2), received / (rates.network * 1e9 / RANKS_A_NODE), balance * tiles / (nodes * rates.gemm * 1e9))
    return [f"{samples:,}", f"{nodes:,}", f"{memory / 1e9:.3g} GB" + (f", {slices.group(1)} slices" if slices else ""), f"{received / 1e9:.3g} GB",
            f"{balance:.3f}", *(duration(time) for time in times), f"{4 * samples ** 2 / 2 / 1e12:,.3g} TB"]


def main():
    parser = argparse.ArgumentParser(description="Plans for many samples on many nodes.")
    parser.add_argument("--samples", type=numbers, default=[10**5, 10**6, 10**7])
    parser.add_argument("--nodes", type=numbers, default=[1, 10, 100, 1000])
    parser.add_argument("--widths", default="784,512,512,10", help="of the network (784,512,512,10, one logit)")
    parser.add_argument("--gemm", type=float, default=3000, help="GF/s of a node in float32 (3000); half of it in float64")
    parser.add_argument("--network", type=float, default=12, help="GB/s that a node receives (12)")
    parser.add_argument("--memory", type=float, default=256, help="GiB of a node (256)")
    parser.add_argument("--tangram", type=Path, default=Path("build/release/tangram"))
    rates = parser.parse_args()
    heads = ["samples", "nodes", "memory of a rank", "received by a rank", "busiest rank", "features", "exchange", "tiles", "lower tiles, if stored"]
    print("| " + " | ".join(heads) + " |\n|" + "---|" * len(heads))
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        subprocess.run([rates.tangram, "init", "--widths", rates.widths, "--output", folder / "m.safetensors"], check=True, stdout=subprocess.DEVNULL)
        with h5py.File(folder / "x.h5", "w") as file:
            file.create_dataset("x", (max(rates.samples), int(rates.widths.split(",")[0])), "f4")
        for samples in rates.samples:
            for nodes in rates.nodes:
                text = plan(rates.tangram, folder / "m.safetensors", folder / "x.h5", samples, nodes, rates.memory, folder)
                cells = [f"{samples:,}", f"{nodes:,}", "too little memory"] + [""] * 6 if text is None else row(text, samples, nodes, rates)
                print("| " + " | ".join(cells) + " |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
