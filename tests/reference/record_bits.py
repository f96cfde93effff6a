#!/usr/bin/python3
"""Writes tests/data/baseline_bits.json, which tests/end_to_end/test_baseline.py compares with.

    tests/reference/record_bits.py PROGRAM OUT.json [--ranks 2] [--threads 2]

The bits are the program's promise: record them again only when they are meant to change, and say why in the commit.
"""

import argparse
import json
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "end_to_end"))
import baseline  # noqa: E402  (the path comes first)


def record(network, launch):
    """({kernel: {matrix: digest}}, versions) of one network."""
    kernels, versions = {}, None
    with tempfile.TemporaryDirectory(prefix="tangram-bits-") as folder:
        for label, options in baseline.kernels(network).items():
            kernels[label], versions = baseline.take(network, options, Path(folder) / "out.h5", **launch)
    return kernels, versions


def main():
    parser = argparse.ArgumentParser(description="Records the bits of every kernel that the tests compare.")
    parser.add_argument("program", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--ranks", type=int, default=0, help="under mpirun (0: a plain process)")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()

    launch = {"program": arguments.program.resolve(), "ranks": arguments.ranks,
              "threads": arguments.threads}
    networks = baseline.networks()
    with ThreadPoolExecutor(4) as workers:
        found = list(workers.map(lambda network: record(network, launch), networks.values()))
    versions = {json.dumps(each[1], sort_keys=True) for each in found}
    assert len(versions) == 1, versions
    bits = {"versions": found[0][1], "networks": {}}
    for name, (kernels, _) in zip(networks, found):
        spaces = {label.split()[0]: " ".join(matrices) for label, matrices in kernels.items()}
        bits["networks"][name] = {"matrices": spaces, "kernels": {
            label: " ".join(matrices.values()) for label, matrices in kernels.items()}}
    arguments.output.write_text(json.dumps(bits, indent=0) + "\n")


if __name__ == "__main__":
    main()
