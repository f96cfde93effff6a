"""Nothing named inside a file makes the program read outside the folder of that file, but for HDF5's external links, which it names.

The files that must not be read hold the right numbers, so that a run that read them would end well.
"""

import json
import os
import re
import shutil
import subprocess
import zipfile

import h5py
import numpy

from bad_input_table import BAD_INPUT
from harness import Skip, assert_close, each, gram, tangram, write_safetensors

WEIGHTS = numpy.array([[1.0, -2, 0.5], [0.25, 3, -1]])
SAMPLES = numpy.arange(15.0).reshape(5, 3) / 7 - 1
# One layer of two outputs without a bias: the trace over outputs of J J^T is twice x x^T.
KERNEL = 2 * gram(SAMPLES)


def places(folder):
    """(the folder of the file that is named, another one beside it)"""
    inside, outside = folder / "inside", folder / "outside"
    inside.mkdir()
    outside.mkdir()
    return inside, outside


def good_model(folder):
    return write_safetensors(folder / "good.safetensors", {"fc.weight": WEIGHTS}, "F64")


def good_data(folder):
    numpy.save(folder / "good.npy", SAMPLES)
    return folder / "good.npy"


def run(folder, model, data, *options):
    return tangram("kernel", "--model", model, "--data", data, "--output", folder / "out.h5", "--precision", "float64", "--overwrite", *options)


def assert_right(folder, done):
    assert done.code == 0, done
    with h5py.File(folder / "out.h5") as file:
        assert_close(file["ntk"][:], KERNEL, "float64", "ntk")


def assert_refused(done, *words):
    assert done.code == BAD_INPUT, done
    (line,) = done.errors
    for word in words:
        assert word in line, line
    return line


# ---- ways to leave a file: each writes the dataset `name` of `path` with its values in `other`


def external_link(path, name, values, other):
    with h5py.File(other, "w") as file:
        file["x"] = values
    with h5py.File(path, "a") as file:
        file[name] = h5py.ExternalLink(os.path.relpath(other, path.parent), "/x")


def virtual(reference):
    def write(path, name, values, other):
        with h5py.File(other, "w") as file:
            file["x"] = values
        layout = h5py.VirtualLayout(values.shape, "f8")
        layout[:] = h5py.VirtualSource(reference(other, path.parent), "x", values.shape)
        with h5py.File(path, "a") as file:
            file.create_virtual_dataset(name, layout)
    return write


def raw(reference):
    def write(path, name, values, other):
        other.write_bytes(values.astype("<f8").tobytes())
        with h5py.File(path, "a") as file:
            file.create_dataset(name, values.shape, "<f8", external=[(reference(other, path.parent), 0, h5py.h5f.UNLIMITED)])
    return write


def virtual_of_virtual(path, name, values, other):
    """A source in the folder that has its own source outside."""
    virtual(os.path.relpath)(path.parent / "between.h5", "x", values, other)
    layout = h5py.VirtualLayout(values.shape, "f8")
    layout[:] = h5py.VirtualSource("between.h5", "x", values.shape)
    with h5py.File(path, "a") as file:
        file.create_virtual_dataset(name, layout)


def absolute(path, _):
    return str(path)


FORBIDDEN = {"a virtual dataset, by a path that is absolute": virtual(absolute), "a virtual dataset, by ..": virtual(os.path.relpath),
             "a virtual dataset of a virtual one": virtual_of_virtual,
             "raw storage, by a path that is absolute": raw(absolute), "raw storage, by ..": raw(os.path.relpath)}
ROLES = {"samples": ("data", "x", SAMPLES), "a model": ("model", "fc/weight", WEIGHTS)}


def inputs(folder, role, path):
    """(model, data), one of which is the file in question."""
    return (path, good_data(folder)) if role == "model" else (good_model(folder), f"{path}:x")


@each({f"{what}: {kind}": (*of, write) for what, of in ROLES.items() for kind, write in FORBIDDEN.items()})
def test_values_outside_the_folder_are_refused(folder, role, name, values, write):
    inside, outside = places(folder)
    write(inside / "in.h5", name, values, outside / "secret.bin")
    assert_refused(run(folder, *inputs(folder, role, inside / "in.h5")), "outside the folder", f"h5repack -l CONTI {inside}/in.h5")


@each({f"{what}, by {kind}": (*of, write) for what, of in ROLES.items() for kind, write in {"a virtual dataset": virtual, "raw storage": raw}.items()})
def test_the_line_leads_to_a_file_that_is_read(folder, role, name, values, write):
    if shutil.which("h5repack") is None:
        raise Skip("no h5repack here: apt install hdf5-tools")
    inside, outside = places(folder)
    write(absolute)(inside / "in.h5", name, values, outside / "values.bin")
    line = assert_refused(run(folder, *inputs(folder, role, inside / "in.h5")), "h5repack")
    words = re.search(r"h5repack [^\n]*", line)[0].replace("NEW.h5", str(folder / "new.h5")).split()
    subprocess.run(words, check=True, capture_output=True, timeout=60)
    assert_right(folder, run(folder, *inputs(folder, role, folder / "new.h5")))


@each({what: of for what, of in ROLES.items()})
def test_an_external_link_leads_anywhere_and_is_named(folder, role, name, values):
    inside, outside = places(folder)
    external_link(inside / "in.h5", name, values, outside / "elsewhere.h5")
    done = run(folder, *inputs(folder, role, inside / "in.h5"))
    assert_right(folder, done)
    assert "elsewhere.h5" in done.stderr, done.stderr


@each({what: of for what, of in ROLES.items()})
def test_a_virtual_dataset_in_the_folder_is_read_and_its_sources_named(folder, role, name, values):
    inside, _ = places(folder)
    virtual(lambda other, _: other.name)(inside / "in.h5", name, values, inside / "part.h5")
    done = run(folder, *inputs(folder, role, inside / "in.h5"))
    assert_right(folder, done)
    assert "part.h5" in done.stderr, done.stderr


@each({"labels": ("--labels", numpy.arange(5.0)), "outputs": ("--expect-outputs", SAMPLES @ WEIGHTS.T), "row numbers": ("--indices", numpy.arange(5))})
def test_what_else_is_given_is_held_to_the_same(folder, option, values):
    inside, outside = places(folder)
    external_link(inside / "link.h5", "y", values, outside / "elsewhere.h5")
    done = run(folder, good_model(folder), good_data(folder), option, f"{inside / 'link.h5'}:y")
    assert_right(folder, done)
    assert "elsewhere.h5" in done.stderr, done.stderr
    virtual(absolute)(inside / "virtual.h5", "y", values, outside / "elsewhere.h5")
    assert_refused(run(folder, good_model(folder), good_data(folder), option, f"{inside / 'virtual.h5'}:y"), "outside the folder")


@each({what: of for what, of in ROLES.items()})
def test_a_source_that_is_not_there_is_no_zeros(folder, role, name, values):
    inside, _ = places(folder)
    virtual(lambda other, _: other.name)(inside / "in.h5", name, values, inside / "part.h5")
    (inside / "part.h5").unlink()
    assert_refused(run(folder, *inputs(folder, role, inside / "in.h5")), "part.h5", "not there")


# ---- an index of safetensors files


@each({name: (name,) for name in ("../part.safetensors", "{outside}/part.safetensors", "sub/part.safetensors", "..", ".", "", "a\0b", "sub/../part")})
def test_an_index_names_files_of_its_folder_only(folder, name):
    inside, outside = places(folder)
    (inside / "sub").mkdir()
    for place in (folder, outside, inside / "sub"):
        write_safetensors(place / "part.safetensors", {"fc.weight": WEIGHTS}, "F64")
    index = inside / "m.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"fc.weight": name.format(outside=outside)}}))
    assert_refused(run(folder, index, good_data(folder)), "m.safetensors.index.json", "no file of its own folder")


def test_a_part_that_the_user_linked_into_the_folder_is_read(folder):
    """As the caches of model hubs are laid out: the name is plain, and what it leads to is the user's own."""
    inside, outside = places(folder)
    write_safetensors(outside / "blob", {"fc.weight": WEIGHTS}, "F64")
    (inside / "m-00001-of-00001.safetensors").symlink_to(outside / "blob")
    index = inside / "m.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"fc.weight": "m-00001-of-00001.safetensors"}}))
    assert_right(folder, run(folder, index, good_data(folder)))


# ---- a .keras archive holds its weights itself

CONFIG = {"class_name": "Sequential", "config": {"layers": [{"class_name": "Dense", "name": "fc", "config": {"activation": "linear"}}]}}


def keras(path, weights, **members):
    with zipfile.ZipFile(path, "w") as file:
        for name, text in {"config.json": json.dumps(CONFIG), "metadata.json": '{"keras_version": "3.3.3"}', **members}.items():
            file.writestr(name, text)
        file.writestr("model.weights.h5", weights.read_bytes())
    return path


def linked_layer(path, _, values, other):
    """The whole layer behind a link, in the layout that names its layers."""
    with h5py.File(other, "w") as file:
        file["fc/kernel:0"] = values
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"fc"]
        file["fc"] = h5py.ExternalLink(str(other), "/")


@each({kind: (write,) for kind, write in {**FORBIDDEN, "an external link to a layer": linked_layer}.items()})
def test_an_archive_holds_its_weights_itself(folder, write):
    inside, outside = places(folder)
    write(inside / "w.h5", "layers/dense/vars/0", WEIGHTS.T.copy(), outside / "secret.bin")
    model = keras(inside / "m.keras", inside / "w.h5")
    assert_refused(run(folder, model, good_data(folder)), "m.keras")


def test_members_of_an_archive_are_read_by_name_and_written_nowhere(folder):
    inside, outside = places(folder)
    with h5py.File(inside / "w.h5", "w") as file:
        file["layers/dense/vars/0"] = WEIGHTS.T
    before = sorted(folder.rglob("*"))
    model = keras(inside / "m.keras", inside / "w.h5", **{"../../escaped": "x", str(outside / "escaped"): "x"})
    done = run(folder, model, good_data(folder))
    assert_right(folder, done)
    assert sorted(set(folder.rglob("*")) - set(before)) == sorted([model, folder / "good.npy", folder / "out.h5"])
