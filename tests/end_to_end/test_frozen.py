"""`--wrt` and `--frozen` of networks that are chains of layers: a tensor that is frozen has no component, and no part in the total, the
checks and J^T J. What is expected is the kernel of all tensors without the frozen ones' components."""

import h5py
import numpy

from cross_job import jacobian, network
from harness import assert_close, each, kernel, tangram, write_h5, write_safetensors

USAGE, BAD_INPUT = 2, 3
SAMPLES = 17
ALL = [f"fc{layer}.{kind}" for layer in (1, 2, 3) for kind in ("weight", "bias")]
CHOICES = {"a layer": (["--frozen", "fc2.*"], [name for name in ALL if "fc2" not in name]),
           "weights but no biases": (["--frozen", "*.bias"], [name for name in ALL if "bias" not in name]),
           "biases but no weights": (["--wrt", "*.bias"], [name for name in ALL if "bias" in name]),
           "the last layer": (["--wrt", "fc3.*"], ["fc3.weight", "fc3.bias"]),
           "the first bias": (["--wrt", "fc1.bias"], ["fc1.bias"]),
           "some of each": (["--wrt", "fc1.*,fc2.weight", "--frozen", "fc1.weight"], ["fc1.bias", "fc2.weight"])}


def files(folder, hdf5=False):
    tensors = network()
    x = numpy.random.default_rng(3).normal(size=(SAMPLES, 6))
    data = write_h5(folder / "x.h5", x=x)
    model = write_h5(folder / "m.h5", **tensors) if hdf5 else write_safetensors(folder / "m.safetensors", tensors, "F64")
    rows = [jacobian(tensors, one)[1] for one in x]
    return model, f"{data}:x", {name: numpy.array([row[name] for row in rows]) for name in tensors}


@each({f"{label}, {reduction}": (label, reduction, ranks) for (label, ranks) in zip(CHOICES, (1, 2, 3, 1, 2, 1))
       for reduction in ("trace", "full")})
def test_kernels_of_the_tensors_that_count(folder, label, reduction, ranks):
    options, counting = CHOICES[label]
    model, data, J = files(folder)
    product = {"trace": lambda A: numpy.einsum("irp,jrp->ij", A, A),
               "full": lambda A: A.reshape(-1, A.shape[2]) @ A.reshape(-1, A.shape[2]).T}[reduction]
    with kernel(model, data, folder / "k.h5", "--activation", "tanh", "--tile", 4, "--reduction", reduction, *options, ranks=ranks) as file:
        assert sorted(file["components"]) == sorted(counting)
        assert sorted(file["checks/component"].asstr()) == sorted(counting)
        assert file.attrs["n_parameters"] == sum(J[name].shape[2] for name in counting)
        for name in counting:
            assert_close(file["components"][name][:], product(J[name]), "float64", name)
        assert_close(file["ntk"][:], sum(product(J[name]) for name in counting), "float64", "ntk")
    for command in ("verify", "check"):
        done = tangram(command, folder / "k.h5")
        assert done.code == 0, (command, done)


@each({label: (label,) for label in ("weights but no biases", "some of each")})
def test_scales_and_the_bits_of_a_whole_network(folder, label):
    """The ntk parameterization: a and b belong to what is frozen, too."""
    options, counting = CHOICES[label]
    model, data, _ = files(folder)
    scaled = ["--activation", "tanh", "--parameterization", "ntk", "--weight-std", "1.3", "--bias-std", "0.4", "--tile", 4]
    with kernel(model, data, folder / "all.h5", *scaled) as whole, kernel(model, data, folder / "k.h5", *scaled, *options) as file:
        assert_close(file["outputs"][:], whole["outputs"][:], "float64", "outputs")
        for name in counting:
            assert_close(file["components"][name][:], whole["components"][name][:], "float64", name)
    with kernel(model, data, folder / "again.h5", *scaled, "--wrt", "*") as again, h5py.File(folder / "all.h5") as whole:
        for name in whole["components"]:
            assert again["components"][name][:].tobytes() == whole["components"][name][:].tobytes(), name


@each({label: (label,) for label in CHOICES})
def test_the_gram_matrix_of_the_parameters_that_count(folder, label):
    options, counting = CHOICES[label]
    model, data, J = files(folder)
    with kernel(model, data, folder / "p.h5", "--activation", "tanh", "--space", "params", *options, ranks=2) as file:
        rows = numpy.concatenate([J[name].reshape(-1, J[name].shape[2]) for name in counting], axis=1)
        assert list(file["parameter_blocks/tensor"].asstr()) == [name for name in ALL if name in counting]
        assert_close(file["parameter_gram"][:], rows.T @ rows, "float64", "parameter_gram")


@each({"a pattern that fits none": (USAGE, ["--wrt", "conv*"], "conv*", "fc1.weight"),
       "another": (USAGE, ["--frozen", "fc1.weights"], "fc1.weights", "fc3.bias"),
       "all frozen": (BAD_INPUT, ["--frozen", "fc*"], "no parameter tensor", "m.safetensors")})
def test_what_does_not_fit_is_refused_in_one_line(folder, code, options, *words):
    model, data, _ = files(folder)
    done = tangram("kernel", "--model", model, "--data", data, "--output", folder / "k.h5", "--activation", "tanh", *options)
    assert done.code == code and len(done.errors) == 1, done
    assert all(word in done.errors[0] for word in words), done.errors


def test_a_resumed_run_is_of_the_same_tensors(folder):
    model, data, _ = files(folder)
    words = ["kernel", "--model", model, "--data", data, "--output", folder / "k.h5", "--activation", "tanh", "--tile", 4]
    stopped = tangram(*words, "--frozen", "fc2.weight", "--stop-after-tiles", 3)
    assert stopped.code == 75, stopped
    refused = tangram(*words, "--frozen", "fc2.bias", "--resume")
    assert refused.code not in (0, 75) and len(refused.errors) == 1, refused
    assert tangram(*words, "--frozen", "fc2.weight", "--resume", ranks=2).code == 0


def test_the_table_says_what_is_frozen(folder):
    model, data, _ = files(folder)
    done = tangram("kernel", "--model", model, "--data", data, "--output", folder / "k.h5", "--activation", "tanh", "--frozen", "fc2.*,fc3.bias",
                   "--dry-run")
    assert done.code == 0, done
    said = done.stdout + done.stderr
    assert "frozen" in said and "weight, bias" in said and f"{6 * 5 + 5 + 4 * 3} parameters" in said, said


@each({"safetensors": (False,), "HDF5": (True,)})
def test_both_kinds_of_files(folder, hdf5):
    model, data, J = files(folder, hdf5)
    with kernel(model, data, folder / "k.h5", "--activation", "tanh", "--frozen", "fc2.weight,fc2.bias") as file:
        assert sorted(file["components"]) == sorted(name for name in ALL if "fc2" not in name)
