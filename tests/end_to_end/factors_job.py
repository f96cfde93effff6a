"""Factors of gradients as files, and kernels of them, for their tests."""

import functools

import h5py
import numpy

from harness import tangram

USAGE, BAD_INPUT, STOPPED = 2, 3, 75
random = numpy.random.default_rng


@functools.cache
def arrays(N=23, R=3, seed=0):
    """{tensor: {part: array}} of every form; the bias b has the sensitivities of w."""
    rng = random(seed)
    s = rng.normal(size=(N, R, 7))
    return {"w": {"x": rng.normal(size=(N, 11)), "s": s}, "b": {"s": s}, "c": {"g": rng.normal(size=(N, R, 4, 5))},
            "on positions": {"x": rng.normal(size=(N, 6, 9)), "s": rng.normal(size=(N, R, 6, 8))},
            "few positions": {"x": rng.normal(size=(N, 2, 90)), "s": rng.normal(size=(N, R, 2, 80))}}


def jacobian(parts):
    """(N, R, P) of one tensor."""
    if "x" not in parts:
        rows = parts.get("g", parts.get("s"))
        return rows.reshape(*rows.shape[:2], -1)
    product = "irj,ik->irjk" if parts["x"].ndim == 2 else "irpj,ipk->irjk"
    rows = numpy.einsum(product, parts["s"], parts["x"])
    return rows.reshape(*rows.shape[:2], -1)


def write_hdf5(path, tensors, dtype="f8"):
    with h5py.File(path, "w") as file:
        for name, parts in tensors.items():
            for part, values in parts.items():
                file[f"{name}/{part}"] = values.astype(dtype)
        if "b" in tensors and "w" in tensors:
            del file["b/s"]
            file["b/s"] = file["w/s"]
        file.attrs["tensors"] = list(tensors)
    return path


def write_npy(path, tensors, dtype="f8"):
    """A text beside .npy files; the bias names the weight's."""
    lines = ["# gradients"]
    for k, (name, parts) in enumerate(tensors.items()):
        words = [name.replace(" ", "_")]
        for part, values in parts.items():
            numpy.save(path.parent / f"{k}{part}.npy", values.astype(dtype))
            words.append(f"{part}={'0s' if name == 'b' else f'{k}{part}'}.npy")
        lines.append(" ".join(words))
    path.write_text("\n".join(lines) + "\n")
    return path


def made(factors, output, *words, ranks=1, precision="float64"):
    run = tangram("kernel", "--factors", factors, "--output", output, "--precision", precision, *words, *([] if "--threads" in words else ["--threads", 1]), ranks=ranks)
    assert run.code == 0 and not run.errors, run
    return h5py.File(output, "r")


REDUCTIONS = {
    "trace": lambda J: numpy.einsum("irp,jrp->ij", J, J),
    "mean": lambda J: numpy.einsum("irp,jrp->ij", J, J) / J.shape[1],
    "sum": lambda J: J.sum(1) @ J.sum(1).T,
    "full": lambda J: J.reshape(-1, J.shape[2]) @ J.reshape(-1, J.shape[2]).T,
}


def many(N=19, R=2, seed=5):
    """More than 65536 numbers a sample, in three tensors, the smallest of which is held."""
    rng = random(seed)
    return {"a": {"g": rng.normal(size=(N, R, 201, 97))}, "d": {"g": rng.normal(size=(N, R, 17001))}, "c": {"g": rng.normal(size=(N, R, 30))},
            "w": {"x": rng.normal(size=(N, 5)), "s": rng.normal(size=(N, R, 4))}}
