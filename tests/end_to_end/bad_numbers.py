"""Bad input: numbers that are not finite, in the files or in the network that they make."""

import numpy

from bad_input_table import BAD_INPUT, DIGITS, MODEL, case_of_ranks
from harness import read_safetensors, write_h5, write_safetensors


# ---- numbers that are not numbers


@case_of_ranks("NaN in the data of the last rank", BAD_INPUT, "data.h5:x", "18", "7")
def nan_in_data(folder):
    x = numpy.ones((20, 64))
    x[18, 7] = numpy.nan
    return {"--data": str(write_h5(folder / "data.h5", x=x)) + ":x", "--tile": "2"}


@case_of_ranks("infinity in the data of every rank", BAD_INPUT, "data.h5:x")
def infinite_data(folder):
    x = numpy.ones((20, 64), "f4")
    x[:, 3] = numpy.inf
    return {"--data": str(write_h5(folder / "data.h5", x=x)) + ":x", "--tile": "2"}


@case_of_ranks("NaN in a weight", BAD_INPUT, "m.safetensors", "2.weight")
def nan_in_weights(folder):
    tensors = read_safetensors(MODEL)
    tensors["2.weight"][5, 6] = numpy.nan
    return {"--model": write_safetensors(folder / "m.safetensors", tensors)}


@case_of_ranks("infinity in a bias of a half-precision model", BAD_INPUT, "m.safetensors", "4.bias")
def infinite_bias(folder):
    tensors = read_safetensors(MODEL)
    tensors["4.bias"][0] = numpy.inf
    return {"--model": write_safetensors(folder / "m.safetensors", tensors, "F16")}


@case_of_ranks("NaN in the expected outputs", BAD_INPUT, "outputs.h5")
def nan_in_outputs(folder):
    y = numpy.zeros((20, 10))
    y[3, 4] = numpy.nan
    return {"--expect-outputs": str(write_h5(folder / "outputs.h5", y=y)) + ":y"}


@case_of_ranks("infinity in half-precision data", BAD_INPUT, "data.h5:x", "(20, 64)", "row 18, column 7", "float16", "65504")
def half_data(folder):
    x = numpy.ones((20, 64), "f2")
    x[18, 7] = numpy.inf
    return {"--data": str(write_h5(folder / "data.h5", x=x)) + ":x", "--tile": "2"}


@case_of_ranks("infinity in a half-precision HDF5 model", BAD_INPUT, "m.h5:fc/weight", "(10, 64)", "(3, 4)", "float16", "65504")
def half_model(folder):
    weight = numpy.ones((10, 64), "f2")
    weight[3, 4] = numpy.inf
    return {"--model": write_h5(folder / "m.h5", **{"fc/weight": weight}), "--activation": None}


case_of_ranks("data that overflow when scaled", BAD_INPUT, "digits.h5:x", "(1797, 64)", "--data-scale")(
    lambda f: {"--data-scale": "1e308", "--data-shift": "1e308"})


def thread(folder, *weights, sample=1.0, activation="identity", precision="float32"):
    """1 -> 1 -> .. -> 1; the 18th sample is the large one, so that on 4 ranks the last one meets it."""
    x = numpy.full((20, 1), 1e-12)
    x[17] = sample
    tensors = {f"fc{k + 1}.weight": [[weight]] for k, weight in enumerate(weights)}
    return {"--model": write_safetensors(folder / "m.safetensors", tensors, "F64"), "--activation": activation,
            "--data": str(write_h5(folder / "data.h5", x=x)) + ":x", "--tile": "2", "--precision": precision,
            "--rows": "1:20"}


case_of_ranks("an activation beyond float32", BAD_INPUT, "activation of layer fc1", "float32", "m.safetensors:fc1.weight", "(1, 1)",
     "unit 0", "data.h5:x, (20, 1), row 17", "--precision float64")(lambda f: thread(f, 1e30, 1, sample=1e10))
case_of_ranks("a sample beyond float32", BAD_INPUT, "input of layer fc1", "float32", "data.h5:x, (20, 1), row 17",
     "--precision float64")(
    lambda f: thread(f, 1, 1, sample=1e39))
case_of_ranks("a preactivation beyond float64", BAD_INPUT, "preactivation of layer fc2", "inf", "m.safetensors:fc2.weight", "row 17")(
    lambda f: thread(f, 1e150, 1e150, sample=1e10, precision="float64"))
case_of_ranks("a preactivation beyond float64 that tanh would hide", BAD_INPUT, "preactivation of layer fc1", "row 17")(
    lambda f: thread(f, 1e300, 1, sample=1e10, activation="tanh"))
case_of_ranks("a sensitivity beyond float64", BAD_INPUT, "sensitivity at layer fc1", "m.safetensors:fc1.weight", "row 1)")(
    lambda f: thread(f, 1, 1e200, 1e200, sample=0.0, precision="float64", activation="sin"))
case_of_ranks("a sensitivity beyond float32", BAD_INPUT, "sensitivity at layer fc1", "beyond float32", "row 1)")(
    lambda f: thread(f, 1, 1e20, 1e20, sample=0.0, activation="sin"))
case_of_ranks("a kernel entry beyond float32", BAD_INPUT, "layer fc2", "float32", "m.safetensors:fc2.weight", "row 17",
     "--precision float64")(lambda f: thread(f, 1e12, 1, sample=1e12))
case_of_ranks("a kernel entry beyond float64", BAD_INPUT, "layer fc1", "float64", "m.safetensors:fc1.weight", "row 17")(
    lambda f: thread(f, 1, 1, sample=1e160, precision="float64"))
