"""What files of factors may hold, how they and their tensors may be called, and what is refused: --factors."""

import re

import h5py
import numpy

from factors_job import BAD_INPUT, REDUCTIONS, USAGE, arrays, jacobian, made, many, random, write_hdf5
from harness import assert_close, each, tangram, write_h5


def without(tensors, name, part):
    return {tensor: {key: values for key, values in parts.items() if (tensor, key) != (name, part)} for tensor, parts in tensors.items()}


def small():
    rng = random(2)
    return {"w": {"x": rng.normal(size=(4, 3)), "s": rng.normal(size=(4, 2, 2))}, "v": {"g": rng.normal(size=(4, 2, 5))}}


def changed(name, part, values):
    tensors = small()
    tensors.setdefault(name, {})[part] = values
    return tensors


BAD = {
    "x without s": (without(small(), "w", "s"), r"w has x and no s \(.*f\.h5:w/x\)"),
    "g beside x": (changed("w", "g", numpy.ones((4, 2, 6))), "has g and x or s"),
    "other samples": (changed("v", "g", numpy.ones((5, 2, 5))), r"of 4 samples \(.*f\.h5:w/s, \(4, 2, 2\)\), where those of v are of 5"),
    "other rows": (changed("v", "g", numpy.ones((4, 3, 5))), r"of 2 rows a sample \(.*:w/s, \(4, 2, 2\)\), where those of v have 3"),
    "s of other positions": (changed("w", "x", numpy.ones((4, 6, 3))), r"s of 3 dimensions, where x has 3 \(.*:w/s"),
    "one dimension": (changed("v", "g", numpy.ones(4)), r"one dimension only \(.*:v/g, \(4\)\)"),
    "nothing in it": (changed("v", "g", numpy.ones((4, 2, 0))), r"nothing in it \(.*:v/g, \(4, 2, 0\)\)"),
    "no tensors": ({"other": {"y": numpy.ones(3)}}, r"no factors in it \(.*f\.h5\)"),
    "NaN": (changed("v", "g", numpy.where(numpy.arange(40).reshape(4, 2, 5) == 23, numpy.nan, 1.0)), r"row 2, column 3 holds nan \(.*:v/g, \(4, 2, 5\)\)"),
    "infinite": (changed("w", "x", numpy.where(numpy.arange(12).reshape(4, 3) == 5, numpy.inf, 1.0)), r"row 1, column 2 holds inf \(.*:w/x, \(4, 3\)\)"),
}


@each(BAD)
def test_bad_factors_are_named_by_file_dataset_and_shape(folder, tensors, message):
    with h5py.File(folder / "f.h5", "w") as file:
        for name, parts in tensors.items():
            for part, values in parts.items():
                file[f"{name}/{part}"] = values
    run = tangram("kernel", "--factors", folder / "f.h5", "--output", folder / "k.h5")
    assert run.code == BAD_INPUT and len(run.errors) == 1 and re.search(message, run.errors[0]), run
    assert not (folder / "k.h5.partial").exists()


def twice_named(file):
    file["g"], file["parameters/g"] = numpy.ones((4, 2, 3)), numpy.ones((4, 2, 3))


def group_of_another_file(file):
    with h5py.File(file.filename.replace("f.h5", "other.h5"), "w") as other:
        other["g"] = numpy.ones((4, 2, 3))
    file["a/g"], file["b"] = numpy.ones((4, 2, 3)), h5py.ExternalLink("other.h5", "/")


def group_with_two_names(file):
    file["a/g"] = numpy.ones((4, 2, 3))
    file["b"] = file["a"]


def order_of_numbers(file):
    file["a/g"] = numpy.ones((4, 2, 3))
    file.attrs["tensors"] = [0]


def order_with_a_name_twice(file):
    file["a/g"], file["b/g"] = numpy.ones((4, 2, 3)), numpy.ones((4, 2, 5))
    file.attrs["tensors"] = ["a", "b", "a"]


def order_with_a_name_of_none(file):
    file["a/g"] = numpy.ones((4, 2, 3))
    file.attrs["tensors"] = ["a", "c"]


@each({"g twice": (twice_named, r"g of the tensor parameters is there twice"), "another file's group": (group_of_another_file, r"a link leads to a group .*f\.h5:b"),
       "a group by two names": (group_with_two_names, r"a link leads to a group .*f\.h5:[ab]"),
       "an order of numbers": (order_of_numbers, r"the attribute `tensors` is no list of names \(.*f\.h5\)"),
       "a name twice": (order_with_a_name_twice, r"`tensors` names a twice \(.*f\.h5\)"),
       "a name of none": (order_with_a_name_of_none, r"`tensors` names c, which has no group \(.*f\.h5\)")})
def test_no_tensor_is_left_out_without_a_word(folder, write, message):
    with h5py.File(folder / "f.h5", "w") as file:
        write(file)
    run = tangram("kernel", "--factors", folder / "f.h5", "--output", folder / "k.h5")
    assert run.code == BAD_INPUT and len(run.errors) == 1 and re.search(message, run.errors[0]), run


def test_tensors_may_be_called_as_their_parts_are_and_have_an_order_in_texts_of_one_length(folder):
    tensors = small()
    called = {"x": tensors["w"], "layer/g": tensors["v"], "s/x": {"s": random(3).normal(size=(4, 2, 3))}}
    order = ["s/x", "x", "layer/g"]
    with h5py.File(folder / "f.h5", "w") as file:
        for name, parts in called.items():
            for part, values in parts.items():
                file[f"{name}/{part}"] = values
        file.attrs["tensors"] = numpy.array(order, "S")
    with made(folder / "f.h5", folder / "k.h5", "--space", "params") as file:
        assert list(file["parameter_blocks/tensor"].asstr()) == order
        J = numpy.concatenate([jacobian(called[name]) for name in order], 2).reshape(8, -1)
        assert_close(file["parameter_gram"][:], J.T @ J, "float64", "J^T J")


def test_datasets_that_are_no_part_of_a_tensor_are_named(folder):
    write_hdf5(folder / "f.h5", small())
    with h5py.File(folder / "f.h5", "a") as file:
        file["w/bias"], file["a\x1b[31m"] = numpy.ones(3), numpy.ones(2)
    run = tangram("kernel", "--factors", folder / "f.h5", "--output", folder / "k.h5", "--threads", 1)
    told = [line for line in run.stderr.splitlines() if "left out" in line]
    assert run.code == 0 and len(told) == 1 and told[0].endswith("f.h5: datasets are not called x, s or g and left out: a?[31m, w/bias"), run


def test_control_characters_in_names_do_not_reach_the_terminal(folder):
    name = "a\x1b[31mb\x07"
    write_hdf5(folder / "f.h5", {name: {"g": random(1).normal(size=(5, 2, 3))}, "c": {"g": random(2).normal(size=(5, 2, 6))}})
    with h5py.File(folder / "huge.h5", "w") as file:
        file[f"{name}/g"] = numpy.full((5, 2, 3), 1e30)
    words = ["--output", folder / "k.h5", "--threads", 1, "--precision", "float32"]
    runs = [tangram("kernel", "--factors", folder / "f.h5", *words), tangram("check", folder / "k.h5"), tangram("verify", folder / "k.h5"),
            tangram("kernel", "--factors", folder / "huge.h5", *words, "--overwrite"),
            tangram("kernel", "--factors", folder / "huge.h5", *words, "--overwrite", "--space", "params")]
    assert [run.code for run in runs] == [0, 0, 0, BAD_INPUT, BAD_INPUT], runs
    for run in runs:
        assert not set(run.stdout + run.stderr) & {"\x1b", "\x07"}, run
    assert "a?[31mb?" in runs[0].stdout and "a?[31mb?" in runs[1].stdout, runs
    for run in runs[3:]:
        assert len(run.errors) == 1 and "a?[31mb?" in run.errors[0], run
    with h5py.File(folder / "f.h5") as file:
        assert name in file


@each({"an entry": (3e20, "trace"), "a gradient": (1e39, "full")})
def test_what_overflows_float32_among_gradients_in_their_file_is_named_by_tensor(folder, size, reduction):
    tensors = many()
    path = write_hdf5(folder / "f.h5", tensors | {"d": {"g": size * tensors["d"]["g"]}})
    run = tangram("kernel", "--factors", path, "--output", folder / "k.h5", "--reduction", reduction, "--threads", 1, ranks=2)
    message = r"the kernel of d between samples \d+ to \d+ and \d+ to \d+ has an entry beyond float32: use --precision float64"
    assert run.code == BAD_INPUT and len(run.errors) == 1 and re.search(message, run.errors[0]), run


def test_datasets_of_two_files_are_two_though_they_begin_alike(folder):
    rng = random(8)
    x, s, own = rng.normal(size=(6, 3)), rng.normal(size=(6, 2, 4)), rng.normal(size=(6, 2, 4))
    for name, values in (("a.h5", s), ("b.h5", own)):
        write_h5(folder / name, s=values)
    with h5py.File(folder / "f.h5", "w") as file:
        file["w/x"], file["w/s"], file["b/s"] = x, h5py.ExternalLink("a.h5", "/s"), h5py.ExternalLink("b.h5", "/s")
    with made(folder / "f.h5", folder / "k.h5") as file:
        assert_close(file["components/b"][:], REDUCTIONS["trace"](own), "float64", "b")


def test_a_test_bias_is_its_own_where_only_the_training_set_ties_it(folder):
    tensors, others = arrays(), {name: dict(parts) for name, parts in arrays(9, seed=1).items()}
    others["b"] = {"s": random(9).normal(size=(9, 3, 7))}
    train = write_hdf5(folder / "f.h5", tensors)
    with h5py.File(folder / "t.h5", "w") as file:
        for name, parts in others.items():
            for part, values in parts.items():
                file[f"{name}/{part}"] = values
        file.attrs["tensors"] = list(others)
    with made(train, folder / "k.h5", "--test", folder / "t.h5") as file:
        expected = numpy.einsum("irp,jrp->ij", jacobian(others["b"]), jacobian(tensors["b"]))
        assert_close(file["components/b"][:], expected, "float64", "b")


@each({"no such file": ("w x=a.npy s=b.npy", BAD_INPUT, r"no such file \(.*b\.npy\)"), "no file": ("w", BAD_INPUT, r"line 1 names no file for 'w'"),
       "another part": ("w y=a.npy", BAD_INPUT, r"line 1 has 'y=a.npy'"), "twice": ("v g=g.npy\nv g=g.npy", BAD_INPUT, "line 2 has the tensor v again"),
       "control characters": ("v\tg=g\x1b.npy\r", BAD_INPUT, "line 1 is no text"),
       "objects": ("v g=objects.npy", BAD_INPUT, r"objects\.npy"), "texts": ("v g=texts.npy", BAD_INPUT, r"texts\.npy"),
       "empty": ("", BAD_INPUT, "is empty"), "truths": ("v g=truths.npy", BAD_INPUT, r"truth values are no gradients \(.*truths\.npy, \(4, 2, 5\)\)")})
def test_bad_lines_are_named(folder, text, code, message):
    numpy.save(folder / "g.npy", numpy.ones((4, 2, 5)))
    numpy.save(folder / "objects.npy", numpy.array([{}, {}], dtype=object), allow_pickle=True)
    numpy.save(folder / "texts.npy", numpy.array(["a", "b"]))
    numpy.save(folder / "truths.npy", numpy.ones((4, 2, 5), bool))
    (folder / "f.txt").write_text(text)
    run = tangram("kernel", "--factors", folder / "f.txt", "--output", folder / "k.h5")
    assert run.code == code and len(run.errors) == 1 and re.search(message, run.errors[0]), run


def test_fortran_order_is_read_as_numpy_reads_it(folder):
    g = random(4).normal(size=(6, 2, 5))
    numpy.save(folder / "g.npy", numpy.asfortranarray(g))
    (folder / "f.txt").write_text("v g=g.npy\n")
    with made(folder / "f.txt", folder / "k.h5") as file:
        assert_close(file["ntk"][:], REDUCTIONS["trace"](g), "float64", "ntk")


@each({"--model": ["--model", "m.h5"], "--data": ["--data", "x.h5"], "--activation": ["--activation", "tanh"],
       "--expect-outputs": ["--expect-outputs", "y.h5"], "--weights": ["--weights", "sqrt-hessian"], "--conjugate-kernels": ["--conjugate-kernels", "all"],
       "--reduction loss": ["--reduction", "loss", "--loss", "mse", "--labels", "y.h5"], "--data-scale": ["--data-scale", "2"], "--value": ["--value", "z"]})
def test_what_needs_a_network_is_refused_by_name(folder, *words):
    run = tangram("kernel", "--factors", "f.h5", "--output", folder / "k.h5", *words)
    assert run.code == USAGE and re.match(rf"{words[0]}\b.* needs a network", run.errors[0]), run


def test_test_factors_must_be_of_the_same_tensors(folder):
    write_hdf5(folder / "f.h5", small())
    write_hdf5(folder / "t.h5", changed("v", "g", numpy.ones((4, 2, 6))))
    run = tangram("kernel", "--factors", folder / "f.h5", "--test", folder / "t.h5", "--output", folder / "k.h5")
    assert run.code == BAD_INPUT and re.search(r"v \(6\) \(.*t\.h5\), where those of the samples have v \(5\)", run.errors[0]), run
