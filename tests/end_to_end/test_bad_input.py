"""Bad input gives one line that names file, dataset and shape and says what to do, the right exit code on every rank, no
hang and no output file. Every case is tried on one process without a launcher, and on 4 ranks.

A case is a row of the table: a label, the exit code, what the line must say, and a function of the folder that makes the
files and returns the options that differ from a good run's (None: left out; FLAG: without a value)."""

import json
import re
import struct
import subprocess

import h5py
import numpy

from harness import (DATA, JOBS, bound_by_permissions, each, kernel, read_safetensors, tangram, write_h5,
                     write_safetensors)

MODEL = JOBS / "digits" / "digits_mlp.safetensors"
DIGITS = f"{JOBS}/digits/digits.h5"
USAGE, BAD_INPUT, NO_RESOURCES, IO = 2, 3, 4, 6
SECONDS = 20
FLAG = object()

CASES = {}


def case(label, code, *says, table=CASES):
    """Registers a function of the folder as a row of the table."""

    def register(make):
        assert label not in table, label
        table[label] = (make, code, says)
        return make

    return register


# ---- options

case("an unknown option suggests the nearest", USAGE, "--activaton", "--activation")(lambda f: {"--activaton": "tanh"})
case("an unknown activation lists those there are", USAGE, "tahn", "tanh", "softplus")(lambda f: {"--activation": "tahn"})
case("a parameter that is no number", USAGE, "leaky_relu", "'x'")(lambda f: {"--activation": "leaky_relu:x"})
case("three activations for two hidden layers", USAGE, "3 activations", "2 hidden layers", "--output-activation")(lambda f: {"--activation": "tanh,tanh,relu"})
case("no activation for hidden layers", USAGE, "--activation")(lambda f: {"--activation": None})
case("an unknown reduction", USAGE, "median")(lambda f: {"--reduction": "median"})
case("an unknown parameterization", USAGE, "mup")(lambda f: {"--parameterization": "mup"})
case("a std without the ntk parameterization", USAGE, "std")(lambda f: {"--weight-std": "1.5"})
case("ntk with biases but no bias std", USAGE, "--bias-std")(lambda f: {"--parameterization": "ntk"})
case("stds for the wrong number of layers", USAGE, "--weight-std")(
    lambda f: {"--parameterization": "ntk", "--bias-std": "0.1", "--weight-std": "1,1"})
case("scales for the wrong number of layers", USAGE, "--output-scale")(lambda f: {"--output-scale": "1,2"})
case("rows backwards", USAGE, "--rows")(lambda f: {"--rows": "9:3"})
case("rows that are no range", USAGE, "--rows")(lambda f: {"--rows": "3-9"})
case("rows beyond the data", BAD_INPUT, "1797")(lambda f: {"--rows": "0:5000"})
case("a logit that the network does not have", USAGE, "10")(lambda f: {"--logit": "10"})
case("a logit and a reduction", USAGE, "--logit")(lambda f: {"--logit": "1", "--reduction": "sum"})
case("a tile of no samples", USAGE, "--tile", "from 1")(lambda f: {"--tile": "0"})
case("a negative tile", USAGE, "--tile is -4", "from 1")(lambda f: {"--tile": "-4"})
case("a tile that is no number", USAGE, "--tile", "four", "--help")(lambda f: {"--tile": "four"})
case("a tile that is no whole number", USAGE, "--tile", "4.5")(lambda f: {"--tile": "4.5"})
case("a tile beyond 64 bits", USAGE, "--tile", "from 1 to 16384")(lambda f: {"--tile": "99999999999999999999"})
case("a negative logit", USAGE, "--logit is -1", "from 0")(lambda f: {"--logit": "-1"})
case("a logit beyond 64 bits", USAGE, "--logit", "from 0")(lambda f: {"--logit": "99999999999999999999"})
case("no threads", USAGE, "--threads is 0", "from 1")(lambda f: {"--threads": "0"})
case("threads beyond 64 bits", USAGE, "--threads", "from 1 to 4096")(
    lambda f: {"--threads": "99999999999999999999"})
case("a negative number of check samples", USAGE, "--check-samples is -1")(lambda f: {"--check-samples": "-1"})
case("rows beyond 64 bits", USAGE, "--rows", "0:99999999999999999999")(lambda f: {"--rows": "0:99999999999999999999"})
case("negative rows", USAGE, "--rows", "-5:3")(lambda f: {"--rows=-5:3": FLAG, "--rows": None})
case("rows from beyond the data", BAD_INPUT, "1797", f"{DIGITS}:x", "(1797, 64)")(lambda f: {"--rows": "1797:"})
case("rows and indices", USAGE, "--rows", "--indices")(lambda f: {"--indices": f"{DIGITS}:y"})
case("a data scale of nan", USAGE, "--data-scale", "finite")(lambda f: {"--data-scale": "nan"})
case("a data shift of infinity", USAGE, "--data-shift", "finite")(lambda f: {"--data-shift": "inf"})
case("a data scale beyond float64", USAGE, "--data-scale")(lambda f: {"--data-scale": "1e999"})
case("a data scale that is no number", USAGE, "--data-scale", "half")(lambda f: {"--data-scale": "half"})
case("a weight scale of nan", USAGE, "--weight-scale", "finite")(lambda f: {"--weight-scale": "1,nan,1,1"})
case("an output scale of infinity", USAGE, "--output-scale", "finite")(lambda f: {"--output-scale": "1,inf,1,1"})
case("a bias std of nan", USAGE, "--bias-std", "finite")(
    lambda f: {"--parameterization": "ntk", "--bias-std": "nan"})
case("a std and a scale", USAGE, "--weight-std", "--weight-scale")(
    lambda f: {"--parameterization": "ntk", "--bias-std": "1", "--weight-std": "1", "--weight-scale": "1,1,1,1"})
case("a tolerance of nan", USAGE, "--check-tolerance", "finite")(lambda f: {"--check-tolerance": "nan"})
case("a memory of nan", USAGE, "--memory", "finite")(lambda f: {"--memory": "nan"})
case("a negative memory", USAGE, "--memory is -1")(lambda f: {"--memory": "-1"})
case("an option given twice", USAGE, "--tile", "twice")(lambda f: {"--tile": "4", "--tile=5": FLAG})
case("a flag given twice", USAGE, "--overwrite", "twice")(lambda f: {"--overwrite": FLAG, "--overwrite=true": FLAG})
case("an option without its value", USAGE, "--tile")(lambda f: {"--tile": FLAG})
case("a word that belongs to no option", USAGE, "extra.h5")(lambda f: {"extra.h5": FLAG})
case("no data", USAGE, "--data")(lambda f: {"--data": None})
case("no output", USAGE, "--output")(lambda f: {"--output": None})
case("an unknown precision", USAGE, "float16", "float32")(lambda f: {"--precision": "float16"})
case("an unknown choice of components", USAGE, "some", "all, none")(lambda f: {"--components": "some"})
case("an unknown choice of conjugate kernels", USAGE, "first", "last")(lambda f: {"--conjugate-kernels": "first"})
case("five activations for two hidden layers", USAGE, "5 activations", "2 hidden layers")(
    lambda f: {"--activation": "tanh,tanh,relu,tanh,tanh"})
case("a configuration file that is not there", USAGE, "absent.toml")(lambda f: {"--config": f / "absent.toml"})


def configuration(text):
    def make(folder):
        (folder / "job.toml").write_text(text)
        return {"--config": folder / "job.toml"}

    return make


case("a configuration file with a wrong type", USAGE, "tile", "four")(configuration('tile = "four"\n'))
case("a configuration file with an unknown key", USAGE, "reducton", "--reduction")(configuration('reducton = "sum"\n'))
case("a configuration file with a key twice", USAGE, "tile")(configuration("tile = 4\ntile = 5\n"))
case("a configuration file that is no TOML", USAGE, "job.toml")(configuration("\x00\x01[[[=\n"))

# ---- what the machine gives

case("too little memory", NO_RESOURCES, "memory", "GiB", "--memory")(lambda f: {"--memory": "0.001"})
case("data without a dataset lists those there are", BAD_INPUT, "DATASET", "x", "y")(lambda f: {"--data": DIGITS})
case("no model", USAGE, "--model")(lambda f: {"--model": None})
case("an unknown layer in the order", USAGE, "7")(lambda f: {"--layers": "0,2,7"})

# ---- files that are not there, or not what they should be

case("a missing data file", BAD_INPUT, "absent.h5")(lambda f: {"--data": f"{f}/absent.h5:x"})
case("a missing model", BAD_INPUT, "absent.safetensors")(lambda f: {"--model": f / "absent.safetensors"})
case("a missing dataset lists those there are", BAD_INPUT, "images", "x", "y")(lambda f: {"--data": f"{DIGITS}:images"})
case("a missing group of an HDF5 model", BAD_INPUT, "absent")(lambda f: {"--model": f"{DATA}/references.h5:absent"})
case("a missing module of a safetensors model", BAD_INPUT, "head")(lambda f: {"--model": f"{MODEL}:head"})
case("labels for other samples", BAD_INPUT, "labels.h5:y", "(7)", "1797", "20")(
    lambda f: {"--labels": str(write_h5(f / "labels.h5", y=numpy.zeros(7, "i8"))) + ":y"})
case("labels that are not there", BAD_INPUT, "digits.h5:z", "x, y")(lambda f: {"--labels": f"{DIGITS}:z"})
case("labels with two columns", BAD_INPUT, "labels.h5:y", "(20, 2)")(
    lambda f: {"--labels": str(write_h5(f / "labels.h5", y=numpy.zeros((20, 2), "i8"))) + ":y"})
case("expected outputs of another length", BAD_INPUT, "outputs.h5:y", "(7, 10)", "1797", "20")(
    lambda f: {"--expect-outputs": str(write_h5(f / "outputs.h5", y=numpy.zeros((7, 10)))) + ":y"})
case("indices that are no integers", BAD_INPUT, "rows.h5:i", "(2)", "integers")(
    lambda f: {"--indices": str(write_h5(f / "rows.h5", i=numpy.array([1.0, 2.0]))) + ":i", "--rows": None})
case("no indices", BAD_INPUT, "rows.h5:i", "(0)")(
    lambda f: {"--indices": str(write_h5(f / "rows.h5", i=numpy.zeros(0, "i8"))) + ":i", "--rows": None})
case("expected outputs of another width", BAD_INPUT, "outputs.h5")(
    lambda f: {"--expect-outputs": str(write_h5(f / "outputs.h5", y=numpy.zeros((20, 3)))) + ":y"})
case("an index beyond the data", BAD_INPUT, "rows.h5", "1797")(
    lambda f: {"--indices": str(write_h5(f / "rows.h5", i=numpy.array([3, 1797]))) + ":i", "--rows": None})
case("a negative index", BAD_INPUT, "rows.h5")(
    lambda f: {"--indices": str(write_h5(f / "rows.h5", i=numpy.array([3, -1]))) + ":i", "--rows": None})
case("a directory as the model", BAD_INPUT, "directory")(lambda f: {"--model": f})


@case("a model of another format", BAD_INPUT, "m.txt", "safetensors")
def text_model(folder):
    (folder / "m.txt").write_text("0.1 0.2 0.3\n")
    return {"--model": folder / "m.txt"}


@case("an empty model file", BAD_INPUT, "m.safetensors")
def empty_model(folder):
    (folder / "m.safetensors").write_bytes(b"")
    return {"--model": folder / "m.safetensors"}


@case("a pickled checkpoint", BAD_INPUT, "m.pt")
def pickled(folder):
    (folder / "m.pt").write_bytes(b"PK\x03\x04" + bytes(200))
    return {"--model": folder / "m.pt"}


@case("a truncated safetensors file", BAD_INPUT, "m.safetensors")
def truncated_safetensors(folder):
    (folder / "m.safetensors").write_bytes(MODEL.read_bytes()[:-100])
    return {"--model": folder / "m.safetensors"}


@case("a safetensors file that ends in its header", BAD_INPUT, "m.safetensors")
def truncated_header(folder):
    (folder / "m.safetensors").write_bytes(MODEL.read_bytes()[:100])
    return {"--model": folder / "m.safetensors"}


@case("bytes after the last tensor", BAD_INPUT, "m.safetensors")
def trailing_bytes(folder):
    (folder / "m.safetensors").write_bytes(MODEL.read_bytes() + bytes(4))
    return {"--model": folder / "m.safetensors"}


@case("a truncated HDF5 file", BAD_INPUT, "data.h5")
def truncated_hdf5(folder):
    raw = (JOBS / "digits" / "digits.h5").read_bytes()
    (folder / "data.h5").write_bytes(raw[:len(raw) // 2])
    return {"--data": f"{folder}/data.h5:x"}


@case("data that is no HDF5 file", BAD_INPUT, "data.h5")
def not_hdf5(folder):
    (folder / "data.h5").write_text("x,y\n1,2\n")
    return {"--data": f"{folder}/data.h5:x"}


@case("data of strings", BAD_INPUT, "data.h5:x", "(20, 2)", "strings")
def strings(folder):
    return {"--data": str(write_h5(folder / "data.h5", x=[["a", "b"]] * 20)) + ":x"}


@case("data of compound values", BAD_INPUT, "data.h5:x", "(20, 64)", "compound")
def compound(folder):
    return {"--data": str(write_h5(folder / "data.h5", x=numpy.zeros((20, 64), "c8"))) + ":x"}


@case("data of booleans", BAD_INPUT, "data.h5:x", "(20, 64)", "booleans")
def booleans(folder):
    return {"--data": str(write_h5(folder / "data.h5", x=numpy.zeros((20, 64), bool))) + ":x"}


@case("samples of one dimension", BAD_INPUT, "data.h5:x", "(64)", "(N, 64)")
def flat(folder):
    return {"--data": str(write_h5(folder / "data.h5", x=numpy.zeros(64))) + ":x", "--rows": None}


@case("images of another width", BAD_INPUT, "data.h5:x", "(20, 8, 7)", "width 56", "64")
def narrow_images(folder):
    return {"--data": str(write_h5(folder / "data.h5", x=numpy.zeros((20, 8, 7)))) + ":x"}


@case("a broken external link", BAD_INPUT, "data.h5:x", "link")
def broken_external_link(folder):
    with h5py.File(folder / "data.h5", "w") as file:
        file["x"] = h5py.ExternalLink(folder / "gone.h5", "/x")
    return {"--data": f"{folder}/data.h5:x"}


@case("a broken external link in a model", BAD_INPUT, "m.h5", "fc/weight", "link")
def broken_link_in_a_model(folder):
    with h5py.File(folder / "m.h5", "w") as file:
        file["fc/weight"] = h5py.ExternalLink(folder / "gone.h5", "/w")
    return {"--model": folder / "m.h5"}


@case("a damaged chunk of the data", BAD_INPUT, "data.h5:x", "(20, 64)")
def damaged_chunk(folder):
    with h5py.File(folder / "data.h5", "w") as file:
        x = file.create_dataset("x", data=numpy.random.default_rng(1).normal(size=(20, 64)), chunks=(5, 64), fletcher32=True)
        offset = x.id.get_chunk_info(2).byte_offset
    with open(folder / "data.h5", "r+b") as file:
        file.seek(offset + 8)
        file.write(b"spoilt")
    return {"--data": f"{folder}/data.h5:x"}


@case("data with no samples", BAD_INPUT, "data.h5")
def no_samples(folder):
    return {"--data": str(write_h5(folder / "data.h5", x=numpy.zeros((0, 64)))) + ":x", "--rows": None}


@case("a scalar for data", BAD_INPUT, "data.h5")
def scalar(folder):
    return {"--data": str(write_h5(folder / "data.h5", x=1.0)) + ":x", "--rows": None}


@case("samples of another width", BAD_INPUT, "data.h5:x", "63", "64")
def narrow_samples(folder):
    return {"--data": str(write_h5(folder / "data.h5", x=numpy.zeros((20, 63)))) + ":x"}


@case("a group for data", BAD_INPUT, "data.h5")
def group_for_data(folder):
    return {"--data": str(write_h5(folder / "data.h5", **{"x/train": numpy.zeros((20, 64))})) + ":x"}


# ---- numbers that are not numbers


@case("NaN in the data of the last rank", BAD_INPUT, "data.h5:x", "18", "7")
def nan_in_data(folder):
    x = numpy.ones((20, 64))
    x[18, 7] = numpy.nan
    return {"--data": str(write_h5(folder / "data.h5", x=x)) + ":x", "--tile": "2"}


@case("infinity in the data of every rank", BAD_INPUT, "data.h5:x")
def infinite_data(folder):
    x = numpy.ones((20, 64), "f4")
    x[:, 3] = numpy.inf
    return {"--data": str(write_h5(folder / "data.h5", x=x)) + ":x", "--tile": "2"}


@case("NaN in a weight", BAD_INPUT, "m.safetensors", "2.weight")
def nan_in_weights(folder):
    tensors = read_safetensors(MODEL)
    tensors["2.weight"][5, 6] = numpy.nan
    return {"--model": write_safetensors(folder / "m.safetensors", tensors)}


@case("infinity in a bias of a half-precision model", BAD_INPUT, "m.safetensors", "4.bias")
def infinite_bias(folder):
    tensors = read_safetensors(MODEL)
    tensors["4.bias"][0] = numpy.inf
    return {"--model": write_safetensors(folder / "m.safetensors", tensors, "F16")}


@case("NaN in the expected outputs", BAD_INPUT, "outputs.h5")
def nan_in_outputs(folder):
    y = numpy.zeros((20, 10))
    y[3, 4] = numpy.nan
    return {"--expect-outputs": str(write_h5(folder / "outputs.h5", y=y)) + ":y"}


@case("infinity in half-precision data", BAD_INPUT, "data.h5:x", "(20, 64)", "row 18, column 7", "float16", "65504")
def half_data(folder):
    x = numpy.ones((20, 64), "f2")
    x[18, 7] = numpy.inf
    return {"--data": str(write_h5(folder / "data.h5", x=x)) + ":x", "--tile": "2"}


@case("infinity in a half-precision HDF5 model", BAD_INPUT, "m.h5:fc/weight", "(10, 64)", "(3, 4)", "float16", "65504")
def half_model(folder):
    weight = numpy.ones((10, 64), "f2")
    weight[3, 4] = numpy.inf
    return {"--model": write_h5(folder / "m.h5", **{"fc/weight": weight}), "--activation": None}


case("data that overflow when scaled", BAD_INPUT, "digits.h5:x", "(1797, 64)", "--data-scale")(
    lambda f: {"--data-scale": "1e308", "--data-shift": "1e308"})


def thread(folder, *weights, sample=1.0, activation="identity", precision="float32"):
    """1 -> 1 -> .. -> 1; the 18th sample is the large one, so that on 4 ranks the last one meets it."""
    x = numpy.full((20, 1), 1e-12)
    x[17] = sample
    tensors = {f"fc{k + 1}.weight": [[weight]] for k, weight in enumerate(weights)}
    return {"--model": write_safetensors(folder / "m.safetensors", tensors, "F64"), "--activation": activation,
            "--data": str(write_h5(folder / "data.h5", x=x)) + ":x", "--tile": "2", "--precision": precision,
            "--rows": "1:20"}


case("an activation beyond float32", BAD_INPUT, "activation of layer fc1", "float32", "m.safetensors:fc1.weight", "(1, 1)",
     "unit 0", "data.h5:x, row 17", "--precision float64")(lambda f: thread(f, 1e30, 1, sample=1e10))
case("a sample beyond float32", BAD_INPUT, "input of layer fc1", "float32", "data.h5:x, row 17", "--precision float64")(
    lambda f: thread(f, 1, 1, sample=1e39))
case("a preactivation beyond float64", BAD_INPUT, "preactivation of layer fc2", "inf", "m.safetensors:fc2.weight", "row 17")(
    lambda f: thread(f, 1e150, 1e150, sample=1e10, precision="float64"))
case("a preactivation beyond float64 that tanh would hide", BAD_INPUT, "preactivation of layer fc1", "row 17")(
    lambda f: thread(f, 1e300, 1, sample=1e10, activation="tanh"))
case("a sensitivity beyond float64", BAD_INPUT, "sensitivity at layer fc1", "m.safetensors:fc1.weight", "row 1)")(
    lambda f: thread(f, 1, 1e200, 1e200, sample=0.0, precision="float64", activation="sin"))
case("a sensitivity beyond float32", BAD_INPUT, "sensitivity at layer fc1", "beyond float32", "row 1)")(
    lambda f: thread(f, 1, 1e20, 1e20, sample=0.0, activation="sin"))
case("a kernel entry beyond float32", BAD_INPUT, "layer fc2", "float32", "m.safetensors:fc2.weight", "row 17",
     "--precision float64")(lambda f: thread(f, 1e12, 1, sample=1e12))
case("a kernel entry beyond float64", BAD_INPUT, "layer fc1", "float64", "m.safetensors:fc1.weight", "row 17")(
    lambda f: thread(f, 1, 1, sample=1e160, precision="float64"))


# ---- models that do not fit together


def spoilt(folder, change):
    tensors = read_safetensors(MODEL)
    change(tensors)
    return {"--model": write_safetensors(folder / "m.safetensors", tensors)}


case("widths that do not chain", BAD_INPUT, "2.weight", "127", "128")(
    lambda f: spoilt(f, lambda t: t.update({"2.weight": t["2.weight"][:, :127]})))
case("a transposed weight", BAD_INPUT, "0.weight")(
    lambda f: spoilt(f, lambda t: t.update({"0.weight": t["0.weight"].T.copy()})))
case("a bias of another length", BAD_INPUT, "2.bias")(
    lambda f: spoilt(f, lambda t: t.update({"2.bias": t["2.bias"][:100]})))
case("a bias without its weight", BAD_INPUT, "4.bias")(lambda f: spoilt(f, lambda t: t.pop("4.weight")))
case("a convolution's weight", BAD_INPUT, "2.weight")(
    lambda f: spoilt(f, lambda t: t.update({"2.weight": t["2.weight"].reshape(128, 32, 2, 2)})))
case("a weight of three dimensions", BAD_INPUT, "m.safetensors:2.weight", "(128, 64, 2)", "(out, in)")(
    lambda f: spoilt(f, lambda t: t.update({"2.weight": t["2.weight"].reshape(128, 64, 2)})))
case("a weight of one dimension", BAD_INPUT, "m.safetensors:2.weight", "(128)")(
    lambda f: spoilt(f, lambda t: t.update({"2.weight": t["2.weight"][0]})))
case("a weight without entries", BAD_INPUT, "m.safetensors:2.weight", "(0, 128)")(
    lambda f: spoilt(f, lambda t: t.update({"2.weight": t["2.weight"][:0]})))
case("a tensor left over", BAD_INPUT, "1.running_mean")(
    lambda f: spoilt(f, lambda t: t.update({"1.running_mean": numpy.zeros(128)})))
case("a model with no tensors", BAD_INPUT, "m.safetensors")(lambda f: spoilt(f, lambda t: t.clear()))


@case("an order that the names do not settle asks for --layers", BAD_INPUT, "--layers")
def unsettled_order(folder):
    tensors = {f"{name}.weight": numpy.eye(64) for name in ("alpha", "beta", "gamma")}
    return {"--model": write_safetensors(folder / "m.safetensors", tensors)}


# ---- safetensors headers that lie


def lying(folder, edit):
    return {"--model": write_safetensors(folder / "m.safetensors", read_safetensors(MODEL), edit=edit)}


case("a header whose shape lies", BAD_INPUT, "m.safetensors", "0.weight")(
    lambda f: lying(f, lambda h: h["0.weight"].update(shape=[128, 65])))
case("a header whose shape overflows", BAD_INPUT, "m.safetensors", "0.weight")(
    lambda f: lying(f, lambda h: h["0.weight"].update(shape=[2**62, 2**62])))
case("a negative shape", BAD_INPUT, "m.safetensors", "0.weight")(
    lambda f: lying(f, lambda h: h["0.weight"].update(shape=[-128, -64])))
case("offsets beyond the file", BAD_INPUT, "m.safetensors", "4.weight")(
    lambda f: lying(f, lambda h: h["4.weight"].update(data_offsets=[h["4.weight"]["data_offsets"][0], 2**50])))
case("offsets backwards", BAD_INPUT, "m.safetensors", "0.weight")(
    lambda f: lying(f, lambda h: h["0.weight"]["data_offsets"].reverse()))
case("tensors that overlap", BAD_INPUT, "m.safetensors")(
    lambda f: lying(f, lambda h: h["2.bias"].update(data_offsets=h["0.bias"]["data_offsets"])))
case("tensors with a hole between them", BAD_INPUT, "m.safetensors", "starts at byte")(
    lambda f: lying(f, lambda h: [entry.update(data_offsets=[at + 4 for at in entry["data_offsets"]])
                                  for name, entry in h.items() if name > "2"]))
case("a dtype that nobody knows", BAD_INPUT, "m.safetensors:0.weight", "(128, 64)", "Q7", "F32")(
    lambda f: lying(f, lambda h: h["0.weight"].update(dtype="Q7")))
case("a dtype that is not supported", BAD_INPUT, "m.safetensors", "I8")(
    lambda f: lying(f, lambda h: h["0.weight"].update(dtype="I8")))
case("an entry without offsets", BAD_INPUT, "m.safetensors", "0.weight")(
    lambda f: lying(f, lambda h: h["0.weight"].pop("data_offsets")))
case("an entry that is a number", BAD_INPUT, "m.safetensors", "0.weight")(
    lambda f: lying(f, lambda h: h.update({"0.weight": 3})))


def with_header(folder, text, length=None, data=b""):
    (folder / "m.safetensors").write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + data)
    return {"--model": folder / "m.safetensors"}


case("a header length beyond the file", BAD_INPUT, "m.safetensors")(lambda f: with_header(f, b"{}", 1000))
case("a header length near 2^64", BAD_INPUT, "m.safetensors")(lambda f: with_header(f, b"{}", 2**64 - 5))
case("a header length just over the limit", BAD_INPUT, "m.safetensors", "100000001", "100000000")(
    lambda f: with_header(f, b"{}", 100_000_001))
case("a header that is not JSON", BAD_INPUT, "m.safetensors")(lambda f: with_header(f, b"{\"0.weight\": [1, 2"))
case("a header that is a list", BAD_INPUT, "m.safetensors")(lambda f: with_header(f, b"[1, 2]  "))
case("a header nested without end", BAD_INPUT, "m.safetensors")(lambda f: with_header(f, b"{\"a\":" + b"[" * 100000))
case("a header with bytes that are not UTF-8", BAD_INPUT, "m.safetensors")(lambda f: with_header(f, b"{\"\xff\xfe\": 1}"))


@case("a name that occurs twice in the header", BAD_INPUT, "m.safetensors", "0.weight")
def duplicate_name(folder):
    entry = json.dumps({"dtype": "F32", "shape": [1, 64], "data_offsets": [0, 256]})
    return with_header(folder, f'{{"0.weight": {entry}, "0.weight": {entry}}}'.encode(), data=bytes(256))


case("a list with an empty entry", USAGE, "--activation")(lambda f: {"--activation": "tanh,,tanh"})
case("a tolerance of zero", USAGE, "--check-tolerance")(lambda f: {"--check-tolerance": "0"})
case("a tile that HDF5 cannot hold in one chunk", USAGE, "--tile")(
    lambda f: {"--rows": None, "--reduction": "full", "--tile": "1700"})


# ---- outputs


@case("an existing output", USAGE, "out.h5", "--overwrite")
def existing_output(folder):
    (folder / "out.h5").write_text("precious")
    return {}


@case("an existing partial output", USAGE, "out.h5.partial", "--overwrite")
def existing_partial(folder):
    (folder / "out.h5.partial").write_text("precious")
    return {}


case("an output without a name", USAGE, "--output")(lambda f: {"--output": ""})
case("an output path that MPI-IO cannot hold", USAGE, "too long")(lambda f: {"--output": f / ("x" * 240 + ".h5")})


@case("an output that is an input under its partial name", USAGE, "d.h5.partial")
def partial_input(folder):
    write_h5(folder / "d.h5.partial", x=numpy.zeros((20, 64)))
    return {"--data": f"{folder}/d.h5.partial:x", "--output": folder / "d.h5"}


@case("an output that is an input", USAGE, "d.h5", "--output")
def output_is_an_input(folder):
    write_h5(folder / "d.h5", x=numpy.zeros((20, 64)))
    return {"--data": f"{folder}/d.h5:x", "--output": folder / "d.h5", "--overwrite": FLAG}


@case("an output that is the model by another name", USAGE, "out.h5", "--output")
def output_is_a_link_to_the_model(folder):
    (folder / "m.safetensors").write_bytes(MODEL.read_bytes())
    (folder / "out.h5").symlink_to(folder / "m.safetensors")
    return {"--model": folder / "m.safetensors", "--overwrite": FLAG}


@case("a directory in the output's place", IO, "out.h5")
def output_is_a_directory(folder):
    (folder / "out.h5").mkdir()
    return {}


case("an output directory that is not there", IO, "absent")(lambda f: {"--output": f / "absent" / "out.h5"})


@case("an output below a file", IO, "file")
def output_below_a_file(folder):
    (folder / "file").write_text("precious")
    return {"--output": folder / "file" / "out.h5"}


# ---- permissions, which root must first give up the right to ignore

FORBIDDEN = {}


@case("an unreadable model", BAD_INPUT, "m.safetensors", "ermission", table=FORBIDDEN)
def unreadable_model(folder):
    (folder / "m.safetensors").write_bytes(MODEL.read_bytes())
    (folder / "m.safetensors").chmod(0)
    return {"--model": folder / "m.safetensors"}


@case("unreadable data", BAD_INPUT, "d.h5", "ermission", table=FORBIDDEN)
def unreadable_data(folder):
    write_h5(folder / "d.h5", x=numpy.zeros((20, 64))).chmod(0)
    return {"--data": f"{folder}/d.h5:x"}


@case("a read-only output directory", IO, "locked", "permission", table=FORBIDDEN)
def read_only_directory(folder):
    (folder / "locked").mkdir(mode=0o500)
    return {"--output": folder / "locked" / "out.h5"}


# ---- the tests


def on_1_and_4_ranks(cases):
    return {f"{label}, {'4 ranks' if ranks else 'no launcher'}": (*row, ranks) for label, row in cases.items()
            for ranks in (0, 4)}


def words_of(folder, changes):
    """The command line of a good run with these changes."""
    options = {"--model": MODEL, "--data": f"{DIGITS}:x", "--rows": "0:20", "--activation": "tanh",
               "--output": folder / "out.h5"} | changes
    return ["kernel", *[word for option, value in options.items() if value is not None
                        for word in ([option] if value is FLAG else [option, value])]]


def contents(folder):
    return {path: path.stat().st_mode & 0o777 and path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(folder, make, code, says, ranks, **how):
    words = words_of(folder, make(folder))
    before = contents(folder)

    run = tangram(*words, ranks=ranks, seconds=SECONDS, **how)

    assert run.code == code, f"expected {code}: {run}"
    assert len(run.errors) == 1, f"{len(run.errors)} error lines: {run}"
    line = run.errors[0]
    if not ranks:
        assert run.stderr.rstrip().splitlines()[-1] == "tangram: error: " + line, run.stderr
    assert not re.search(r"HDF5-DIAG|terminate called|what\(\)|Segmentation|MPI_ABORT", run.stderr), run.stderr
    unsaid = [text for text in says if text not in line]
    assert not unsaid, f"does not say {unsaid}: {line}"
    place = r"\(.+\).*: \S" if code != USAGE else r": \S"
    assert re.search(place, line), f"no place, or nothing to do: {line}"
    after = contents(folder)
    assert after == before, f"files made or changed: {[path.name for path in after if after[path] != before.get(path)]}"


@each(on_1_and_4_ranks(CASES))
def test_is_refused(folder, make, code, says, ranks):
    refused(folder, make, code, says, ranks)


@each(on_1_and_4_ranks(FORBIDDEN))
def test_permissions_are_obeyed(folder, make, code, says, ranks):
    prefix = bound_by_permissions()
    if prefix is None:
        print("       skipped: root ignores permissions, and setpriv cannot take that from it here")
        return
    refused(folder, make, code, says, ranks, prefix=prefix)


@each({label: (extra,) for label, extra in {"srun --mpi=none": {}, "srun --mpi=pmi2": {"PMI_RANK": "0"}}.items()})
def test_srun_without_pmix_is_told_once_and_before_mpi(folder, extra):
    """Four tasks as srun would start them: only the environment tells that they belong together."""
    errors = []
    for task in range(4):
        run = tangram(*words_of(folder, {}), ranks=0, seconds=SECONDS,
                      extra={"SLURM_STEP_ID": "0", "SLURM_PROCID": str(task), "SLURM_NTASKS": "4"} | extra)
        assert run.code == USAGE, run
        assert task == 0 or not run.stderr, f"task {task} is not silent: {run}"
        errors += run.errors
    assert len(errors) == 1 and "srun --mpi=pmix" in errors[0] and "mpirun" in errors[0], errors
    assert not any(folder.iterdir())


def test_mpirun_inside_a_step_of_slurm_is_legitimate(folder):
    run = tangram(*words_of(folder, {}), ranks=1, extra={"SLURM_STEP_ID": "0", "SLURM_PROCID": "0", "SLURM_NTASKS": "1"})
    assert run.code == 0, run


# Open MPI 4.1 gives every program the threads it asks for: this one claims less.
NO_THREADS = """
#include <mpi.h>
int MPI_Init_thread(int* argc, char*** argv, int required, int* provided) {
    (void)required;
    int code = PMPI_Init_thread(argc, argv, MPI_THREAD_SINGLE, provided);
    *provided = MPI_THREAD_SINGLE;
    return code;
}
"""


@each({"no launcher": (0,), "4 ranks": (4,)})
def test_an_mpi_without_threads_is_refused(folder, ranks):
    (folder / "no_threads.c").write_text(NO_THREADS)
    subprocess.run(["mpicc", "-shared", "-fPIC", "-o", folder / "no_threads.so", folder / "no_threads.c"], check=True)
    run = tangram(*words_of(folder, {}), ranks=ranks, seconds=SECONDS, extra={"LD_PRELOAD": str(folder / "no_threads.so")})
    assert run.code == NO_RESOURCES, run
    assert len(run.errors) == 1 and "MPI_THREAD_FUNNELED" in run.errors[0], run
    assert not (folder / "out.h5").exists() and not (folder / "out.h5.partial").exists()


def test_numbers_beyond_float32_are_held_by_float64(folder):
    options = thread(folder, 1e12, 1, sample=1e12, precision="float64")
    with kernel(options["--model"], options["--data"], folder / "out.h5", "--activation", "identity", "--tile", 2,
                ranks=2) as file:
        assert file["ntk"][17, 17] == 1e24 + 1e48
