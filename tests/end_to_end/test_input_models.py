"""Models of every format and dtype, and options that say what they are."""

import json
import zipfile

import h5py
import numpy

from harness import (DATA, as_stored, assert_close, assert_kernel, each, kernel, read_model, tangram,
                     write_h5, write_safetensors)

REFERENCES = DATA / "references.h5"


@each({dtype: (dtype,) for dtype in ("F64", "F32", "F16", "BF16")})
def test_weights_of_every_dtype_are_read_exactly(folder, dtype):
    with h5py.File(REFERENCES) as file:
        model = read_model(file["normal_weights/model"])
    stored = write_safetensors(folder / "stored.safetensors", model, dtype)
    widened = write_safetensors(folder / "widened.safetensors", {name: as_stored(v, dtype) for name, v in model.items()}, "F64")
    options = ["--activation", "relu_normalized,elu"]
    with kernel(stored, f"{REFERENCES}:normal_weights/x", folder / "stored.h5", *options) as one, \
            kernel(widened, f"{REFERENCES}:normal_weights/x", folder / "widened.h5", *options) as other:
        assert (one["ntk"][:] == other["ntk"][:]).all()
        if dtype == "F64":
            with h5py.File(REFERENCES) as file:
                assert_kernel(one, file["normal_weights/expected/trace"], "float64")


@each({"deep_mixed": ("deep_mixed", "trace"), "deep_without_bias": ("deep_without_bias", "trace"),
       "single_layer_tanh": ("single_layer_tanh", "trace")})
def test_safetensors_are_read_as_hdf5_models_are(folder, network, reduction):
    with h5py.File(REFERENCES) as file:
        case = file[network]
        dtype = "F32" if case["x"].dtype == "f4" else "F64"
        model = write_safetensors(folder / "m.safetensors", read_model(case["model"]), dtype)
        with kernel(model, f"{REFERENCES}:{network}/x", folder / "out.h5", "--reduction", reduction, "--tile", 4,
                    *case.attrs["options"], ranks=2) as out:
            assert_kernel(out, case["expected"][reduction], "float64")


def test_metadata_of_safetensors_gives_the_defaults_and_options_override_it(folder):
    with h5py.File(REFERENCES) as file:
        case = file["ntk_one_std"]
        tensors = read_model(case["model"])
        metadata = {"activation": "gelu_tanh", "parameterization": "ntk", "weight_std": "1.5", "bias_std": "0.1"}
        right = write_safetensors(folder / "right.safetensors", tensors, metadata=metadata)
        wrong = write_safetensors(folder / "wrong.safetensors", tensors, metadata=dict(metadata, weight_std="3", activation="sin"))
        data = f"{REFERENCES}:ntk_one_std/x"
        with kernel(right, data, folder / "right.h5") as out:
            assert_kernel(out, case["expected/trace"], "float64")
        with kernel(wrong, data, folder / "wrong.h5", "--weight-std", 1.5, "--activation", "gelu_tanh") as out:
            assert_kernel(out, case["expected/trace"], "float64")


def test_a_module_of_a_larger_model_is_picked_by_its_prefix(folder):
    with h5py.File(REFERENCES) as file:
        case = file["wide"]
        tensors = {"head." + name: values for name, values in read_model(case["model"]).items()}
        tensors["encoder.1.weight"] = numpy.ones((3, 2), "f4")
        tensors["temperature"] = numpy.ones(1, "f4")
        model = write_safetensors(folder / "m.safetensors", tensors)
        with kernel(f"{model}:head", f"{REFERENCES}:wide/x", folder / "out.h5", *case.attrs["options"]) as out:
            assert_kernel(out, case["expected/trace"], "float64")


def test_layers_without_numbers_are_put_in_the_order_given(folder):
    with h5py.File(REFERENCES) as file:
        case = file["normal_weights"]
        names = {"layer1": "entry", "layer2": "middle", "layer3": "exit"}
        tensors = {names[name.split(".")[0]] + "." + name.split(".")[1]: values
                   for name, values in read_model(case["model"]).items()}
        model = write_safetensors(folder / "m.safetensors", tensors, "F64")
        with kernel(model, f"{REFERENCES}:normal_weights/x", folder / "out.h5", *case.attrs["options"], "--layers",
                    "entry,middle,exit") as out:
            assert_close(out["ntk"][:], case["expected/trace/ntk"][:], "float64", "ntk")
            assert_close(out["components/exit.bias"][:], case["expected/trace/components/layer3.bias"][:], "float64", "bias")


def keras(path, last):
    """A network of two dense layers whose last activation is `last`, as Keras 3 saves it."""
    generator = numpy.random.default_rng(4)
    weights = {"layers/dense/vars/0": generator.normal(size=(3, 5)), "layers/dense/vars/1": generator.normal(size=5),
               "layers/dense_1/vars/0": generator.normal(size=(5, 2))}
    write_h5(path.with_suffix(".weights.h5"), **weights)
    layers = [{"class_name": "Dense", "name": name, "config": {"activation": activation}} for name, activation in (("a", "tanh"), ("b", last))]
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("config.json", json.dumps({"module": "keras", "class_name": "Sequential", "config": {"layers": layers}}))
        file.write(path.with_suffix(".weights.h5"), "model.weights.h5")
    return path


def softmax(z):
    return numpy.exp(z) / numpy.exp(z).sum(axis=1, keepdims=True)


ENDS = {"sigmoid": ("sigmoid", lambda z: 1 / (1 + numpy.exp(-z)), "the probabilities;"), "softmax": ("softmax", softmax, "the probabilities;"),
        "log_softmax": ("log_softmax", lambda z: numpy.log(softmax(z)), "the probabilities' logarithms;")}


@each(ENDS)
def test_a_kernel_of_probabilities_says_so_and_how_to_get_that_of_the_logits(folder, end, function, said):
    data = write_h5(folder / "d.h5", x=numpy.random.default_rng(1).normal(size=(8, 3)))
    words = ["kernel", "--model", keras(folder / "m.keras", end), "--data", f"{data}:x", "--output", folder / "out.h5"]
    run = tangram(*words)
    assert run.code == 0 and f"kernel of {said}" in run.stdout and "--output-activation identity" in run.stdout, run
    with h5py.File(folder / "out.h5") as file:
        assert file.attrs["output_operator"] == end and file["components/dense_1.kernel"].attrs["activation"] == end
        probabilities = file["outputs"][:]
    run = tangram(*words, "--overwrite", "--output-activation", "identity")
    assert run.code == 0 and "probabilities" not in run.stdout, run
    with h5py.File(folder / "out.h5") as file:
        assert file.attrs["output_operator"] == "identity"
        assert numpy.abs(function(file["outputs"][:]) - probabilities).max() < 1e-6


@each({"sum": ("sum",), "trace": ("trace",), "full": ("full",)})
def test_probabilities_that_always_add_up_to_one_have_a_sum_without_a_kernel(folder, reduction):
    """Their sum is 1, whatever the parameters: `zero within rounding`, not a failure."""
    data = write_h5(folder / "d.h5", x=numpy.random.default_rng(1).normal(size=(8, 3)))
    run = tangram("kernel", "--model", keras(folder / "m.keras", "softmax"), "--data", f"{data}:x", "--output", folder / "out.h5",
                  "--reduction", reduction, "--precision", "float64")
    assert run.code == 0 and ("zero within rounding" in run.stdout) == (reduction == "sum"), run
