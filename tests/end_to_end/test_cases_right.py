"""Checkpoints, weights, samples and labels as people have them (tests/data/cases/README.md) give the kernel of autograd at once."""

import json

import h5py
import numpy

from cases import CASES, assert_right, assert_says_what_is_not_proven, chain, converted, expected, run
from harness import assert_close, each, read_safetensors, write_h5

RIGHT = {
    "a checkpoint of PyTorch's tutorial": ("tutorialckpt", "tutorialckpt.pt", "tutorialckpt.h5:x", "tutorialckpt.h5:y", ["relu"]),
    "a whole model": ("tutorialckpt", "tutorial_whole.pt", "tutorialckpt.h5:x", "tutorialckpt.h5:y", ["relu"]),
    "samples as .npy": ("tutorialckpt", "tutorialckpt.pt", "tutorial_x.npy", "tutorialckpt.h5:y", ["relu"]),
    "samples as .npz": ("tutorialckpt", "tutorialckpt.pt", "tutorial_x.npz:x", "tutorialckpt.h5:y", ["relu"]),
    "compiled": ("compiled", "compiled.ckpt", "compiled.h5:x", "compiled.h5:y", ["gelu"]),
    "compiled, with a NumPy scalar": ("compiled", "compiled_numpy.ckpt", "compiled.h5:x", "compiled.h5:y", ["gelu"]),
    "compiled, with a Namespace": ("compiled", "compiled_args.ckpt", "compiled.h5:x", "compiled.h5:y", ["gelu"]),
    "DataParallel": ("dataparallel", "dataparallel.pth.tar", "dataparallel.h5:x", "dataparallel.h5:y", ["silu"]),
    **{f"torch.save, {kind}": ("ptkinds", f"ptkinds_{kind}.pt", "ptkinds.h5:x", "ptkinds.h5:y", ["relu"])
       for kind in ("legacy", "list", "parameters", "views")},
    "Keras 2": ("keras", "keras2.h5", "keras_x.h5:x", "keras_x.h5:y", ["relu"]),
    "Keras 3": ("keras", "keras3.weights.h5", "keras_x.h5:x", "keras_x.h5:y", ["relu"]),
    "Flax": ("flax", "flax.safetensors", "flax.h5:x", "flax.h5:y", ["elu"]),
    "coordinates of one dimension": ("oned", "oned.pt", "oned.h5:x", "oned.h5:y", ["tanh"]),
    "a sine with 30 in the first layer": ("siren", "siren.pt", "siren.h5:coords", "siren.h5:y", [
        "sin", "--layers", "net.layers.0,net.layers.1,net.last_layer", "--weight-scale", "30,1,1", "--bias-scale", "30,1,1"]),
    "an autoencoder": ("hidden_ae", "hidden_ae.pt", "hidden_ae.h5:x", "hidden_ae.h5:y", [
        "relu,identity,relu", "--layers", "encoder.0,encoder.2,decoder.0,decoder.2"]),
}


@each(RIGHT)
def test_the_kernel_is_that_of_autograd(folder, case, model, data, outputs, options):
    done, kernel = run(folder, converted(folder, model), CASES / data, "--expect-outputs", CASES / outputs, "--activation", *options)
    assert_right(done, kernel, expected(case))


@each({"bf16": ("ptkinds_bf16.pt", "BF16"), "half": ("ptkinds_half.pt", "F16")})
def test_a_checkpoint_of_16_bits_is_taken_at_its_values(folder, name, dtype):
    model = converted(folder, name)
    raw = model.read_bytes()
    assert f'"{dtype}"'.encode() in raw
    with h5py.File(CASES / "ptkinds.h5") as file:
        samples = file["x"][:]
    tensors = read_16_bits(raw)
    right, outputs = chain(tensors, ["0", "2"], "relu", samples)
    full, _ = chain(read_safetensors(converted(folder, "ptkinds_legacy.pt")), ["0", "2"], "relu", samples)
    assert_close(full, expected("ptkinds"), "float64", "the oracle")  # the chain rule against autograd
    write_h5(folder / "y.h5", y=outputs)
    done, kernel = run(folder, converted(folder, name), CASES / "ptkinds.h5:x", "--activation", "relu", "--expect-outputs", f"{folder}/y.h5:y")
    assert_right(done, kernel, right)
    assert numpy.abs(kernel - full).max() > 1e-6 * full.max()  # of other values than the float32 checkpoint


def read_16_bits(raw):
    """{name: float64 array} of a safetensors file of F16 or BF16."""
    length = int.from_bytes(raw[:8], "little")
    tensors = {}
    for name, entry in json.loads(raw[8:8 + length]).items():
        bits = numpy.frombuffer(raw[8 + length:][slice(*entry["data_offsets"])], "<u2")
        values = (bits.astype("<u4") << 16).view("<f4") if entry["dtype"] == "BF16" else bits.view("<f2")
        tensors[name] = values.astype("f8").reshape(entry["shape"])
    return tensors


def test_coordinates_of_two_datasets_are_joined(folder):
    model = converted(folder, "oned_pinn.pt")
    with h5py.File(CASES / "oned.h5") as file:
        right, outputs = chain(read_safetensors(model), ["0", "2"], "tanh", file["xt"][:])
    write_h5(folder / "y.h5", y=outputs)
    for data in ([CASES / "oned.h5:x", CASES / "oned.h5:t"], CASES / "oned.h5:xt"):
        done, kernel = run(folder, model, data, "--activation", "tanh", "--expect-outputs", f"{folder}/y.h5:y")
        assert_right(done, kernel, right)


@each({name: (name, values) for name, values in {
    "onehot": "y", "names": "y", "column": "y", "y": "y", "yf": "y", "bool": "bool"}.items()})
def test_labels_of_every_type_become_classes(folder, name, values):
    done, kernel = run(folder, CASES / "labels.safetensors", CASES / "labels.h5:x_half", "--activation", "erf",
                       "--labels", CASES / f"labels.h5:{name}")
    assert_right(done, kernel, expected("labels"))
    with h5py.File(CASES / "labels.h5") as given, h5py.File(folder / "out.h5") as made:
        assert (made["labels"][:] == given[values][:]).all()


def test_samples_of_the_other_byte_order(folder):
    done, kernel = run(folder, CASES / "labels.safetensors", CASES / "labels.h5:x_big", "--activation", "erf")
    assert_right(done, kernel, expected("labels"))
    assert_says_what_is_not_proven(done)
