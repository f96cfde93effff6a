"""`tangram compare` of a kernel of test samples against training samples: every difference that is put in on purpose is named, as for
a square kernel, and a transposed one is told from one that is in another order."""

import itertools
import re
import shutil

import h5py
import numpy

from harness import kernel, once, tangram

EQUAL, BAD_INPUT, DIFFERENT = 0, 3, 5
WIDTHS, M, N = (6, 12, 9, 4), 21, 43
C = WIDTHS[-1]
BIASES = [f"fc{layer}.bias" for layer in range(1, len(WIDTHS))]


def compute(folder, path, precision, options):
    """(kernel, {tensor: component}) of the samples beside, whose file is written to `path`."""
    data = folder / "d.h5"
    with kernel(folder / "m.safetensors", f"{data}:train", path, "--activation", "tanh", "--test", f"{data}:test", "--labels",
                f"{data}:train_y", "--test-labels", f"{data}:test_y", "--tile", 8, *options, ranks=2, precision=precision) as file:
        return file["ntk"][:].astype("f8"), {name: part[:].astype("f8") for name, part in file.get("components", {}).items()}


@once
def made(folder, M, N):
    """A network with random weights and two sets of samples."""
    run = tangram("init", "--widths", ",".join(map(str, WIDTHS)), "--output", folder / "m.safetensors", "--samples", M + N, "--data",
                  folder / "all.h5", "--fan-in")
    assert run.code == 0, run
    with h5py.File(folder / "all.h5") as file, h5py.File(folder / "d.h5", "w") as parts:
        parts["test"], parts["train"] = file["x"][:M], file["x"][M:]
        random = numpy.random.default_rng(6)
        parts["test_y"], parts["train_y"] = random.integers(0, C, M), random.integers(0, C, N)
    return folder


@once
def computed(folder, M, N, precision, options):
    """(path, kernel, {tensor: component})"""
    return folder / "k.h5", *compute(made(M, N), folder / "k.h5", precision, options)


class Job:
    """The network, its samples, and the file of their kernel in float64."""

    def __init__(self, folder, *options, M=M, N=N, precision="float64"):
        self.folder, self.M, self.N, self.precision = folder, M, N, precision
        self.path, self.K, self.parts = computed(M, N, precision, options)

    def compute(self, path, *options):
        return compute(made(self.M, self.N), path, self.precision, options)

    def run(self, other, *options, ranks=1, dtype="f8"):
        numpy.save(self.folder / "other.npy", numpy.asarray(other, dtype))
        return tangram("compare", self.path, self.folder / "other.npy", *options, ranks=ranks)

    def compare(self, other, *options, **settings):
        """(exit code, verdict)"""
        run = self.run(other, *options, **settings)
        assert run.code in (EQUAL, DIFFERENT) and not run.errors, run
        verdict = run.stdout.splitlines()[0]
        assert (run.code == EQUAL) == verdict.startswith("equal"), (run.code, verdict)
        return run.code, verdict


def shuffled(n, seed):
    return numpy.random.default_rng(seed).permutation(n)


ROWS, COLUMNS = shuffled(M, 1), shuffled(N, 2)

# what is done to the kernel, and how the verdict begins
CHANGES = {
    "nothing": (lambda job: job.K, "equal, to the last bit"),
    "a factor": (lambda job: 3 * job.K, "factor 3.000000 for all entries"),
    "the mean of outputs": (lambda job: job.K / C, r"mean over outputs, where this kernel has their sum"),
    "a factor 1/M": (lambda job: job.K / M, rf"factor 0.04761905 for all entries = 1/M \(M = {M}\)"),
    "no biases": (lambda job: job.K - sum(job.parts[name] for name in BIASES), f"missing {', '.join(BIASES)}, all biases"),
    "one bias missing": (lambda job: job.K - job.parts["fc2.bias"], "missing fc2.bias$"),
    "one weight doubled": (lambda job: job.K + job.parts["fc2.weight"], "doubled fc2.weight$"),
    "a component over its fan-in": (lambda job: job.K - 5 / 6 * job.parts["fc1.weight"], "scaled fc1.weight by 0.1666667 = 1/fan_in"),
    "an offset": (lambda job: job.K + 1.5, "offset 1.500000 in every entry"),
    "a constant": (lambda job: numpy.ones_like(job.K), "residual: a constant, 1.000000"),
    "rows permuted": (lambda job: job.K[ROWS], rf"order of the rows: .*its row 0 is row {ROWS[0]} here.*; in the same order it is equal"),
    "columns permuted": (lambda job: job.K[:, COLUMNS], rf"order of the columns: .*its column 0 is column {COLUMNS[0]} here"),
    "both permuted": (lambda job: job.K[ROWS][:, COLUMNS],
                      rf"order of the rows and of the columns: .*its row 0 is row {ROWS[0]} here.*its column 0 is column {COLUMNS[0]} here"),
    "rows centred": (lambda job: job.K - job.K.mean(1, keepdims=True), "centred by rows alone: every row's mean"),
    "columns centred": (lambda job: job.K - job.K.mean(0), "centred by columns alone: every column's mean"),
    "both centred": (lambda job: job.K - job.K.mean(0) - job.K.mean(1, keepdims=True) + job.K.mean(), "centred by rows and columns"),
    "transposed": (lambda job: job.K.T, "transposed: its rows are the columns here; read so it is equal, to the last bit"),
    "transposed without a bias": (lambda job: (job.K - job.parts["fc1.bias"]).T, "transposed: .*; read so it is missing fc1.bias"),
    "transposed, permuted": (lambda job: job.K[ROWS].T, "transposed: .*; read so it is order of the rows"),
    "a part": (lambda job: job.K[3:15, 7:40], "part of this kernel: its rows 3 to 14 and columns 7 to 39; there it is equal"),
    "a part, transposed": (lambda job: job.K[3:15, 7:40].T, "transposed: .*part of this kernel: its rows 3 to 14 and columns 7 to 39"),
    "chosen rows": (lambda job: job.K[[5, 3, 17]], f"part of this kernel: its rows 5, 3, 17 and columns 0 to {N - 1}"),
    "noise": (lambda job: job.K * (1 + numpy.random.default_rng(3).random(job.K.shape)), "residual that nothing explains"),
}


def test_what_was_done_to_a_rectangular_kernel_is_named(folder):
    job = Job(folder)
    for (label, (change, says)), ranks in zip(CHANGES.items(), itertools.cycle((1, 3))):
        code, verdict = job.compare(change(job), ranks=ranks)
        assert re.match(says, verdict), (label, ranks, verdict)
        assert "asymmetric" not in verdict and "ridge" not in verdict, (label, ranks, verdict)


def test_the_same_is_named_in_float32(folder):
    job = Job(folder, precision="float32")
    for label in ("no biases", "rows permuted", "columns permuted", "both permuted", "transposed"):
        change, says = CHANGES[label]
        code, verdict = job.compare(change(job), dtype="f4", ranks=2)
        assert re.match(says, verdict), verdict


def test_as_many_test_samples_as_samples_may_lie_either_way(folder):
    """The shape leaves open which way it lies; a diagonal of such a kernel is none."""
    job = Job(folder, M=30, N=30)
    assert job.compare(job.K, ranks=2)[0] == EQUAL
    code, verdict = job.compare(job.K.T, ranks=2)
    assert code == DIFFERENT and verdict.startswith("transposed: ") and verdict.endswith("equal, to the last bit"), verdict
    code, verdict = job.compare(job.K.T - job.parts["fc2.bias"].T)
    assert verdict.startswith("transposed: ") and verdict.endswith("missing fc2.bias"), verdict
    order = shuffled(30, 4)
    assert job.compare(job.K[order])[1].startswith("order of the rows: ")
    assert job.compare(job.K[:, order])[1].startswith("order of the columns: ")
    code, verdict = job.compare(numpy.tril(job.K))
    assert verdict.startswith("residual") and "triangle" not in verdict and "asymmetric" not in verdict, verdict
    code, verdict = job.compare(job.K + 0.5 * numpy.eye(30))
    assert "ridge" not in verdict and verdict.startswith("residual"), verdict


LAYOUTS = {"flat": lambda F: F.reshape(M * C, N * C), "M C N C": lambda F: F, "M N C C": lambda F: F.transpose(0, 2, 1, 3)}
TRANSPOSED = {"flat": lambda F: F.reshape(M * C, N * C).T, "N C M C": lambda F: F.transpose(2, 3, 0, 1),
              "N M C C": lambda F: F.transpose(2, 0, 3, 1)}


def test_layouts_of_a_rectangular_full_kernel_are_known(folder):
    job = Job(folder, "--reduction", "full")
    F = job.K.reshape(M, C, N, C)
    lacking = F - job.parts["fc2.bias"].reshape(F.shape)
    for (label, lay), ranks in zip(LAYOUTS.items(), (1, 3, 1)):
        assert job.compare(lay(F), ranks=ranks)[1] == "equal, to the last bit", label
        assert job.compare(lay(lacking), ranks=4 - ranks)[1] == "missing fc2.bias", label
    for (label, lay), ranks in zip(TRANSPOSED.items(), (3, 1, 3)):
        verdict = job.compare(lay(F), ranks=ranks)[1]
        assert verdict.startswith("transposed: ") and verdict.endswith("equal, to the last bit"), (label, verdict)
        verdict = job.compare(lay(lacking), ranks=4 - ranks)[1]
        assert verdict.startswith("transposed: ") and verdict.endswith("missing fc2.bias"), (label, verdict)
    verdict = job.compare(F.transpose(1, 0, 3, 2).reshape(M * C, N * C), ranks=2)[1]
    assert verdict.startswith("order of the rows: output-major"), verdict
    diagonal = numpy.einsum("irjr->ijr", F)
    code, verdict = job.compare(diagonal, ranks=2)
    assert code == EQUAL and "it has r = s alone, (M, N, C)" in verdict, verdict
    verdict = job.compare(diagonal.transpose(1, 0, 2))[1]
    assert verdict.startswith("transposed: ") and "read so it is equal" in verdict, verdict
    assert job.compare(2 * diagonal)[1].startswith("factor 2.000000")


def test_a_diagonal_over_outputs_is_summed_averaged_or_picked_from(folder):
    full = Job(folder, "--reduction", "full")
    diagonal = numpy.einsum("irjr->ijr", full.K.reshape(M, C, N, C))
    for options, says in ((["--reduction", "trace"], "its sum over the last axis"), (["--reduction", "mean"], "its mean over the last axis"),
                          (["--logit", "2"], "output 2 was compared")):
        full.path = folder / f"{options[1]}.h5"
        full.compute(full.path, *options)
        code, verdict = full.compare(diagonal, ranks=2)
        assert code == EQUAL and says in verdict, verdict


def test_other_reductions_of_a_rectangular_kernel_are_recomputed_and_named(folder):
    job = Job(folder)
    F = job.compute(folder / "full.h5", "--reduction", "full")[0].reshape(M, C, N, C)
    with h5py.File(made(M, N) / "d.h5") as file:
        y_test, y_train = file["test_y"][:], file["train_y"][:]
    summed, one = F.sum(axis=(1, 3)), F[:, 3, :, 3]
    own = F[numpy.arange(M), y_test][:, numpy.arange(N), y_train]
    ranks = itertools.cycle((1, 3))
    assert job.compare(summed, ranks=next(ranks))[1].startswith("sum: the kernel of the summed outputs (--reduction sum), by 21 test samples and 24 samples")
    assert job.compare(one, ranks=next(ranks))[1].startswith("output 3 alone (--logit 3)")
    assert job.compare(own, ranks=next(ranks))[1].startswith("output of each sample's own class")
    assert job.compare(summed.T, ranks=next(ranks))[1].startswith("transposed: its rows are the columns here; read so it is sum: ")
    code, verdict = job.compare(summed, "--like", "sum", ranks=next(ranks))
    assert code == EQUAL and "of reduction sum, on 21 test samples and 24 samples" in verdict, verdict
    assert job.compare(F.reshape(M * C, N * C), "--like", "full", ranks=next(ranks))[0] == EQUAL
    assert job.compare(3 * summed, "--like", "sum", ranks=next(ranks))[1].startswith("factor 3.0000")
    job.path = folder / "full.h5"
    assert job.compare(summed)[1].startswith("sum: the kernel of the summed outputs")


def test_components_of_a_rectangular_kernel_that_are_not_stored_are_computed_again(folder):
    job = Job(folder)
    job.path = folder / "total.h5"
    job.compute(job.path, "--components", "none")
    code, verdict = job.compare(job.K - job.parts["fc1.bias"])
    assert verdict.startswith("missing fc1.bias (of reduction trace, on 21 test samples and 24 samples)"), verdict
    assert job.compare(2 * job.K)[1].startswith("factor 2.000000")


def test_test_samples_that_have_moved_are_found_where_they_are_said_to_be(folder):
    job = Job(folder)
    summed = job.compute(folder / "sum.h5", "--reduction", "sum")[0]
    for name in ("m.safetensors", "d.h5"):
        shutil.copy(made(M, N) / name, folder)
    job.path, moved = folder / "here.h5", folder / "moved.h5"
    compute(folder, job.path, job.precision, [])
    shutil.move(folder / "d.h5", moved)
    run = job.run(summed, "--data", f"{moved}:train", ranks=2)
    assert run.code == DIFFERENT and run.stdout.startswith("residual") and "others were not tried" in run.stdout and "--test" in run.stdout, run.stdout
    run = job.run(summed, "--data", f"{moved}:train", "--test", f"{moved}:test", ranks=2)
    assert run.code == DIFFERENT and run.stdout.startswith("sum: "), run.stdout


def test_one_wrong_tile_of_a_rectangular_kernel_is_named(folder):
    job = Job(folder)
    other = job.K.copy()
    other[8:16, 32:40] += 0.01 * other.max()
    verdict = job.compare(other, ranks=3)[1]
    assert verdict.startswith("residual in a few tiles: 1 of 18 tiles is off") and "rows 8 to 15 and columns 32 to 39" in verdict, verdict


def test_other_shapes_are_refused_with_those_that_would_do(folder):
    job = Job(folder)
    for shape in ((M, N + 1), (N, N), (M, N, C - 1), (M, N, C, C)):
        run = job.run(numpy.ones(shape), ranks=2)
        assert run.code == BAD_INPUT and f"where ({M}, {N}) or ({M}, {N}, {C}), or a transpose, is needed" in run.stderr, run
        assert len(run.errors) == 1 and not run.stdout, run


def test_what_is_no_part_is_refused_either_way(folder):
    job = Job(folder)
    for shape in ((5, 7), (M, N - 1), (N, M - 1)):
        run = job.run(numpy.random.default_rng(1).random(shape), ranks=2)
        assert run.code == BAD_INPUT and "is no part of it" in run.stderr, run


def test_a_number_that_is_none_is_named_where_it_lies(folder):
    job = Job(folder)
    other = job.K.T.copy()
    other[40, 3] = numpy.nan
    run = job.run(other, ranks=3)
    assert run.code == BAD_INPUT and "a NaN at row 40, column 3" in run.stderr, run
