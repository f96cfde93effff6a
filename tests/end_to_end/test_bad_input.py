"""Bad input gives one line that says what is wrong and what to do, the right exit code on every rank, no hang and no
output file. Every case is tried on one process without a launcher, and on 4 ranks."""

import json
import re
import struct

import numpy

from harness import DATA, JOBS, each, read_safetensors, tangram, write_h5, write_safetensors

MODEL = JOBS / "digits" / "digits_mlp.safetensors"
DIGITS = f"{JOBS}/digits/digits.h5"
USAGE, BAD_INPUT, IO = 2, 3, 6
SECONDS = 20

CASES = {}


def case(label, code, *says):
    """Registers a function of the folder: it makes the files and returns the options that differ from a good run's."""

    def register(make):
        CASES[label] = (make, code, says)
        return make

    return register


# ---- options

case("an unknown option suggests the nearest", USAGE, "--activaton", "--activation")(lambda f: {"--activaton": "tanh"})
case("an unknown activation lists those there are", USAGE, "tahn", "tanh", "softplus")(lambda f: {"--activation": "tahn"})
case("a parameter that is no number", USAGE, "leaky_relu", "'x'")(lambda f: {"--activation": "leaky_relu:x"})
case("two activations for three hidden layers", USAGE, "activation")(lambda f: {"--activation": "tanh,tanh,relu"})
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
case("a tile of no samples", USAGE, "--tile")(lambda f: {"--tile": "0"})
case("data without a dataset lists those there are", BAD_INPUT, "DATASET", "x", "y")(lambda f: {"--data": DIGITS})
case("no model", USAGE, "--model")(lambda f: {"--model": None})
case("an unknown layer in the order", USAGE, "7")(lambda f: {"--layers": "0,2,7"})

# ---- files that are not there, or not what they should be

case("a missing data file", BAD_INPUT, "absent.h5")(lambda f: {"--data": f"{f}/absent.h5:x"})
case("a missing model", BAD_INPUT, "absent.safetensors")(lambda f: {"--model": f / "absent.safetensors"})
case("a missing dataset lists those there are", BAD_INPUT, "images", "x", "y")(lambda f: {"--data": f"{DIGITS}:images"})
case("a missing group of an HDF5 model", BAD_INPUT, "absent")(lambda f: {"--model": f"{DATA}/references.h5:absent"})
case("a missing module of a safetensors model", BAD_INPUT, "head")(lambda f: {"--model": f"{MODEL}:head"})
case("labels for other samples", BAD_INPUT, "labels")(
    lambda f: {"--labels": str(write_h5(f / "labels.h5", y=numpy.zeros(7, "i8"))) + ":y"})
case("expected outputs of another width", BAD_INPUT, "outputs.h5")(
    lambda f: {"--expect-outputs": str(write_h5(f / "outputs.h5", y=numpy.zeros((20, 3)))) + ":y"})
case("an index beyond the data", BAD_INPUT, "rows.h5", "1797")(
    lambda f: {"--indices": str(write_h5(f / "rows.h5", i=numpy.array([3, 1797]))) + ":i", "--rows": None})
case("a negative index", BAD_INPUT, "rows.h5")(
    lambda f: {"--indices": str(write_h5(f / "rows.h5", i=numpy.array([3, -1]))) + ":i", "--rows": None})
case("a directory as the model", BAD_INPUT, "directory")(lambda f: {"--model": f})


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


@case("data of strings", BAD_INPUT, "data.h5")
def strings(folder):
    return {"--data": str(write_h5(folder / "data.h5", x=[["a", "b"]] * 20)) + ":x"}


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


case("an output directory that is not there", IO, "absent")(lambda f: {"--output": f / "absent" / "out.h5"})


@case("an output below a file", IO, "file")
def output_below_a_file(folder):
    (folder / "file").write_text("precious")
    return {"--output": folder / "file" / "out.h5"}


# ---- the test


@each({f"{label}, {'4 ranks' if ranks else 'no launcher'}": (*row, ranks)
       for label, row in CASES.items() for ranks in (0, 4)})
def test_is_refused(folder, make, code, says, ranks):
    options = {"--model": MODEL, "--data": f"{DIGITS}:x", "--rows": "0:20", "--activation": "tanh",
               "--output": folder / "out.h5"}
    options.update(make(folder))
    words = [word for option, value in options.items() if value is not None for word in (option, value)]
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    run = tangram("kernel", *words, ranks=ranks, seconds=SECONDS)

    assert run.code == code, f"expected {code}: {run}"
    assert len(run.errors) == 1, f"{len(run.errors)} error lines: {run}"
    if not ranks:
        assert run.stderr.rstrip().splitlines()[-1] == "tangram: error: " + run.errors[0], run.stderr
    assert not re.search(r"HDF5-DIAG|terminate called|what\(\)|Segmentation|MPI_ABORT", run.stderr), run.stderr
    unsaid = [text for text in says if text not in run.errors[0]]
    assert not unsaid, f"does not say {unsaid}: {run.errors[0]}"
    after = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert after == before, f"files made or changed: {[path.name for path in after if after[path] != before.get(path)]}"
