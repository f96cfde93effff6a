"""Kernels of gradients that another program made: --factors, from HDF5 and from .npy files, against NumPy; from a network by
jobs/factors.py, against the network's own kernel; and what is refused."""

import functools
import importlib
import re
import sys

import h5py
import numpy

from harness import JOBS, assert_close, each, kernel, need, tangram, write_h5

USAGE, BAD_INPUT, STOPPED = 2, 3, 75
random = numpy.random.default_rng


@functools.cache
def arrays(N=23, R=3, seed=0):
    """{tensor: {part: array}} of every form; the bias b has the sensitivities of w."""
    rng = random(seed)
    s = rng.normal(size=(N, R, 7))
    return {"w": {"x": rng.normal(size=(N, 11)), "s": s}, "b": {"s": s}, "c": {"g": rng.normal(size=(N, R, 4, 5))},
            "on positions": {"x": rng.normal(size=(N, 6, 9)), "s": rng.normal(size=(N, R, 6, 8))},
            "few positions": {"x": rng.normal(size=(N, 2, 90)), "s": rng.normal(size=(N, R, 2, 80))}}


def jacobian(parts):
    """(N, R, P) of one tensor."""
    if "x" not in parts:
        rows = parts.get("g", parts.get("s"))
        return rows.reshape(*rows.shape[:2], -1)
    product = "irj,ik->irjk" if parts["x"].ndim == 2 else "irpj,ipk->irjk"
    rows = numpy.einsum(product, parts["s"], parts["x"])
    return rows.reshape(*rows.shape[:2], -1)


def write_hdf5(path, tensors, dtype="f8"):
    with h5py.File(path, "w") as file:
        for name, parts in tensors.items():
            for part, values in parts.items():
                file[f"{name}/{part}"] = values.astype(dtype)
        if "b" in tensors and "w" in tensors:
            del file["b/s"]
            file["b/s"] = file["w/s"]
        file.attrs["tensors"] = list(tensors)
    return path


def write_npy(path, tensors, dtype="f8"):
    """A text beside .npy files; the bias names the weight's."""
    lines = ["# gradients"]
    for k, (name, parts) in enumerate(tensors.items()):
        words = [name.replace(" ", "_")]
        for part, values in parts.items():
            numpy.save(path.parent / f"{k}{part}.npy", values.astype(dtype))
            words.append(f"{part}={'0s' if name == 'b' else f'{k}{part}'}.npy")
        lines.append(" ".join(words))
    path.write_text("\n".join(lines) + "\n")
    return path


def made(factors, output, *words, ranks=1, precision="float64"):
    run = tangram("kernel", "--factors", factors, "--output", output, "--precision", precision, *words, *([] if "--threads" in words else ["--threads", 1]), ranks=ranks)
    assert run.code == 0 and not run.errors, run
    return h5py.File(output, "r")


REDUCTIONS = {
    "trace": lambda J: numpy.einsum("irp,jrp->ij", J, J),
    "mean": lambda J: numpy.einsum("irp,jrp->ij", J, J) / J.shape[1],
    "sum": lambda J: J.sum(1) @ J.sum(1).T,
    "full": lambda J: J.reshape(-1, J.shape[2]) @ J.reshape(-1, J.shape[2]).T,
}


@each({"trace, HDF5, 3 ranks": ("trace", write_hdf5, 3, "f8"), "full, .npy, 1 rank": ("full", write_npy, 1, "f8"),
       "mean, HDF5, 2 ranks, float32": ("mean", write_hdf5, 2, "f4"), "sum, .npy, 3 ranks, float16": ("sum", write_npy, 3, "f2")})
def test_the_kernel_of_factors_is_numpys(folder, reduction, write, ranks, dtype):
    tensors = {name: {part: values.astype(dtype).astype("f8") for part, values in parts.items()} for name, parts in arrays().items()}
    factors = write(folder / ("f.h5" if write is write_hdf5 else "f.txt"), tensors, dtype)
    precision = "float64" if dtype == "f8" else "float32"
    with made(factors, folder / "k.h5", "--tile", 8, "--reduction", reduction, ranks=ranks, precision=precision) as file:
        assert file.attrs["gradients"] == "given" and "outputs" not in file and "output_operator" not in file.attrs
        assert list(file["checks"].attrs["not_made"]) == ["finite differences", "outputs"] and file["checks"].attrs["passed"] == 1
        total = 0
        for name, parts in tensors.items():
            expected = REDUCTIONS[reduction](jacobian(parts))
            stored = name if write is write_hdf5 else name.replace(" ", "_")
            assert_close(file["components"][stored][:], expected, precision, name)
            total = total + expected
        assert_close(file["ntk"][:], total, precision, "ntk")
        forms = {name: file["components"][name].attrs.get("form", "outer") for name in file["components"]}
        assert {"outer", "rows"} <= set(forms.values()) and len(set(forms.values())) > 2, forms
        names = [line["name"] for line in map(__import__("json").loads, file["provenance"].attrs["inputs"])]
        assert any(name.endswith("0x.npy") for name in names) == (write is write_npy), names


def test_bits_do_not_depend_on_ranks_or_format_and_the_file_serves_every_command(folder):
    tensors = arrays()
    files = [made(write_hdf5(folder / "f.h5", tensors), folder / "1.h5", "--tile", 8),
             made(folder / "f.h5", folder / "3.h5", "--tile", 8, ranks=3)]
    assert (files[0]["ntk"][:] == files[1]["ntk"][:]).all()
    assert (files[0]["sample_hashes"][:] == files[1]["sample_hashes"][:]).all()
    for words in (("verify",), ("spectrum", "--of", "ntk"), ("check", "--all"), ("compare", f"{folder / '3.h5'}:ntk")):
        run = tangram(words[0], folder / "1.h5", *words[1:], "--threads", 1) if words[0] == "check" else tangram(words[0], folder / "1.h5", *words[1:])
        assert run.code == 0 and not run.errors, (words, run)
    with h5py.File(folder / "1.spectrum.h5") as spectrum:
        values = numpy.linalg.eigvalsh(files[0]["ntk"][:])
        numpy.testing.assert_allclose(spectrum["spectrum/ntk/eigenvalues"][:], values, atol=1e-10 * values[-1])


def test_test_factors_rows_and_chosen_tensors(folder):
    tensors, others = arrays(), arrays(9, seed=1)
    train, test = write_hdf5(folder / "f.h5", tensors), write_hdf5(folder / "t.h5", others)
    with made(train, folder / "k.h5", "--test", test, "--test-rows", "2:9", "--rows", "1:20", "--frozen", "on*", "--tile", 8, ranks=3) as file:
        J = {name: jacobian(parts)[1:20] for name, parts in tensors.items()}
        J_test = {name: jacobian(parts)[2:9] for name, parts in others.items()}
        counted = [name for name in tensors if name != "on positions"]
        assert sorted(file["components"]) == sorted(counted)
        assert_close(file["ntk"][:], sum(numpy.einsum("irp,jrp->ij", J_test[name], J[name]) for name in counted), "float64", "ntk")
        assert_close(file["diagonal"][:], sum((J_test[name]**2).sum((1, 2)) for name in counted), "float64", "diagonal")


def test_the_gram_of_parameters_of_factors(folder):
    tensors = {name: parts for name, parts in arrays().items() if name != "few positions"}
    with made(write_npy(folder / "f.txt", tensors), folder / "p.h5", "--space", "params", ranks=2) as file:
        names = [name.replace("_", " ") for name in file["parameter_blocks/tensor"].asstr()]
        J = numpy.concatenate([jacobian(tensors[name]) for name in names], 2).reshape(-1, sum(file["parameter_blocks/size"][:]))
        assert_close(file["parameter_gram"][:], J.T @ J, "float64", "J^T J")


def test_a_stopped_run_goes_on_and_other_factors_do_not(folder):
    path = write_hdf5(folder / "f.h5", arrays())
    words = ["kernel", "--factors", path, "--output", folder / "k.h5", "--tile", 4, "--threads", 1]
    assert tangram(*words, "--stop-after-tiles", 5, ranks=3).code == STOPPED
    assert tangram(*words, "--resume", ranks=2).code == 0
    with made(path, folder / "whole.h5", "--tile", 4, precision="float32") as whole, h5py.File(folder / "k.h5") as file:
        assert (file["ntk"][:] == whole["ntk"][:]).all()
    assert tangram(*words, "--overwrite", "--stop-after-tiles", 5).code == STOPPED
    with h5py.File(path, "r+") as file:
        file["w/x"][0, 0] += 1
    run = tangram(*words, "--resume")
    assert run.code == USAGE and "factors" in run.errors[0], run


def test_entries_of_extreme_size(folder):
    """1e-160 and 1e150 in one kernel: no overflow on the way, and float32 refuses what it cannot hold by tensor and sample."""
    s = numpy.ones((2, 1, 1))
    tensors = {"tiny": {"x": numpy.full((2, 1), 1e-160), "s": s * 1e-3}, "huge": {"g": numpy.full((2, 1, 3), 1e150)}}
    path = write_hdf5(folder / "f.h5", tensors)
    with made(path, folder / "k.h5") as file:
        numpy.testing.assert_allclose(file["ntk"][:], 3e300, rtol=1e-14)
    run = tangram("kernel", "--factors", path, "--output", folder / "n.h5")
    assert run.code == BAD_INPUT and "huge" in run.errors[0] and "--precision float64" in run.errors[0], run


# ---- too many to hold: read where they are multiplied


@functools.cache
def many(N=19, R=2, seed=5):
    """More than 65536 numbers a sample, in three tensors, the smallest of which is held."""
    rng = random(seed)
    return {"a": {"g": rng.normal(size=(N, R, 201, 97))}, "d": {"g": rng.normal(size=(N, R, 17001))}, "c": {"g": rng.normal(size=(N, R, 30))},
            "w": {"x": rng.normal(size=(N, 5)), "s": rng.normal(size=(N, R, 4))}}


@each({"trace, HDF5, 3 ranks": ("trace", write_hdf5, 3, "f8"), "full, .npy, 1 rank, float32": ("full", write_npy, 1, "f4"),
       "sum, HDF5, 2 ranks, float16": ("sum", write_hdf5, 2, "f2")})
def test_gradients_that_stay_in_their_file(folder, reduction, write, ranks, dtype):
    suffix = "h5" if write is write_hdf5 else "txt"
    as_stored = lambda tensors: {name: {part: v.astype(dtype).astype("f8") for part, v in parts.items()} for name, parts in tensors.items()}
    train, test = as_stored(many()), as_stored(many(6, seed=6))
    for name, tensors in (("f", train), ("t", test)):
        (folder / name).mkdir()
        write(folder / name / f"f.{suffix}", tensors, dtype)
    precision = "float64" if dtype == "f8" else "float32"
    words = ["--tile", 4, "--reduction", reduction]
    with made(folder / "f" / f"f.{suffix}", folder / "k.h5", *words, ranks=ranks, precision=precision) as file, \
            made(folder / "f" / f"f.{suffix}", folder / "1.h5", *words, "--memory", 1, "--threads", 2, precision=precision) as alone:
        for name, parts in train.items():
            assert_close(file["components"][name][:], REDUCTIONS[reduction](jacobian(parts)), precision, name)
            assert (file["components"][name][:] == alone["components"][name][:]).all(), name
        forms = {name: file["components"][name].attrs.get("form", "outer") for name in train}
        assert forms == {"a": "rows read", "d": "rows read", "c": "rows", "w": "outer"}, forms
    indices = write_h5(folder / "i.h5", i=numpy.array([5, 0, 1, 3]))
    with made(folder / "f" / f"f.{suffix}", folder / "t.h5", *words, "--test", folder / "t" / f"f.{suffix}", "--test-indices", f"{indices}:i",
              "--rows", "3:19", ranks=ranks, precision=precision) as file:
        whole = 0
        for name in train:
            J, J_test = jacobian(train[name])[3:], jacobian(test[name])[[5, 0, 1, 3]]
            both = REDUCTIONS[reduction](numpy.concatenate([J_test, J]))
            rows = 4 * (2 if reduction == "full" else 1)
            whole = whole + both[:rows, rows:]
        assert_close(file["ntk"][:], whole, precision, "ntk")


def test_the_gram_of_parameters_of_gradients_that_stay_in_their_file(folder):
    g = random(7).normal(size=(5, 64, 1100))
    with made(write_hdf5(folder / "f.h5", {"v": {"g": g}}), folder / "p.h5", "--space", "params", ranks=2) as file:
        J = g.reshape(-1, 1100)
        assert_close(file["parameter_gram"][:], J.T @ J, "float64", "J^T J")


def test_a_nan_among_gradients_that_stay_in_their_file_is_named(folder):
    tensors = many()
    g = tensors["d"]["g"].copy()
    g[7, 1, 16999] = numpy.nan
    path = write_hdf5(folder / "f.h5", tensors | {"d": {"g": g}})
    run = tangram("kernel", "--factors", path, "--output", folder / "k.h5", "--threads", 1, ranks=2)
    message = rf"row 7, column {17001 + 16999} holds nan \(.*f\.h5:d/g, \(19, 2, 17001\)\)"
    assert run.code == BAD_INPUT and len(run.errors) == 1 and re.search(message, run.errors[0]), run


def test_a_stopped_run_of_gradients_in_their_file_goes_on(folder):
    words = ["kernel", "--factors", write_hdf5(folder / "f.h5", many()), "--output", folder / "k.h5", "--tile", 4, "--threads", 1]
    assert tangram(*words, "--stop-after-tiles", 5, ranks=2).code == STOPPED
    assert tangram(*words, "--resume", ranks=3).code == 0
    with made(folder / "f.h5", folder / "whole.h5", "--tile", 4, precision="float32") as whole, h5py.File(folder / "k.h5") as file:
        assert (file["ntk"][:] == whole["ntk"][:]).all()


# ---- of a network


def from_jobs(module):
    if str(JOBS) not in sys.path:
        sys.path.append(str(JOBS))
    return importlib.import_module(module)


@each({"dense, float64": ("dense", True, 3), "dense, float32": ("dense", False, 1), "convolutions, float64": ("convolutions", True, 1),
       "shared weights, float64": ("shared", True, 3)})
def test_factors_that_a_script_took_of_a_network_give_the_networks_kernel(folder, name, double, ranks):
    torch = need("torch")
    need("onnx")
    import test_export
    torch.manual_seed(3)

    class Shared(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.twice, self.scale, self.last = torch.nn.Linear(6, 6), torch.nn.Parameter(torch.rand(6)), torch.nn.Linear(6, 3)

        def forward(self, x):
            return self.last(torch.tanh(self.twice(torch.tanh(self.twice(x)) * self.scale)))

    nn = torch.nn
    models = {"dense": lambda: nn.Sequential(nn.Linear(6, 9), nn.Tanh(), nn.Linear(9, 4, bias=False), nn.Softplus(), nn.Linear(4, 3)),
              "convolutions": lambda: nn.Sequential(nn.Conv2d(2, 5, 3, padding=1), nn.BatchNorm2d(5), nn.Tanh(), nn.Conv2d(5, 4, 3, stride=2),
                                                    nn.Softplus(), nn.Flatten(), nn.Linear(4 * 3 * 3, 3)),
              "shared": Shared}
    model = models[name]()
    samples = torch.rand(7, *((2, 8, 8) if name == "convolutions" else (6,)))
    model = (model.double() if double else model).eval()
    samples = samples.double() if double else samples
    from_jobs("factors").write(model, samples, folder / "f.h5")
    words, _ = test_export.exported(model, samples, folder / "net.onnx")
    place = words.index("--model")
    data = words[words.index("--data") + 1]
    precision = "float64" if double else "float32"
    with kernel(words[place + 1], data, folder / "n.h5", precision=precision) as network, \
            made(folder / "f.h5", folder / "k.h5", ranks=ranks, precision=precision) as given:
        assert sorted(network["components"]) == sorted(given["components"])
        for tensor in network["components"]:
            assert_close(given["components"][tensor][:], network["components"][tensor][:], precision, tensor)
        assert_close(given["ntk"][:], network["ntk"][:], precision, "ntk")


# ---- refused


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
