"""`tangram kernel --space params`: J^T J against explicit Jacobians written here, against the spectrum of J J^T, on any number
of ranks, through stops and deaths, and what its file says of itself."""

import itertools

import h5py
import numpy

from bad_input_table import BAD_INPUT, NO_RESOURCES, USAGE
from harness import TANGRAM, TOLERANCE, assert_close, each, kernel, read_safetensors, tangram

FAULTY = TANGRAM.parent / "tests" / "tangram_with_faults"
CHECK_FAILED, STOPPED = 5, 75


def problem(folder, widths="6,9,3", samples=40):
    """A tanh network with biases, and its samples: the options that name them."""
    run = tangram("init", "--widths", widths, "--fan-in", "--output", folder / "m.safetensors", "--samples", samples, "--data",
                  folder / "d.h5")
    assert run.code == 0, run
    return folder / "m.safetensors", f"{folder}/d.h5:x"


def gram(folder, *options, output="g.h5", **how):
    return kernel(folder / "m.safetensors", f"{folder}/d.h5:x", folder / output, "--activation", "tanh", "--space", "params",
                  *options, **how)


def jacobian(folder):
    """(N, C, P) of the tanh network by backpropagation in NumPy, parameters as PyTorch orders them."""
    tensors = read_safetensors(folder / "m.safetensors")
    layers = [(tensors[name], tensors[name.replace("weight", "bias")]) for name in sorted(tensors) if "weight" in name]
    with h5py.File(folder / "d.h5") as file:
        x = file["x"][:].astype("f8")
    activations = [x]
    for W, B in layers[:-1]:
        activations.append(numpy.tanh(activations[-1] @ W.T + B))
    C = len(layers[-1][1])
    D = numpy.broadcast_to(numpy.eye(C), (len(x), C, C))
    parts = []
    for (W, _), X in zip(reversed(layers), reversed(activations)):
        parts = [numpy.einsum("irj,ik->irjk", D, X).reshape(len(x), C, -1), D] + parts
        D = (D @ W) * (1 - X**2)[:, None, :]
    return numpy.concatenate(parts, axis=2)


def reduced(J, reduction):
    """Rows of J whose products are the kernel's, and its factor."""
    N, C, P = J.shape
    if reduction == "sum":
        return J.sum(1), 1
    if reduction.isdigit():
        return J[:, int(reduction)], 1
    return J.reshape(N * C, P), 1 / C if reduction == "mean" else 1


def as_options(reduction):
    return ["--logit", reduction] if reduction.isdigit() else ["--reduction", reduction]


@each({f"{reduction}, {precision}, {ranks} ranks": (reduction, precision, ranks)
       for (reduction, ranks), precision in zip((("trace", 1), ("mean", 2), ("sum", 3), ("2", 4), ("trace", 3), ("1", 2)),
                                                itertools.cycle(("float64", "float32")))})
def test_it_is_that_of_the_explicit_jacobian(folder, reduction, precision, ranks):
    problem(folder)
    with gram(folder, *as_options(reduction), "--tile", 20, precision=precision, ranks=ranks) as file:
        rows, factor = reduced(jacobian(folder), reduction)
        assert_close(file["parameter_gram"][:], factor * rows.T @ rows, precision, "parameter_gram")
        assert (file["parameter_gram"][:] == file["parameter_gram"][:].T).all()
        assert file["checks"].attrs["passed"] == 1
        assert numpy.isclose(numpy.trace(file["parameter_gram"][:]), factor * (rows**2).sum(), rtol=TOLERANCE[precision])


@each({f"{reduction}, {'fewer' if samples > 20 else 'more'} parameters than rows": (reduction, samples)
       for reduction in ("trace", "0", "2") for samples in (80, 9)})
def test_it_shares_its_eigenvalues_with_the_kernel(folder, reduction, samples):
    """J J^T of all outputs has the eigenvalues of J^T J that sums over them, but for zeros."""
    model, data = problem(folder, samples=samples)
    of_samples = ["--reduction", "full"] if reduction == "trace" else as_options(reduction)
    kernel(model, data, folder / "k.h5", "--activation", "tanh", *of_samples, ranks=2).close()
    gram(folder, *as_options(reduction), ranks=2).close()
    found = []
    for name, matrix in (("k", "ntk"), ("g", "parameter_gram")):
        run = tangram("spectrum", folder / f"{name}.h5", ranks=2)
        assert run.code == 0 and matrix in run.stdout, run
        with h5py.File(folder / f"{name}.spectrum.h5") as file:
            found.append(file[f"spectrum/{matrix}/eigenvalues"][:][::-1])
    shared = min(map(len, found))
    largest = found[0][0]
    assert numpy.abs(found[0][:shared] - found[1][:shared]).max() <= 1e-10 * largest
    for values in found:
        assert numpy.abs(values[shared:]).max(initial=0) <= 1e-10 * largest
    assert shared > 20 or samples < 20


def test_ranks_threads_and_memory_change_no_bit(folder):
    problem(folder, widths="12,20,20,4", samples=1500)
    expected = None
    for number, (ranks, options) in enumerate(((1, []), (2, ["--threads", 2]), (3, ["--check-samples", 0]), (4, ["--memory", 0.25]),
                                               (9, ["--progress", "off"]))):
        threads = {} if "--threads" in options else {"threads": 1}
        if "--threads" in options:
            threads, options = {"threads": 2}, []
        with gram(folder, "--tile", 128, *options, precision="float32", ranks=ranks, output=f"{number}.h5", **threads) as file:
            bits = file["parameter_gram"][:].tobytes()
        expected = expected or bits
        assert bits == expected, f"other bits on {ranks} ranks with {options}"


@each({"fewer rows of J": (30, "samples"), "as many": (31, "params"), "more": (32, "params")})
def test_minima_takes_the_smaller_matrix(folder, samples, space):
    model, data = problem(folder, widths="4,5,1", samples=samples)  # 31 parameters
    with kernel(model, data, folder / "out.h5", "--activation", "tanh", "--space", "minima") as file:
        assert file.attrs["space"] == space and ("parameter_gram" in file) == (space == "params") == ("ntk" not in file)


@each({"one parameter": ("1,1", 1, 3), "one sample": ("5,4,2", 1, 4), "fewer tiles than ranks": ("2,2", 7, 4)})
def test_small_ones(folder, widths, samples, ranks):
    problem(folder, widths=widths, samples=samples)
    with gram(folder, ranks=ranks) as file:
        rows, _ = reduced(jacobian(folder), "trace")
        assert_close(file["parameter_gram"][:], rows.T @ rows, "float64", "parameter_gram")


def test_what_the_file_says_of_itself(folder):
    model, data = problem(folder)
    with h5py.File(folder / "d.h5", "r+") as file:
        file["y"] = numpy.arange(40) % 3
    with gram(folder, "--labels", f"{folder}/d.h5:y", "--tile", 32, ranks=3) as file:
        assert file.attrs["space"] == "params" and file.attrs["n_parameters"] == 93 and file.attrs["n_samples"] == 40
        blocks = file["parameter_blocks"]
        table = list(zip(blocks["tensor"].asstr()[:], blocks["first"][:], blocks["size"][:]))
        assert table == [("fc1.weight", 0, 54), ("fc1.bias", 54, 9), ("fc2.weight", 63, 27), ("fc2.bias", 90, 3)], table
        attributes = file["parameter_gram"].attrs
        assert table == list(zip(attributes["tensor"], attributes["first"], attributes["size"]))
        assert attributes["symmetric"] == 1 and "J^T J" in attributes["long_name"]
        assert [d[0].name for d in file["parameter_gram"].dims] == ["/row", "/column"]
        assert (file["row"][:] == numpy.arange(93)).all()
        assert file["outputs"].shape == (40, 3) and file["samples"].shape == (40,) and file["labels"].shape == (40,)
        assert 0 <= file["checks"].attrs["accuracy"] <= 1 and file["checks"].attrs["trace_error"] < 1e-12
        assert file["checks/component"].asstr()[:].tolist() == [name for name, _, _ in table]
        assert "components" not in file and "ntk" not in file
        assert (file["timing/peak_memory"][:] <= 1.1 * file["timing"].attrs["planned_memory"] + 200 * 2**20).all()
        outputs = file["outputs"][:]
    with kernel(model, data, folder / "k.h5", "--activation", "tanh") as file:
        assert numpy.abs(file["outputs"][:] - outputs).max() <= 1e-12


@each({f"{before} ranks, then {after}": (before, after) for before, after in ((1, 3), (4, 1), (3, 4))})
def test_stopped_and_killed_it_ends_with_the_same_bits(folder, before, after):
    problem(folder, widths="12,16,16,4", samples=300)
    with gram(folder, "--tile", 32, output="whole.h5", ranks=2) as file:
        expected = file["parameter_gram"][:].tobytes()
    words = ["kernel", "--model", folder / "m.safetensors", "--data", f"{folder}/d.h5:x", "--activation", "tanh", "--space", "params",
             "--precision", "float64", "--tile", 32, "--threads", 1, "--checkpoint-seconds", 0, "--output", folder / "g.h5"]
    run = tangram(*words, "--stop-after-tiles", 40, ranks=before)
    assert run.code == STOPPED and "40 of 171 tiles" in run.stderr, run
    run = tangram(*words[:7], "--space", "samples", *words[9:], "--resume", ranks=after)
    assert run.code == USAGE and len(run.errors) == 1 and "product" in run.errors[0], run
    run = tangram(*words, "--resume", "--max-seconds", 0, ranks=after)
    assert run.code == STOPPED, run
    run = tangram(*words, "--resume", ranks=before, program=FAULTY, extra={"TANGRAM_FAULT": f"assemble:{before - 1}:kill"})
    assert run.code == 137 and not (folder / "g.h5").exists(), run
    with gram(folder, "--tile", 32, "--resume", ranks=after) as file:
        assert file["parameter_gram"][:].tobytes() == expected
    run = tangram("verify", folder / "g.h5", ranks=after)
    assert run.code == 0 and "whole" in run.stdout, run


def flip(path, row, column):
    """One bit of one entry, past HDF5."""
    with h5py.File(path) as file:
        part = file["parameter_gram"]
        chunk = part.id.get_chunk_info_by_coord((row // part.chunks[0] * part.chunks[0], column // part.chunks[1] * part.chunks[1]))
        place = chunk.byte_offset + (row % part.chunks[0] * part.chunks[1] + column % part.chunks[1]) * part.dtype.itemsize
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def test_a_flipped_bit_is_found_by_its_tile(folder):
    problem(folder)
    gram(folder, "--tile", 20).close()
    flip(folder / "g.h5", 45, 3)
    run = tangram("verify", folder / "g.h5", ranks=2)
    assert run.code == CHECK_FAILED and len(run.errors) == 1 and "/parameter_gram" in run.errors[0], run


def test_check_finds_an_entry_that_was_changed_afterwards(folder):
    problem(folder)
    gram(folder, "--tile", 20).close()
    run = tangram("check", folder / "g.h5", ranks=2)
    assert run.code == 0 and "fc1.bias" in run.stdout, run
    with h5py.File(folder / "g.h5", "r+") as file:
        for place in ((45, 3), (3, 45)):
            file["parameter_gram"][place] += 1e-3
    run = tangram("check", folder / "g.h5", ranks=2)
    assert run.code == CHECK_FAILED and "probe" in run.errors[0], run


def test_relu_and_dead_units(folder):
    """A unit that no sample wakes: rows of zeros, which are right."""
    problem(folder, widths="6,9,3")
    with h5py.File(folder / "d.h5", "r+") as file:
        file["x"][:, 2] = 0
    with kernel(folder / "m.safetensors", f"{folder}/d.h5:x", folder / "g.h5", "--activation", "relu", "--space", "params", ranks=2) as file:
        assert (file["parameter_gram"][2] == 0).all() and file["checks"].attrs["passed"] == 1


@each({label: row for label, row in {
    "full": (["--space", "params", "--reduction", "full"], "--reduction full"),
    "full, where J^T J is smaller": (["--space", "minima", "--reduction", "full"], "--reduction full"),
    "conjugate kernels": (["--space", "params", "--conjugate-kernels", "all"], "--conjugate-kernels"),
    "no such space": (["--space", "weights"], "--space"),
    "a tile too large": (["--space", "params", "--tile", "9000"], "--tile")}.items()})
def test_what_has_no_meaning_is_refused(folder, options, word):
    model, data = problem(folder, samples=9000 if "9000" in options else 60, widths="100,100,3" if "9000" in options else "6,9,3")
    run = tangram("kernel", "--model", model, "--data", data, "--activation", "tanh", "--output", folder / "g.h5", *options, ranks=2)
    assert run.code == USAGE and len(run.errors) == 1 and word in run.errors[0], run
    assert not list(folder.glob("g.h5*"))


def test_an_overflow_is_told_before_anything_is_spent_on_it(folder):
    model, data = problem(folder)
    words = ["kernel", "--model", model, "--data", data, "--activation", "identity", "--data-scale", 1e25, "--space", "params",
             "--output", folder / "g.h5"]
    run = tangram(*words, ranks=3)
    assert run.code == BAD_INPUT and len(run.errors) == 1 and "fc1.weight" in run.errors[0] and "float64" in run.errors[0], run
    assert not list(folder.glob("g.h5*"))
    run = tangram(*words, "--precision", "float64", ranks=3)
    assert run.code == 0, run


def test_it_is_not_compared_with_kernels(folder):
    problem(folder)
    gram(folder).close()
    run = tangram("compare", folder / "g.h5", f"{folder}/d.h5:x", ranks=2)
    assert run.code == BAD_INPUT and "J^T J" in run.errors[0], run


@each({"twenty thousand parameters": ("100,179,10", 20000, [], "of all samples"), "little memory": ("100,179,10", 200000, ["--memory", "0.5"], "passes")})
def test_a_dry_run_plans_it(folder, widths, samples, options, word):
    model, data = problem(folder, widths=widths, samples=samples)
    run = tangram("kernel", "--model", model, "--data", data, "--activation", "tanh", "--space", "params", "--output", folder / "g.h5",
                  "--dry-run", "--threads", 1, *options, ranks=2)
    assert run.code == 0 and not run.errors, run
    assert "19879 parameters, trace of 10 outputs, in 26 panels of 768" in run.stdout and word in run.stdout, run.stdout
    assert not list(folder.glob("g.h5*"))


def test_too_little_memory_is_refused(folder):
    model, data = problem(folder, widths="100,179,10")
    run = tangram("kernel", "--model", model, "--data", data, "--activation", "tanh", "--space", "params", "--output", folder / "g.h5",
                  "--memory", 0.04, ranks=2)
    assert run.code == NO_RESOURCES and len(run.errors) == 1 and "--threads" in run.errors[0], run
