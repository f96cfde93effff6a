"""Kernels of gradients that another program made: --factors, from HDF5 and from .npy files, against NumPy; and from a network by
jobs/factors.py, against the network's own kernel."""

import functools
import importlib
import re
import sys

import h5py
import numpy

from factors_job import BAD_INPUT, REDUCTIONS, STOPPED, USAGE, arrays, jacobian, made, many, random, write_hdf5, write_npy
from harness import JOBS, assert_close, each, kernel, need, tangram, write_h5


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
    g = random(7).normal(size=(2, 64, 1100))
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
