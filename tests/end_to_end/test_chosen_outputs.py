"""Kernels of some of the outputs, and of random combinations of them: those of the full kernel's blocks, and of the signs that README
documents."""

import h5py
import numpy

from harness import DATA, assert_close, each, kernel, tangram


def full_kernel(name):
    """(N, C, N, C)"""
    with h5py.File(DATA / "onnx" / f"{name}.h5") as file:
        N, C = file["outputs"].shape
        return file["full/ntk"][:].reshape(N, C, N, C)


@each({f"{reduction}, {words}": (reduction, words, chosen) for reduction in ("trace", "mean", "sum", "full")
       for words, chosen in (("2,0", [2, 0]), ("1:4", [1, 2, 3]), ("3", [3]))})
def test_some_outputs_only(folder, reduction, words, chosen):
    K = full_kernel("lenet")[:, chosen][:, :, :, chosen]
    N, R = K.shape[:2]
    expected = {"trace": lambda: numpy.einsum("irjr->ij", K), "mean": lambda: numpy.einsum("irjr->ij", K) / R,
                "sum": lambda: K.sum((1, 3)), "full": lambda: K.reshape(N * R, N * R)}[reduction]()
    with kernel(DATA / "onnx/lenet.onnx", f"{DATA}/onnx/lenet.h5:x", folder / "k.h5", "--reduction", reduction, "--outputs", words,
                ranks=2) as out:
        assert_close(out["ntk"][:], expected, "float64", "ntk")
        assert out.attrs["outputs"].tolist() == chosen and out.attrs["n_outputs"] == 4
    checked = tangram("check", folder / "k.h5")
    assert checked.code == 0, checked
    assert tangram("verify", folder / "k.h5").code == 0


def splitmix64(x):
    x = (x + 0x9e3779b97f4a7c15) % 2 ** 64
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9 % 2 ** 64
    x = (x ^ x >> 27) * 0x94d049bb133111eb % 2 ** 64
    return x ^ x >> 31


def combinations(K, C, seed):
    """As the documentation has it."""
    h = splitmix64
    signs = [[1 if h(h(h(seed) + k & 2 ** 64 - 1) + c & 2 ** 64 - 1) >> 63 else -1 for c in range(C)] for k in range(K)]
    return numpy.array(signs) / numpy.sqrt(K)


@each({"2 of seed 0": (2, None), "8 of seed 7": (8, 7), "3 of a large seed": (3, 2 ** 63 - 1)})
def test_combinations_are_made_of_the_documented_signs(folder, K, seed):
    E, of_pairs = combinations(K, 4, seed or 0), full_kernel("lenet")
    expected = numpy.einsum("kr,irjs,ls->ikjl", E, of_pairs, E, optimize=True)
    words = ["--project-outputs", K, *(["--seed", seed] if seed else [])]
    with kernel(DATA / "onnx/lenet.onnx", f"{DATA}/onnx/lenet.h5:x", folder / "t.h5", *words) as out:
        assert_close(out["ntk"][:], numpy.einsum("ikjk->ij", expected), "float64", "trace")
        assert out.attrs["unbiased_for"] == "trace" and (out.attrs["project_outputs"], out.attrs["seed"]) == (K, seed or 0)
    with kernel(DATA / "onnx/lenet.onnx", f"{DATA}/onnx/lenet.h5:x", folder / "f.h5", *words, "--reduction", "full", ranks=3) as out:
        N = len(of_pairs)
        assert_close(out["ntk"][:], expected.reshape(N * K, N * K), "float64", "full")
    for command in ("check", "verify", "spectrum"):
        run = tangram(command, folder / "f.h5")
        assert run.code == 0, run


def test_combinations_give_the_trace_on_average(folder):
    of_pairs = full_kernel("lenet")
    made = numpy.array([numpy.einsum("kr,irjs,ks->ij", E, of_pairs, E, optimize=True)
                        for E in (combinations(2, 4, seed) for seed in range(64))])
    exact = numpy.einsum("irjr->ij", of_pairs)
    with kernel(DATA / "onnx/lenet.onnx", f"{DATA}/onnx/lenet.h5:x", folder / "k.h5", "--project-outputs", 2, "--seed", 63) as out:
        assert_close(out["ntk"][:], made[63], "float64", "seed 63")
    errors = made.std(0, ddof=1) / 8
    assert (numpy.abs(made.mean(0) - exact) <= 5 * errors + 1e-12).all()
