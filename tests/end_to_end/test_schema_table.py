"""The table of docs/kernel-file.md is what files made by the program hold: every dataset and attribute is in it, and nothing else."""

import re

import h5py
import numpy

from digits_kernel import DIGITS, MODEL, TANH
from harness import DATA, ROOT, kernel, once, tangram, write_h5

OF_HDF5 = {"CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST", "_Netcdf4Dimid", "_Netcdf4Coordinates"}
NAMED = {"components": "<tensor>", "conjugate_kernels": "<layer>", "component_diagonals": "<tensor>"}  # datasets called after what they are of
DIGIT_OPTIONS = [*TANH, "--labels", f"{DIGITS}:y"]


@once
def files(folder):
    """Paths of kernel files of every kind, which together hold all that a file can hold."""
    chosen = [*DIGIT_OPTIONS, "--rows", "0:12", "--tile", 5]
    with kernel(MODEL, f"{DIGITS}:x", folder / "outputs.h5", *TANH, "--rows", "0:40") as file:
        own = write_h5(folder / "own.h5", y=file["outputs"][:12], t=file["outputs"][20:30], numbers=numpy.eye(10)[numpy.arange(1797) % 10])
    test = ["--test", f"{DIGITS}:x", "--test-rows", "20:30", "--test-labels", f"{DIGITS}:y"]
    targets, test_targets = ["--targets", f"{own}:numbers"], ["--test-targets", f"{own}:numbers"]
    outputs, test_outputs = ["--expect-outputs", f"{own}:y"], ["--expect-test-outputs", f"{own}:t"]
    runs = {
        "square": [*chosen, *targets, *outputs, "--conjugate-kernels", "all", "--measure", "gram", "--top-neighbours", 2],
        "full": [*chosen, "--reduction", "full", "--measure", "basic"],
        "test": [*chosen, *test, *targets, *test_targets, *outputs, *test_outputs, "--measure", "gram", "--top-neighbours", 2],
        "params": [*chosen, "--space", "params", "--wrt", "4.*"],
        "none": [*chosen, "--store", "none", "--top-neighbours", 2],
        "projected": [*chosen, "--project-outputs", 3, "--seed", 4],
        "some outputs": [*chosen, "--outputs", "0,3"],
        "loss": [*chosen, "--reduction", "loss", "--loss", "cross-entropy"],
        "hessian": [*chosen, "--weights", "sqrt-hessian"],
    }
    for name, words in runs.items():
        kernel(MODEL, f"{DIGITS}:x", folder / f"{name}.h5", *words).close()
    kernel(DATA / "onnx/lenet.onnx", f"{DATA}/onnx/lenet.h5:x", folder / "graph.h5").close()
    random = numpy.random.default_rng(1)
    factors = write_h5(folder / "factors_in.h5", **{"a/x": random.normal(size=(9, 4)), "a/s": random.normal(size=(9, 3)), "b/g": random.normal(size=(9, 7))})
    assert tangram("kernel", "--factors", factors, "--output", folder / "factors.h5").code == 0
    return [folder / f"{name}.h5" for name in [*runs, "graph", "factors"]]


def as_in_the_table(path):
    """The table's name of an object: datasets that are called after a tensor or a layer have one line."""
    parts = path.strip("/").split("/")
    if parts[0] == "checksums" and len(parts) > 1 and parts[1] not in ("tile_row", "tile_column"):
        return "/checksums/<dataset>"
    if parts[0] in NAMED and len(parts) > 1:
        parts[1] = NAMED[parts[0]]
    return "/" + "/".join(parts)


@once
def found(folder):
    """{path as in the table: (whether it is a dataset, names of its attributes)} of all files together."""
    objects = {}
    for path in files():
        with h5py.File(path) as file:
            def look(name, item):
                is_dataset, attributes = objects.setdefault(as_in_the_table(name), (isinstance(item, h5py.Dataset), set()))
                attributes.update(set(item.attrs) - OF_HDF5)
            look("", file)
            file.visititems(look)
    return objects


def table():
    """{path: the words of its line that stand in backticks}"""
    page = (ROOT / "docs/kernel-file.md").read_text().split("## Datasets and attributes")[1]
    lines = {}
    for line in page.splitlines():
        cells = re.split(r"(?<!\\) \| ", line.strip("| "))
        if not line.startswith("| `/"):
            continue
        folder = ""
        for name in re.findall(r"`([^`]+)`", cells[0]):
            path = name if name.startswith("/") else f"{folder}/{name}"
            folder = path.rsplit("/", 1)[0]
            lines[path] = set(re.findall(r"`([^`]+)`", cells[-1]))
    return lines


def test_every_dataset_of_a_file_is_in_the_table(folder):
    missing = [path for path, (is_dataset, _) in found().items() if is_dataset and path not in table()]
    assert not missing, missing


def test_every_line_of_the_table_is_in_a_file(folder):
    absent = [path for path in table() if path not in found()]
    assert not absent, absent


def test_every_attribute_of_a_file_is_in_its_line(folder):
    lines = table()
    missing = {path: sorted(attributes - told_of(path, lines)) for path, (_, attributes) in found().items() if attributes - told_of(path, lines)}
    assert not missing, missing


def told_of(path, lines):
    """Attributes of a group without a line of its own are told with its datasets; those of all matrices and dimensions above the table."""
    within = [{"long_name", "symmetric"}]
    within += [told for other, told in lines.items() if other == path or (path not in lines and other.rsplit("/", 1)[0] == path)]
    return set().union(*within)


def test_every_attribute_of_the_table_is_in_a_file(folder):
    """A word of small letters in backticks is an attribute of the line's object, of its group or of a file's root, or a dataset."""
    objects = found()
    everywhere = {name for path in objects for name in path.strip("/").split("/")} | {"ntk", "targets"}
    for path, told in table().items():
        group = path.rsplit("/", 1)[0] or "/"
        there = set().union(*(objects[each][1] for each in (path, group) if each in objects)) | everywhere
        words = {word for word in told if re.fullmatch(r"[a-z][a-z_]*", word)}
        assert words <= there | {"full", "row", "column", "samples", "output", "verify"}, (path, sorted(words - there))
