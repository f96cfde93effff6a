"""Samples and labels in files that are not read: the line says what makes an array of them, and that, done to the letter, does."""

import gzip
import pickle
import shlex
import subprocess
import sys

import h5py
import numpy

from bad_input_table import BAD_INPUT
from converters import need_torch
from harness import ROOT, assert_close, each, gram, tangram, write_h5, write_safetensors

WEIGHTS = numpy.array([[1.0, -2, 0.5], [0.25, 3, -1]])
SAMPLES = numpy.arange(15.0).reshape(5, 3) / 7 - 1
KERNEL = 2 * gram(SAMPLES)  # one layer of two outputs, no bias


def run(folder, data, *options):
    model = write_safetensors(folder / "m.safetensors", {"fc.weight": WEIGHTS}, "F64")
    return tangram("kernel", "--model", model, "--data", data, "--output", folder / "out.h5", "--precision", "float64", "--overwrite", *options)


def assert_right(folder, done):
    assert done.code == 0, done
    with h5py.File(folder / "out.h5") as file:
        assert_close(file["ntk"][:], KERNEL, "float64", "ntk")


def follow(folder, line, program):
    """Runs the command in the line that begins with `program`, where the user stands."""
    words = shlex.split(line[line.index(program):].split(", or, ")[0].split(" (")[0])
    if program.startswith("jobs/"):
        words = [sys.executable, ROOT / words[0], *words[1:]]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def save_with_gradient(torch, path):
    torch.save(torch.tensor(SAMPLES, requires_grad=True), path)


def save_in_dictionary(torch, path):
    torch.save({"x": torch.tensor(SAMPLES), "note": "of mine"}, path)


def save_data_set(torch, path):
    torch.save(torch.utils.data.TensorDataset(torch.tensor(SAMPLES)), path)


@each({"that needs a gradient": (save_with_gradient,), "in a dictionary": (save_in_dictionary,), "in a TensorDataset": (save_data_set,)})
def test_a_tensor_of_torch_save(folder, save):
    save(need_torch(), folder / "x.pt")
    done = run(folder, folder / "x.pt")
    assert done.code == BAD_INPUT and len(done.errors) == 1, done
    follow(folder, done.errors[0], "jobs/to_npy.py")
    assert_right(folder, run(folder, folder / "x.npy"))


@each({str(protocol): (protocol,) for protocol in (2, 4, 5)})
def test_a_pickled_array(folder, protocol):
    (folder / "x.pkl").write_bytes(pickle.dumps(SAMPLES, protocol))
    done = run(folder, folder / "x.pkl")
    assert done.code == BAD_INPUT and "torch.load" not in done.errors[0], done
    follow(folder, done.errors[0], "jobs/to_npy.py")
    assert_right(folder, run(folder, folder / "x.npy"))


def test_a_table(folder):
    numpy.savetxt(folder / "x.csv", SAMPLES, fmt="%.17g", delimiter=",", header="a,b,c", comments="")
    done = run(folder, folder / "x.csv")
    assert done.code == BAD_INPUT and "--labels" in done.errors[0], done
    follow(folder, done.errors[0], "jobs/to_npy.py")
    assert_right(folder, run(folder, folder / "x.npy"))


def test_a_compressed_array(folder):
    numpy.save(folder / "x.npy", SAMPLES)
    (folder / "x.npy.gz").write_bytes(gzip.compress((folder / "x.npy").read_bytes()))
    (folder / "x.npy").unlink()
    done = run(folder, folder / "x.npy.gz")
    assert done.code == BAD_INPUT, done
    follow(folder, done.errors[0], "gunzip")
    assert_right(folder, run(folder, folder / "x.npy"))


@each({"one column": ((5, 1),), "one row": ((1, 5),), "a list": ((5,),)})
def test_labels_of_texts_lie_along_any_axis(folder, shape):
    names = numpy.array(["b", "a", "c", "a", "b"]).reshape(shape)
    numpy.save(folder / "x.npy", SAMPLES)
    numpy.save(folder / "y.npy", names)
    write_h5(folder / "y.h5", y=names.astype("S1"))
    for labels in (folder / "y.npy", f"{folder}/y.h5:y"):
        assert_right(folder, run(folder, folder / "x.npy", "--labels", labels))
        with h5py.File(folder / "out.h5") as file:
            assert (file["labels"][:] == [1, 0, 2, 0, 1]).all(), file["labels"][:]


def test_labels_of_python_objects_become_texts(folder):
    names = numpy.array(["b", "a", "c", "a", "b"], object)
    numpy.save(folder / "x.npy", SAMPLES)
    numpy.save(folder / "y.npy", names)
    done = run(folder, folder / "x.npy", "--labels", folder / "y.npy")
    assert done.code == BAD_INPUT and "astype(str)" in done.errors[0], done
    numpy.save(folder / "y.npy", names.astype(str))
    assert_right(folder, run(folder, folder / "x.npy", "--labels", folder / "y.npy"))


def test_a_file_over_which_the_library_crashes_is_named(folder):
    """The size of a text in the heap of an HDF5 file, which libhdf5 1.10 believes."""
    numpy.save(folder / "x.npy", SAMPLES)
    with h5py.File(folder / "y.h5", "w") as file:
        file.create_dataset("y", data=["a", "b", "a", "c", "b"], dtype=h5py.string_dtype())
    raw = bytearray((folder / "y.h5").read_bytes())
    size = raw.index(b"GCOL") + 16 + 8  # the collection's head, then the object's number, uses and padding
    raw[size:size + 8] = (1 << 28).to_bytes(8, "little")
    (folder / "y.h5").write_bytes(raw)
    done = run(folder, folder / "x.npy", "--labels", f"{folder}/y.h5:y")
    assert done.code == BAD_INPUT and len(done.errors) == 1 and "y.h5" in done.errors[0], done
