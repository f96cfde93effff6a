"""Networks that are not what their tensors look like, or that no state_dict can tell: outputs find them out, a line names why, and
without outputs nobody is told that all is well."""

import re
import subprocess
import sys

import h5py
import numpy

from bad_input_table import BAD_INPUT
from cases import (CASES, FAILED, assert_refused, assert_right, assert_says_what_is_not_proven, chain, converted, expected,
                   run, said)
from harness import JOBS, Skip, each, read_safetensors, write_safetensors

DISGUISED = {
    "residual blocks": ("resmlp.pt", "resmlp.h5", ["tanh"]),
    "a layer used twice": ("shared.pt", "shared.h5", ["relu"]),
    "a norm without parameters": ("hidden_ln.pt", "hidden_ln.h5", ["relu"]),
    "square kernels untransposed": (None, "keras_x.h5", ["relu", "--layers", "dense,dense_1,dense_2"]),
}


def disguised_model(folder, name):
    if name:
        return converted(folder, name)
    with h5py.File(CASES / "keras_byhand.h5") as given:  # the layer that was complained of was mended, the square ones were not
        tensors = {f"{layer}.{kind}": given[layer][kind][:] for layer in given for kind in given[layer]}
    tensors["dense_2.weight"] = tensors["dense_2.weight"].T
    return write_safetensors(folder / "byhand.safetensors", tensors)


@each(DISGUISED)
def test_outputs_tell_that_the_network_is_another(folder, model, data, options):
    done, _ = run(folder, disguised_model(folder, model), CASES / f"{data}:x", "--activation", *options, "--expect-outputs", CASES / f"{data}:y")
    assert_refused(done, FAILED, "outputs")


@each(DISGUISED)
def test_without_outputs_nobody_is_told_that_all_is_well(folder, model, data, options):
    done, _ = run(folder, disguised_model(folder, model), CASES / f"{data}:x", "--activation", *options)
    if done.code == 0:
        assert_says_what_is_not_proven(done)
        with h5py.File(folder / "out.h5") as file:
            assert file["checks"].attrs["outputs_compared"] == 0
    else:
        assert_refused(done, BAD_INPUT, "ONNX|--layers")


def test_probabilities_are_recognised_as_softmax_of_ours(folder):
    model = converted(folder, "softmax.pt")
    done, _ = run(folder, model, CASES / "softmax.h5:x", "--activation", "tanh", "--expect-outputs", CASES / "softmax.h5:y")
    assert_refused(done, FAILED, "outputs")
    (option,) = set(re.findall(r"--output-activation \w+", said(done)))
    done, kernel = run(folder, model, CASES / "softmax.h5:x", "--activation", "tanh", *option.split(), "--expect-outputs", CASES / "softmax.h5:y")
    assert_right(done, kernel, expected("softmax"))


def test_softmax_at_the_end_is_right(folder):
    done, kernel = run(folder, converted(folder, "softmax.pt"), CASES / "softmax.h5:x", "--activation", "tanh", "--output-activation", "softmax",
                       "--expect-outputs", CASES / "softmax.h5:y")
    assert_right(done, kernel, expected("softmax"))


def test_another_activation_that_fits_the_outputs_is_named(folder):
    done, _ = run(folder, converted(folder, "tutorialckpt.pt"), CASES / "tutorial_x.npy", "--activation", "tanh",
                  "--expect-outputs", CASES / "tutorialckpt.h5:y")
    assert_refused(done, FAILED, "outputs")
    (found,) = set(re.findall(r"--activation (\w+)", said(done)))
    assert found == "relu", said(done)
    done, kernel = run(folder, converted(folder, "tutorialckpt.pt"), CASES / "tutorial_x.npy", "--activation", "relu",
                       "--expect-outputs", CASES / "tutorialckpt.h5:y")
    assert_right(done, kernel, expected("tutorialckpt"))


UNKNOWN = {
    "inputs joined again": ("skipcat.pt", "skipcat.h5:x", ["relu"], [r"pts_linears\.2", "concat|joined", "ONNX"]),
    "BatchNorm": ("litbn.ckpt", "litbn.h5:x", ["relu"], [r"net\.model\.1", "norm", "ONNX"]),
    "LayerNorm": ("layernorm.pt", "layernorm.h5:x", ["relu"], [r"\b1(\.weight)?\b", "norm", "ONNX"]),
    "a layer on sequences": ("tokens.pt", "tokens.h5:x", ["tanh"], ["8, 4, 5", "ONNX"]),
}


@each(UNKNOWN)
def test_what_a_state_dict_cannot_tell_is_named(folder, model, data, options, words):
    done, _ = run(folder, converted(folder, model), CASES / data, "--activation", *options)
    assert_refused(done, BAD_INPUT, *words)


def test_folded_batch_norm_is_the_kernel_of_the_folded_network(folder):
    """Equal outputs do not make equal parameters: the kernel is right for the tensors of this file, and is not BatchNorm's."""
    with h5py.File(CASES / "litbn.h5") as file:
        right, _ = chain(read_safetensors(CASES / "litbn_folded.safetensors"), ["0", "3", "6"], "relu", file["x"][:])
    done, kernel = run(folder, CASES / "litbn_folded.safetensors", CASES / "litbn.h5:x", "--activation", "relu",
                       "--expect-outputs", CASES / "litbn.h5:y")
    assert_right(done, kernel, right)
    assert numpy.abs(kernel - expected("litbn")).max() > 0.1 * numpy.abs(kernel).max()


def test_tensors_that_share_memory_are_not_counted_twice(folder):
    try:
        import torch
    except ImportError:
        raise Skip("no torch here: jobs/install-packages.sh --tests") from None
    tied = torch.randn(6, 6)
    torch.save({"0.weight": tied, "2.weight": tied, "4.weight": torch.randn(2, 6)}, folder / "tied.pt")
    made = subprocess.run([sys.executable, JOBS / "to_safetensors.py", folder / "tied.pt"], capture_output=True, text=True, timeout=60)
    assert made.returncode == 0 and "0.weight, 2.weight share their values" in made.stdout, made
    numpy.save(folder / "x.npy", numpy.random.default_rng(1).normal(size=(5, 6)))
    done, _ = run(folder, folder / "tied.safetensors", folder / "x.npy", "--activation", "relu")
    assert_refused(done, BAD_INPUT, r"0\.weight", r"2\.weight", "ONNX")
