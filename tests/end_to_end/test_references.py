"""Kernels of networks chosen to be hard are those of float64 autograd, on any number of ranks."""

import itertools

import h5py

from harness import DATA, JOBS, assert_close, assert_kernel, each, kernel

REFERENCES = DATA / "references.h5"
NOTEBOOK = DATA / "notebook.h5"
DIGITS = DATA / "digits_reference.h5"


def rotate_over_ranks():
    """Every network and reduction in float64, trace and full also in float32, each on other rank counts and panel sizes than its neighbours."""
    ranks = itertools.cycle([1, 2, 1, 3, 1, 4])
    tiles = itertools.cycle([3, 2, 5, 4, 64])
    table = {}
    with h5py.File(REFERENCES) as file:
        for network in file:
            for reduction in file[network]["expected"]:
                for precision in ("float64", "float32") if reduction in ("trace", "full") else ("float64",):
                    row = (network, reduction, precision, next(ranks), next(tiles))
                    table["{}, {}, {}, {} ranks, tile {}".format(*row)] = row
            next(ranks)
    return table


@each(rotate_over_ranks())
def test_kernel_and_outputs_are_those_of_autograd(folder, network, reduction, precision, ranks, tile):
    with h5py.File(REFERENCES) as file:
        case = file[network]
        chosen = ["--logit", reduction[6:]] if reduction.startswith("logit") else ["--reduction", reduction]
        with kernel(f"{REFERENCES}:{network}/model", f"{REFERENCES}:{network}/x", folder / "out.h5", "--tile", tile,
                    *case.attrs["options"], *chosen, ranks=ranks, precision=precision) as out:
            assert_close(out["outputs"][:], case["outputs"][:], precision, "outputs")
            assert_kernel(out, case["expected"][reduction], precision)
            assert out["checks"].attrs["passed"] == 1


def in_both_precisions(names):
    """On other ranks each: test_bits.py shows that a kernel has the same bits on any number of them."""
    return {f"{name}, {precision}, {ranks} ranks": (name, precision, ranks)
            for (name, precision), ranks in zip(itertools.product(names, ("float64", "float32")), itertools.cycle((4, 1, 3, 2, 1)))}


@each(in_both_precisions(["by_hand", "with_bias", "without_bias"]))
def test_the_notebook_is_reproduced(folder, case, precision, ranks):
    with h5py.File(NOTEBOOK) as file:
        with kernel(f"{NOTEBOOK}:{case}/model", f"{NOTEBOOK}:{case}/x", folder / "out.h5", "--activation", "identity",
                    "--tile", 2, ranks=ranks, precision=precision) as out:
            assert_close(out["outputs"][:], file[case]["outputs"][:], precision, "outputs")
            assert_close(out["ntk"][:], file[case]["expected/kernel"][:], precision, "ntk")
            expected = file[case]["expected/components"]
            assert len(out["components"]) == sum(len(layer) for layer in expected.values())
            for name, component in out["components"].items():
                assert_close(component[:], expected[name.replace(".", "/")][:], precision, name)


@each(in_both_precisions(["trace", "sum", "index", "full"]))
def test_trained_digits_network(folder, reduction, precision, ranks):
    with h5py.File(DIGITS) as file:
        expected = file[reduction]
        samples = file.attrs["full_samples" if reduction == "full" else "samples"]
        chosen = ["--logit", expected.attrs["output"]] if reduction == "index" else ["--reduction", reduction]
        with kernel(JOBS / "digits" / "digits_mlp.safetensors", f"{JOBS}/digits/digits.h5:x", folder / "out.h5",
                    "--activation", "tanh", "--rows", f"0:{samples}", "--tile", 3, *chosen, ranks=ranks,
                    precision=precision) as out:
            assert_close(out["outputs"][:], file["outputs"][:samples], precision, "outputs")
            assert_close(out["ntk"][:], expected["kernel"][:], precision, "ntk")
            modules = {"0": "layer1", "2": "layer2", "4": "layer3"}
            assert len(out["components"]) == 6
            for name, component in out["components"].items():
                module, tensor = name.split(".")
                assert_close(component[:], expected["components"][modules[module]][tensor][:], precision, name)
