"""jobs/to_npy.py: samples and labels out of PyTorch's files, CIFAR's, and tables."""

import pickle

import numpy

from bad_input_table import BAD_INPUT, IO, USAGE
from converters import need_torch, refused
from harness import JOBS, each
from scripts import script


def to_npy(*words):
    done = script(JOBS / "to_npy.py", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_one_tensor_becomes_an_array_of_its_type(folder):
    torch = need_torch()
    for dtype in ("float64", "float16", "bfloat16", "int32", "uint8", "bool"):
        values = (torch.arange(12).reshape(3, 4) % 5).to(getattr(torch, dtype)).t()
        torch.save(values, folder / "x.pt")
        to_npy(folder / "x.pt", "--overwrite")
        found = numpy.load(folder / "x.npy")
        assert found.dtype == ("float32" if dtype == "bfloat16" else dtype) and (found == values.float().numpy()).all(), dtype


def saved_data(torch, path, kind):
    x, y = torch.randn(6, 3), torch.arange(6)
    if kind == "tuple":
        torch.save((x, y), path)
    elif kind == "TensorDataset":
        torch.save(torch.utils.data.TensorDataset(x, y), path)
    else:
        torch.save({"train": {"x": x, "y": y}, "n": 6}, path)
    return x, y


@each({"tuple": ("0", "1"), "TensorDataset": ("tensors.0", "tensors.1"), "dictionary": ("train.x", "train.y")})
def test_samples_and_labels_are_asked_for_by_the_names_that_are_there(folder, samples, labels):
    torch = need_torch()
    kind = {"0": "tuple", "tensors.0": "TensorDataset", "train.x": "dictionary"}[samples]
    x, y = saved_data(torch, folder / "d.pt", kind)
    line = refused("to_npy.py", BAD_INPUT, folder / "d.pt")
    assert f"{samples} (6 x 3); {labels} (6)" in line, line
    to_npy(folder / "d.pt", "--key", samples, "--labels", labels)
    assert (numpy.load(folder / "d.npy") == x.numpy()).all() and (numpy.load(folder / "d_labels.npy") == y.numpy()).all()


def test_cifar_batches_of_both_kinds_are_joined(folder):
    chance = numpy.random.default_rng(3)
    images, classes = chance.integers(0, 256, (7, 3, 32, 32), "u1"), chance.integers(0, 10, 7)
    halves = [slice(0, 4), slice(4, 7)]
    for i, part in enumerate(halves):
        records = numpy.concatenate([classes[part, None].astype("u1"), images[part].reshape(-1, 3072)], 1)
        (folder / f"data_batch_{i}.bin").write_bytes(records.tobytes())
        pickled = pickle.dumps({b"batch_label": b"x", b"labels": classes[part].tolist(), b"data": images[part].reshape(-1, 3072)}, 2)
        (folder / f"data_batch_{i}").write_bytes(pickled)
    for names in (["data_batch_0.bin", "data_batch_1.bin"], ["data_batch_0", "data_batch_1"]):
        to_npy(*(folder / name for name in names), "--output", folder / "train.npy", "--overwrite")
        assert (numpy.load(folder / "train.npy") == images).all() and (numpy.load(folder / "train_labels.npy") == classes).all()


def test_cifar_100_has_two_classes_a_record_and_the_fine_one_counts(folder):
    chance = numpy.random.default_rng(4)
    records = numpy.concatenate([chance.integers(0, high, (5, 1), "u1") for high in (20, 100)] + [chance.integers(0, 256, (5, 3072), "u1")], 1)
    (folder / "train.bin").write_bytes(records.tobytes())
    to_npy(folder / "train.bin")
    assert (numpy.load(folder / "train_labels.npy") == records[:, 1]).all()
    assert (numpy.load(folder / "train.npy").reshape(5, -1) == records[:, 2:]).all()


TABLES = {"commas": "a,b,kind\n1,2.5,cat\n-3e2,4,ant\n", "semicolons": "a;b;kind\n1;2.5;cat\n-3e2;4;ant\n\n",
          "tabs": "a\tb\tkind\r\n1\t2.5\tcat\r\n-3e2\t4\tant"}


@each({name: (text,) for name, text in TABLES.items()})
def test_a_table_and_its_classes(folder, text):
    (folder / "t.csv").write_text(text)
    assert "classes 0 to 1: ant, cat" in to_npy(folder / "t.csv", "--labels", "kind")
    assert numpy.load(folder / "t.npy").tolist() == [[1, 2.5], [-300, 4]] and numpy.load(folder / "t_labels.npy").tolist() == [1, 0]


REFUSED = {
    "a word among numbers": ("t.csv", b"1,2\n3,x\n", BAD_INPUT, "row 2, column 1: x"),
    "a short row": ("t.csv", b"1,2\n3\n", BAD_INPUT, "row 2 has 1 columns"),
    "no such column": ("t.csv", b"a,b\n1,2\n", BAD_INPUT, "there is a, b"),
    "no numbers": ("t.csv", b"", BAD_INPUT, "no rows"),
    "no text": ("t.csv", b"\xff\xfe\0", BAD_INPUT, "no table"),
    "no CIFAR": ("t.bin", b"\x0b" + bytes(3072), BAD_INPUT, "3073"),
    "an image": ("t.png", b"\x89PNG", BAD_INPUT, "numpy.save"),
    "an array already": ("t", b"\x93NUMPY", BAD_INPUT, "as it is"),
    "no file": (None, b"", IO, "t.csv"),
}


@each(REFUSED)
def test_what_is_no_samples_is_refused_in_one_line(folder, name, content, code, word):
    if name:
        (folder / name).write_bytes(content)
    assert word in refused("to_npy.py", code, folder / (name or "t.csv"), "--labels", "missing" if word == "there is a, b" else "")


def test_an_output_that_is_there_is_kept(folder):
    (folder / "t.csv").write_text("1,2\n")
    (folder / "t.npy").write_text("mine")
    assert "--overwrite" in refused("to_npy.py", USAGE, folder / "t.csv")
    assert (folder / "t.npy").read_text() == "mine"
