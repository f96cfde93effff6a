"""The bits that the program has always written: which kernels they are of, and how they are taken from a file.

tests/data/baseline_bits.json holds, a line a kernel, a digest of each of its matrices in the order of their names: the
SHA-256 of the matrix's table of tile checksums in the kernel file, of which 12 hexadecimal digits are kept. Bits depend on the compiler, on libm, on the BLAS and on the CPU kernels that these
choose, so their versions stand beside them; the CPU kernel of the BLAS is set to one that most machines have.
tests/reference/record_bits.py writes the file.
"""

import hashlib
import platform
from dataclasses import dataclass

import h5py

from harness import DATA, JOBS, tangram

BITS = DATA / "baseline_bits.json"
REFERENCES = DATA / "references.h5"
CPU_KERNEL = {"OPENBLAS_CORETYPE": "Haswell"}
LARGEST_PARAMETER_GRAM = 3000  # parameters


@dataclass
class Network:
    inputs: list  # options that name the model, its samples and their selection
    samples_tile: int
    parameters_tile: int  # 0: too many parameters for their Gram matrix
    outputs: int


def count_parameters(model):
    sizes = []
    model.visititems(lambda _, item: sizes.append(item.size) if isinstance(item, h5py.Dataset) else None)
    return sum(sizes)


def networks():
    """{name: Network}: the notebook's three, the trained digits, and all of references.h5."""
    found = {}
    for case in ("by_hand", "with_bias", "without_bias"):
        model = JOBS / "notebook" / f"notebook_{case}.safetensors"
        found[f"notebook_{case}"] = Network(["--model", model, "--activation", "identity", "--data",
                                             f"{JOBS}/notebook/samples.h5:x"], 2, 8, 1)
    digits = ["--model", JOBS / "digits" / "digits_mlp.safetensors", "--activation", "tanh", "--data",
              f"{JOBS}/digits/digits.h5:x"]
    found["digits"] = Network([*digits, "--rows", "0:100"], 32, 0, 10)
    found["digits_all"] = Network(digits, 192, 0, 0)
    with h5py.File(REFERENCES) as file:
        for name, case in file.items():
            small = count_parameters(case["model"]) <= LARGEST_PARAMETER_GRAM
            found[name] = Network(["--model", f"{REFERENCES}:{name}/model", "--data", f"{REFERENCES}:{name}/x",
                                   *case.attrs["options"]], 5, 48 if small else 0, case["outputs"].shape[1])
    return found


def kernels(network):
    """{label: options}: every reduction in both precisions and spaces, as far as they mean something."""
    reductions = {"trace": ["--reduction", "trace"]}
    if network.outputs > 0:
        reductions.update({name: ["--reduction", name] for name in ("sum", "full")})
    if network.outputs > 1:  # of one output these are as the others
        last = network.outputs - 1
        reductions.update({"mean": ["--reduction", "mean"], f"logit_{last}": ["--logit", last]})
    spaces = {"samples": ["--conjugate-kernels", "all", "--tile", network.samples_tile]}
    if network.parameters_tile:
        spaces["params"] = ["--space", "params", "--tile", network.parameters_tile]
    return {f"{space} {reduction} {precision}": [*spaces[space], *reductions[reduction], "--precision", precision]
            for space in spaces for reduction in reductions for precision in ("float64", "float32")
            if (space, reduction) != ("params", "full")}


def digest(checksums):
    """{matrix: 12 hexadecimal digits} of a kernel file's /checksums."""
    found = {}

    def visit(name, item):
        if isinstance(item, h5py.Dataset) and name not in ("tile_row", "tile_column"):
            found[name] = hashlib.sha256(item[:].astype("<u8").tobytes()).hexdigest()[:12]

    checksums.visititems(visit)
    return found


def take(network, options, output, threads=1, **launch):
    """({matrix: digest}, what the file says of the build) of a kernel computed now, without its checks."""
    run = tangram("kernel", *network.inputs, *options, "--check-samples", 0, "--output", output, "--overwrite",
                  "--threads", threads, extra=CPU_KERNEL, **launch)
    assert run.code == 0, run
    with h5py.File(output) as file:
        return digest(file["checksums"]), versions(file["provenance"].attrs)


def versions(provenance):
    """What decides the bits, apart from the program."""
    with open("/proc/cpuinfo") as cpuinfo:
        flags = next((line.split() for line in cpuinfo if line.startswith("flags")), [])
    return {"compiler": provenance["compiler"], "blas": provenance["blas"], "libm": " ".join(platform.libc_ver()),
            "machine": platform.machine(), "fma": "fma" in flags and "avx2" in flags}
