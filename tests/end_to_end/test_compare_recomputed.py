"""`tangram compare` computes again what the file does not hold: other reductions and outputs, components that were not stored; and says
so where the inputs are gone."""

import shutil

import h5py
import numpy

from compare_net import DIFFERENT, EQUAL, SAMPLES, Net, compare, make
from harness import kernel, tangram


def test_another_reduction_is_recomputed_and_named(folder):
    net = make(folder, "tanh, 4 outputs")
    for options, reduction, words in ((["--reduction", "sum"], "sum", "sum: the kernel of the summed outputs"),
                                      (["--logit", "3"], None, "output 3 alone (--logit 3), by")):
        with kernel(folder / "k.safetensors", f"{folder}/k-data.h5:x", folder / "other-reduction.h5", "--activation", "tanh", *options,
                    "--overwrite") as file:
            other = file["ntk"][:]
        code, verdict = compare(net, other, ranks=2)
        assert verdict.startswith(words), verdict
        if reduction:
            code, verdict = compare(net, other, "--like", reduction)
            assert code == EQUAL and "reduction sum, on 24 samples" in verdict, verdict
            code, verdict = compare(net, 2 * other, "--like", reduction)
            assert verdict.startswith("factor 2.0000"), verdict


def test_components_that_are_not_stored_are_computed_again(folder):
    net = Net(folder, [6, 12, 9, 4])
    with kernel(folder / "k.safetensors", f"{folder}/k-data.h5:x", folder / "total.h5", "--activation", "tanh", "--components", "none"):
        net.path = folder / "total.h5"
    code, verdict = compare(net, net.K - net.parts["fc1.bias"])
    assert verdict.startswith("missing fc1.bias (of reduction trace, on 24 samples)"), verdict


def test_inputs_that_are_gone_or_changed_are_no_reduction(folder):
    net = make(folder, "tanh, 4 outputs", own=True)
    model, other = folder / "k.safetensors", net.K * (1 + numpy.random.default_rng(3).random(net.K.shape))
    moved = folder / "moved.safetensors"
    shutil.move(model, moved)
    numpy.save(folder / "o.npy", other)
    run = tangram("compare", net.path, folder / "o.npy")
    assert run.code == DIFFERENT and run.stdout.startswith("residual") and "others were not tried" in run.stdout and "--model" in run.stdout, run.stdout
    run = tangram("compare", net.path, folder / "o.npy", "--model", moved)
    assert run.code == DIFFERENT and run.stdout.startswith("residual") and "none is it" in run.stdout, run.stdout


def test_kernels_of_each_output_and_of_own_classes_are_known(folder):
    """(N, N, C) has the diagonal over outputs; K_ij of the outputs of the samples' own classes."""
    full = Net(folder, [6, 12, 9, 4], "--labels", labels(folder, 4), reduction="full")
    F = full.K.reshape(SAMPLES, 4, SAMPLES, 4)
    diagonal, y = numpy.einsum("irjr->ijr", F), h5py.File(full.path)["labels"][:]
    own = F[numpy.arange(SAMPLES), y][:, numpy.arange(SAMPLES), y]
    code, verdict = compare(full, diagonal, ranks=2)
    assert code == EQUAL and "it has r = s alone" in verdict, verdict
    code, verdict = compare(full, 2 * diagonal)
    assert verdict.startswith("factor 2.000000"), verdict
    assert compare(full, own)[1].startswith("output of each sample's own class"), verdict
    for options, name, says in ((["--reduction", "trace"], "trace", "its sum over the last axis"), (["--reduction", "mean"], "mean", "its mean over the last axis"),
                                (["--logit", "2"], "logit", "output 2 was compared")):
        full.path = folder / f"{name}.h5"
        with kernel(folder / "k.safetensors", f"{folder}/k-data.h5:x", full.path, "--activation", "tanh", "--labels", labels(folder, 4), "--tile", 16, *options):
            pass
        code, verdict = compare(full, diagonal, ranks=2)
        assert code == EQUAL and says in verdict, verdict
        code, verdict = compare(full, own, ranks=2)
        assert verdict.startswith("output of each sample's own class"), verdict


def labels(folder, classes):
    with h5py.File(folder / "labels.h5", "w") as file:
        file["y"] = numpy.random.default_rng(6).integers(0, classes, SAMPLES)
    return f"{folder}/labels.h5:y"
