"""Bad input: files that are missing, not what they should be, or in the way."""

import h5py
import numpy

from bad_input_table import BAD_INPUT, DIGITS, FLAG, FORBIDDEN, IO, MODEL, USAGE, case, case_of_ranks
from harness import DATA, JOBS, write_h5


# ---- files that are not there, or not what they should be

case_of_ranks("a missing data file", BAD_INPUT, "absent.h5")(lambda f: {"--data": f"{f}/absent.h5:x"})
case_of_ranks("a missing model", BAD_INPUT, "absent.safetensors")(lambda f: {"--model": f / "absent.safetensors"})
case("a missing dataset lists those there are", BAD_INPUT, "images", "x", "y")(lambda f: {"--data": f"{DIGITS}:images"})
case("a missing group of an HDF5 model", BAD_INPUT, "absent")(lambda f: {"--model": f"{DATA}/references.h5:absent"})
case("a missing module of a safetensors model", BAD_INPUT, "head")(lambda f: {"--model": f"{MODEL}:head"})
case_of_ranks("labels for other samples", BAD_INPUT, "labels.h5:y", "(7)", "1797", "20")(
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
case_of_ranks("an index beyond the data", BAD_INPUT, "rows.h5", "1797")(
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


@case_of_ranks("a truncated safetensors file", BAD_INPUT, "m.safetensors")
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


@case_of_ranks("a truncated HDF5 file", BAD_INPUT, "data.h5")
def truncated_hdf5(folder):
    raw = (JOBS / "digits" / "digits.h5").read_bytes()
    (folder / "data.h5").write_bytes(raw[:len(raw) // 2])
    return {"--data": f"{folder}/data.h5:x"}


@case("data that is no HDF5 file", BAD_INPUT, "data.h5")
def not_hdf5(folder):
    (folder / "data.h5").write_text("x,y\n1,2\n")
    return {"--data": f"{folder}/data.h5:x"}


@case_of_ranks("data of strings", BAD_INPUT, "data.h5:x", "(20, 2)", "strings")
def strings(folder):
    return {"--data": str(write_h5(folder / "data.h5", x=[["a", "b"]] * 20)) + ":x"}


@case("data of compound values", BAD_INPUT, "data.h5:x", "(20, 64)", "compound")
def compound(folder):
    return {"--data": str(write_h5(folder / "data.h5", x=numpy.zeros((20, 64), "c8"))) + ":x"}


@case("samples of one dimension", BAD_INPUT, "data.h5:x", "(64)", "(N, 64)")
def flat(folder):
    return {"--data": str(write_h5(folder / "data.h5", x=numpy.zeros(64))) + ":x", "--rows": None}


@case("images of another width", BAD_INPUT, "data.h5:x", "(20, 8, 7)", "width 56", "64")
def narrow_images(folder):
    return {"--data": str(write_h5(folder / "data.h5", x=numpy.zeros((20, 8, 7)))) + ":x"}


@case_of_ranks("a broken external link", BAD_INPUT, "data.h5:x", "link")
def broken_external_link(folder):
    with h5py.File(folder / "data.h5", "w") as file:
        file["x"] = h5py.ExternalLink(folder / "gone.h5", "/x")
    return {"--data": f"{folder}/data.h5:x"}


@case_of_ranks("a broken external link in a model", BAD_INPUT, "m.h5", "fc/weight", "link")
def broken_link_in_a_model(folder):
    with h5py.File(folder / "m.h5", "w") as file:
        file["fc/weight"] = h5py.ExternalLink(folder / "gone.h5", "/w")
    return {"--model": folder / "m.h5"}


@case_of_ranks("a damaged chunk of the data", BAD_INPUT, "data.h5:x", "(20, 64)")
def damaged_chunk(folder):
    with h5py.File(folder / "data.h5", "w") as file:
        x = file.create_dataset("x", data=numpy.random.default_rng(1).normal(size=(20, 64)), chunks=(5, 64), fletcher32=True)
        offset = x.id.get_chunk_info(2).byte_offset
    with open(folder / "data.h5", "r+b") as file:
        file.seek(offset + 8)
        file.write(b"spoilt")
    return {"--data": f"{folder}/data.h5:x"}


@case_of_ranks("data with no samples", BAD_INPUT, "data.h5")
def no_samples(folder):
    return {"--data": str(write_h5(folder / "data.h5", x=numpy.zeros((0, 64)))) + ":x", "--rows": None}


@case("a scalar for data", BAD_INPUT, "data.h5")
def scalar(folder):
    return {"--data": str(write_h5(folder / "data.h5", x=1.0)) + ":x", "--rows": None}


@case_of_ranks("samples of another width", BAD_INPUT, "data.h5:x", "63", "64")
def narrow_samples(folder):
    return {"--data": str(write_h5(folder / "data.h5", x=numpy.zeros((20, 63)))) + ":x"}


@case("a group for data", BAD_INPUT, "data.h5")
def group_for_data(folder):
    return {"--data": str(write_h5(folder / "data.h5", **{"x/train": numpy.zeros((20, 64))})) + ":x"}


# ---- outputs


@case_of_ranks("an existing output", USAGE, "out.h5", "--overwrite")
def existing_output(folder):
    (folder / "out.h5").write_text("precious")
    return {}


@case_of_ranks("an existing partial output", USAGE, "out.h5.partial", "--overwrite")
def existing_partial(folder):
    (folder / "out.h5.partial").write_text("precious")
    return {}


case("an output without a name", USAGE, "--output")(lambda f: {"--output": ""})
case_of_ranks("an output path that MPI-IO cannot hold", USAGE, "too long")(lambda f: {"--output": f / ("x" * 240 + ".h5")})


@case("an output that is an input under its partial name", USAGE, "d.h5.partial")
def partial_input(folder):
    write_h5(folder / "d.h5.partial", x=numpy.zeros((20, 64)))
    return {"--data": f"{folder}/d.h5.partial:x", "--output": folder / "d.h5"}


@case_of_ranks("an output that is an input", USAGE, "d.h5", "--output")
def output_is_an_input(folder):
    write_h5(folder / "d.h5", x=numpy.zeros((20, 64)))
    return {"--data": f"{folder}/d.h5:x", "--output": folder / "d.h5", "--overwrite": FLAG}


@case("an output that is the model by another name", USAGE, "out.h5", "--output")
def output_is_a_link_to_the_model(folder):
    (folder / "m.safetensors").write_bytes(MODEL.read_bytes())
    (folder / "out.h5").symlink_to(folder / "m.safetensors")
    return {"--model": folder / "m.safetensors", "--overwrite": FLAG}


@case_of_ranks("a directory in the output's place", IO, "out.h5")
def output_is_a_directory(folder):
    (folder / "out.h5").mkdir()
    return {}


case_of_ranks("an output directory that is not there", IO, "absent")(lambda f: {"--output": f / "absent" / "out.h5"})


@case_of_ranks("an output below a file", IO, "file")
def output_below_a_file(folder):
    (folder / "file").write_text("precious")
    return {"--output": folder / "file" / "out.h5"}


# ---- permissions, which root must first give up the right to ignore

@case_of_ranks("an unreadable model", BAD_INPUT, "m.safetensors", "ermission", table=FORBIDDEN)
def unreadable_model(folder):
    (folder / "m.safetensors").write_bytes(MODEL.read_bytes())
    (folder / "m.safetensors").chmod(0)
    return {"--model": folder / "m.safetensors"}


@case_of_ranks("unreadable data", BAD_INPUT, "d.h5", "ermission", table=FORBIDDEN)
def unreadable_data(folder):
    write_h5(folder / "d.h5", x=numpy.zeros((20, 64))).chmod(0)
    return {"--data": f"{folder}/d.h5:x"}


@case_of_ranks("a read-only output directory", IO, "locked", "permission", table=FORBIDDEN)
def read_only_directory(folder):
    (folder / "locked").mkdir(mode=0o500)
    return {"--output": folder / "locked" / "out.h5"}
