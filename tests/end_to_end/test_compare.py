"""`tangram compare` names the cause of every difference that is put into a kernel on purpose, in every network, and none where
there is none; `tangram check` redoes the checks of a finished file."""

import re
import shutil

import h5py
import numpy

from bad_input_table import BAD_INPUT, IO, USAGE
from harness import JOBS, each, kernel, tangram

EQUAL, DIFFERENT = 0, 5
WORDS = {"equal", "factor", "missing", "scaled", "doubled", "offset", "mean", "sum", "order", "residual"}
SAMPLES = 60


class Net:
    """A network with random weights and its kernel file in float64."""

    def __init__(self, folder, widths, *options, activation="tanh", init=(), reduction="trace", precision="float64", samples=SAMPLES,
                 name="k"):
        self.widths, self.folder = widths, folder
        model, data = folder / f"{name}.safetensors", folder / f"{name}-data.h5"
        made = tangram("init", "--widths", ",".join(map(str, widths)), "--output", model, "--samples", samples, "--data", data,
                       "--fan-in", *init)
        assert made.code == 0, made
        self.path = folder / f"{name}.h5"
        words = ["--activation", activation] if len(widths) > 2 else []
        with kernel(model, f"{data}:x", self.path, *words, "--tile", 16, "--reduction", reduction, *options, ranks=2,
                    precision=precision) as file:
            self.K = file["ntk"][:].astype("f8")
            self.parts = {tensor: part[:].astype("f8") for tensor, part in file["components"].items()}
            self.fan_in = {tensor: int(part.attrs["fan_in"]) for tensor, part in file["components"].items()}
            self.fan_out = {tensor: int(part.attrs["fan_out"]) for tensor, part in file["components"].items()}
        self.C = widths[-1]

    def scaled(self, tensor, factor):
        return self.K + (factor - 1) * self.parts[tensor]


def compare(net, other, *options, ranks=0, dtype="f8", as_npy=True):
    """(exit code, verdict) against `other`, written as a file."""
    if as_npy:
        location = net.folder / "other.npy"
        numpy.save(location, numpy.asarray(other, dtype))
    else:
        with h5py.File(net.folder / "other.h5", "w") as file:
            file["some/kernel"] = numpy.asarray(other, dtype)
        location = f"{net.folder}/other.h5:some/kernel"
    run = tangram("compare", net.path, location, *options, ranks=ranks)
    assert run.code in (EQUAL, DIFFERENT), run
    assert not run.errors, run
    lines = run.stdout.splitlines()
    assert lines[-1] == f"verdict     {lines[0]}", run.stdout
    assert lines[0].split()[0].rstrip(":,;") in WORDS, lines[0]
    assert (run.code == EQUAL) == lines[0].startswith("equal"), (run.code, lines[0])
    return run.code, lines[0]


NETWORKS = {
    "tanh, 4 outputs": dict(widths=[6, 12, 9, 4]),
    "relu, 1 output": dict(widths=[5, 16, 8, 1], activation="relu"),
    "no biases": dict(widths=[6, 10, 3], init=["--no-bias"]),
    "deep": dict(widths=[4, 7, 8, 9, 10, 11, 2], activation="gelu"),
    "ntk parameterization": dict(widths=[6, 12, 9, 4], options=["--parameterization", "ntk", "--weight-std", "1.3", "--bias-std", "0.4"]),
    "mean": dict(widths=[6, 12, 9, 4], reduction="mean"),
    "one output of four": dict(widths=[6, 12, 9, 4], options=["--logit", "2"]),
    "float32": dict(widths=[6, 12, 9, 4], precision="float32"),
}


def make(folder, label):
    settings = dict(NETWORKS[label])
    widths, options = settings.pop("widths"), settings.pop("options", [])
    if "--logit" in options:
        return SingleOutput(folder, widths, settings)
    return Net(folder, widths, *options, **settings)


class SingleOutput(Net):
    def __init__(self, folder, widths, settings):
        Net.__init__(self, folder, widths, **settings, reduction="trace", name="all")
        path = folder / "k.h5"
        with kernel(folder / "all.safetensors", f"{folder}/all-data.h5:x", path, "--activation", "tanh", "--tile", 16, "--logit", 2,
                    precision="float64") as file:
            self.path, self.K = path, file["ntk"][:]
            self.parts = {tensor: part[:] for tensor, part in file["components"].items()}


def numbers_in(text):
    return [float(number) for number in re.findall(r"-?\d+\.\d+", text)]


@each({label: (label,) for label in NETWORKS})
def test_every_missing_or_doubled_component_is_named(folder, label):
    net = make(folder, label)
    for k, (tensor, part) in enumerate(net.parts.items()):
        for word, sign in (("missing", -1), ("doubled", 1))[:1 if k % 3 else 2]:  # each missing, some doubled
            code, verdict = compare(net, net.K + sign * part, ranks=2 if k == 0 else 0)
            assert re.match(rf"{word} {re.escape(tensor)}($|;)", verdict), (tensor, word, verdict)
            if numpy.ptp(part) <= 1e-6 * part.max():
                assert f"constant offset of {'-' if sign < 0 else ''}" in verdict, verdict
    biases = [tensor for tensor in net.parts if tensor.endswith(".bias")]
    if len(biases) > 1:
        code, verdict = compare(net, net.K - sum(net.parts[tensor] for tensor in biases))
        assert verdict.startswith("missing ") and all(tensor in verdict for tensor in biases) and "weight" not in verdict, verdict


@each({label: (label,) for label in NETWORKS})
def test_every_scale_rule_is_recognised(folder, label):
    net = make(folder, label)
    for tensor in net.parts:
        rules = {"1/fan_in": 1 / net.fan_in[tensor], "1/sqrt(fan_in)": net.fan_in[tensor] ** -0.5, "fan_out": net.fan_out[tensor],
                 "1/fan_out": 1 / net.fan_out[tensor], "1/2": 0.5}
        for rule, factor in list(rules.items())[:5 if label in ("tanh, 4 outputs", "float32") else 2]:
            if factor in (1, 2):
                continue
            code, verdict = compare(net, net.scaled(tensor, factor))
            assert verdict.startswith(f"scaled {tensor} by "), (tensor, rule, verdict)
            assert abs(numbers_in(verdict.split(" by ")[1])[0] / factor - 1) < 1e-4, (factor, verdict)
            assert rule in verdict or factor in (0.25, 0.5), (tensor, rule, verdict)


def test_a_rule_for_all_weights_is_read_off_each(folder):
    net = make(folder, "tanh, 4 outputs")
    other = sum(part / net.fan_in[tensor] if tensor.endswith(".weight") else part for tensor, part in net.parts.items())
    code, verdict = compare(net, other)
    assert verdict.startswith("scaled ") and verdict.count("1/fan_in") == 3 and "bias" not in verdict, verdict


def test_the_standard_deviations_of_the_ntk_parameterization_are_recognised(folder):
    net = make(folder, "ntk parameterization")
    code, verdict = compare(net, net.scaled("fc2.weight", 1 / 1.3**2))
    assert "1/weight_std^2" in verdict and "1.3" in verdict, verdict
    code, verdict = compare(net, net.scaled("fc1.bias", 1 / 0.4**2))
    assert "1/bias_std^2" in verdict, verdict


@each({"trace": ("trace", 0.25, "mean"), "mean": ("mean", 4, "sum"), "full": ("full", 0.25, "factor"), "another": ("trace", 0.37, "factor")})
def test_one_factor_is_named(folder, reduction, factor, word):
    net = Net(folder, [6, 12, 9, 4], reduction=reduction, samples=20)
    code, verdict = compare(net, factor * net.K)
    assert verdict.split()[0] == word, verdict
    assert any(abs(number / factor - 1) < 1e-5 for number in numbers_in(verdict)), verdict
    assert factor == 0.37 or "C = 4" in verdict, verdict


def test_a_missing_component_beside_a_factor_is_named(folder):
    net = make(folder, "tanh, 4 outputs")
    code, verdict = compare(net, (net.K - net.parts["fc2.bias"]) / 4)
    assert verdict.startswith("missing fc2.bias") and "mean over outputs" in verdict, verdict


def test_an_offset_is_an_offset(folder):
    net = make(folder, "tanh, 4 outputs")
    code, verdict = compare(net, net.K + 1.23456)
    assert verdict.startswith("offset 1.2345"), verdict
    (folder / "2").mkdir()
    no_bias = make(folder / "2", "no biases")
    code, verdict = compare(no_bias, no_bias.K - 0.5)
    assert verdict == "offset -0.5000000 in every entry", verdict


def test_constant_components_of_a_linear_network_are_not_guessed_apart(folder):
    net = Net(folder, [3, 5, 4, 1], activation="identity", init=["--seed", "5"])
    biases = [tensor for tensor in net.parts if tensor.endswith(".bias")]
    assert all(numpy.ptp(net.parts[tensor]) < 1e-12 * net.parts[tensor].max() for tensor in biases)
    code, verdict = compare(net, net.K + 106.24)
    assert verdict.startswith("offset 106.2400") and all(tensor in verdict for tensor in biases) and "no fit can assign" in verdict, verdict
    code, verdict = compare(net, net.K - net.parts["fc2.bias"])
    assert verdict.startswith("missing fc2.bias;") and "constant offset of -" in verdict, verdict


def test_samples_in_another_order_are_recognised(folder):
    net = make(folder, "tanh, 4 outputs")
    order = numpy.random.default_rng(1).permutation(SAMPLES)
    code, verdict = compare(net, net.K[numpy.ix_(order, order)], ranks=3)
    assert verdict.startswith("order ") and f"its row 0 is row {order[0]} here" in verdict, (order[:3], verdict)
    swapped = numpy.arange(SAMPLES)
    swapped[[7, 41]] = [41, 7]
    code, verdict = compare(net, net.K[numpy.ix_(swapped, swapped)], dtype="f4")
    assert verdict.startswith("order ") and "2 of 60" in verdict and "its row 7 is row 41 here" in verdict, verdict


LAYOUTS = {"sample-major": (lambda F, N, C: F, True), "not flattened": (lambda F, N, C: F.reshape(N, C, N, C), True),
           "N N C C": (lambda F, N, C: F.reshape(N, C, N, C).transpose(0, 2, 1, 3), True),
           "output-major": (lambda F, N, C: F.reshape(N, C, N, C).transpose(1, 0, 3, 2).reshape(N * C, N * C), False)}


@each({f"{label}, {'npy' if as_npy else 'HDF5'}": (*row, as_npy) for label, row in LAYOUTS.items() for as_npy in (True, False)})
def test_layouts_of_the_full_kernel_are_known(folder, change, same, as_npy):
    net = Net(folder, [6, 7, 3], reduction="full", samples=19)
    code, verdict = compare(net, change(net.K, 19, 3), ranks=2, as_npy=as_npy)
    assert verdict.startswith("equal to 0" if same else "order of the rows: output-major"), verdict


def test_another_reduction_is_recomputed_and_named(folder):
    net = make(folder, "tanh, 4 outputs")
    for options, reduction, words in ((["--reduction", "sum"], "sum", "sum: the kernel of the summed outputs"),
                                      (["--logit", "3"], None, "sum over output 3 alone")):
        with kernel(folder / "k.safetensors", f"{folder}/k-data.h5:x", folder / "other-reduction.h5", "--activation", "tanh", *options,
                    "--overwrite") as file:
            other = file["ntk"][:]
        code, verdict = compare(net, other, ranks=2)
        assert verdict.startswith(words), verdict
        if reduction:
            code, verdict = compare(net, other, "--like", reduction)
            assert code == EQUAL and "reduction sum, on 24 samples" in verdict, verdict
            code, verdict = compare(net, 2 * other, "--like", reduction)
            assert verdict.startswith("factor 2.0000"), verdict


def test_components_that_are_not_stored_are_computed_again(folder):
    net = Net(folder, [6, 12, 9, 4])
    with kernel(folder / "k.safetensors", f"{folder}/k-data.h5:x", folder / "total.h5", "--activation", "tanh", "--components", "none"):
        net.path = folder / "total.h5"
    code, verdict = compare(net, net.K - net.parts["fc1.bias"])
    assert verdict.startswith("missing fc1.bias (of reduction trace, on 24 samples)"), verdict


def test_inputs_that_are_gone_or_changed_are_no_reduction(folder):
    net = make(folder, "tanh, 4 outputs")
    model, other = folder / "k.safetensors", net.K * (1 + numpy.random.default_rng(3).random(net.K.shape))
    moved = folder / "moved.safetensors"
    shutil.move(model, moved)
    numpy.save(folder / "o.npy", other)
    run = tangram("compare", net.path, folder / "o.npy")
    assert run.code == DIFFERENT and run.stdout.startswith("residual") and "others were not tried" in run.stdout and "--model" in run.stdout, run.stdout
    run = tangram("compare", net.path, folder / "o.npy", "--model", moved)
    assert run.code == DIFFERENT and run.stdout.startswith("residual") and "none is it" in run.stdout, run.stdout


def test_noise_is_a_residual_with_its_size(folder):
    net = make(folder, "tanh, 4 outputs")
    noise = 1e-3 * net.K.max() * numpy.random.default_rng(2).standard_normal(net.K.shape)
    code, verdict = compare(net, net.K + noise)
    found = numbers_in(verdict)
    assert verdict.startswith("residual "), verdict
    assert abs(found[0] / (numpy.abs(noise).max() / net.K.max()) - 1) < 1e-4 and abs(found[1] / 1e-3 - 1) < 0.05, verdict


def test_one_wrong_tile_is_named(folder):
    net = make(folder, "relu, 1 output")
    other = net.K.copy()
    other[32:48, 16:32] += 0.01 * other.max()
    code, verdict = compare(net, other, ranks=2)
    assert verdict.startswith("residual in a few tiles: 1 of 16 tiles is off") and "rows 32 to 47 and columns 16 to 31" in verdict, verdict


def test_float32_against_float64_is_equal_to_rounding(folder):
    net = make(folder, "tanh, 4 outputs")
    for values, dtype in ((net.K, "f4"), (net.K.astype("f4").astype("f8"), "f8")):
        code, verdict = compare(net, values, dtype=dtype)
        assert code == EQUAL and 1e-9 < numbers_in(verdict)[0] < 1e-6, verdict


def test_no_cause_is_found_in_50_healthy_kernels(folder):
    """Kernels as other programs give them: float32 with rounding of their own, now and then mirrored or as float64."""
    random = numpy.random.default_rng(7)
    for k, label in enumerate(["tanh, 4 outputs", "relu, 1 output", "no biases", "ntk parameterization", "float32"]):
        (folder / str(k)).mkdir()
        net = make(folder / str(k), label)
        for trial in range(10):
            size = 10.0 ** random.uniform(-9, -6)
            healthy = net.K + size * numpy.sqrt(numpy.outer(net.K.diagonal(), net.K.diagonal())) * random.standard_normal(net.K.shape)
            code, verdict = compare(net, healthy, dtype=random.choice(["f4", "f8"]), ranks=2 * (trial == 0))
            assert code == EQUAL, (label, size, verdict)


def test_a_tolerance_can_be_given(folder):
    net = make(folder, "relu, 1 output")
    other = net.K + 1e-4 * net.K.max() * numpy.random.default_rng(2).standard_normal(net.K.shape)
    assert compare(net, other)[0] == DIFFERENT and compare(net, other, "--tolerance", "1e-3")[0] == EQUAL
    code, verdict = compare(net, other - net.parts["fc1.weight"], "--tolerance", "1e-3")
    assert verdict.startswith("missing fc1.weight"), verdict


NPY = {"float32": lambda K: K.astype("f4"), "big-endian": lambda K: K.astype(">f8"), "column-major": numpy.asfortranarray,
       "column-major float32": lambda K: numpy.asfortranarray(K.astype("f4"))}


@each({label: (change,) for label, change in NPY.items()})
def test_npy_files_are_read_whatever_their_order(folder, change):
    net = Net(folder, [4, 6, 1])
    asymmetric = net.K.copy()
    asymmetric[3, 40] *= 1.01
    numpy.save(folder / "o.npy", change(asymmetric))
    run = tangram("compare", net.path, folder / "o.npy", ranks=2)
    assert run.code == DIFFERENT and "row 3, column 40" in run.stdout, run.stdout


# ---- bad input


def nan(folder, net):
    K = net.K.copy()
    K[5, 33] = numpy.nan
    numpy.save(folder / "o.npy", K)
    return folder / "o.npy"


def saved(values):
    def make_file(folder, net):
        numpy.save(folder / "o.npy", values(net.K))
        return folder / "o.npy"

    return make_file


def cut(folder, net):
    path = saved(lambda K: K)(folder, net)
    path.write_bytes(path.read_bytes()[:-9])
    return path


def text(folder, net):
    (folder / "o.npy").write_text("no numbers here, and more than twelve bytes")
    return folder / "o.npy"


REFUSED = {
    "a NaN": (nan, BAD_INPUT, "NaN at row 5, column 33"), "another size": (saved(lambda K: K[:-1, :-1]), BAD_INPUT, "(59, 59)"),
    "a vector": (saved(lambda K: K[0]), BAD_INPUT, "(60)"), "complex": (saved(lambda K: K + 1j), BAD_INPUT, "<c16"),
    "cut off": (cut, BAD_INPUT, "o.npy"), "text": (text, BAD_INPUT, "not a .npy file"),
    "no file": (lambda folder, net: folder / "none.npy", BAD_INPUT, "no such file"),
    "no dataset": (lambda folder, net: f"{net.path}:nothing", BAD_INPUT, "nothing"),
}


@each({f"{label}, {ranks} ranks": (*row, ranks) for label, row in REFUSED.items() for ranks in (1, 4)})
def test_another_kernel_that_cannot_be_one_is_refused(folder, make_other, code, word, ranks):
    net = Net(folder, [4, 6, 1])
    run = tangram("compare", net.path, make_other(folder, net), ranks=ranks)
    assert run.code == code and len(run.errors) == 1 and word in run.errors[0], run


@each({"no other": (["k.h5"], USAGE), "a tolerance below zero": (["k.h5", "o.npy", "--tolerance", "-1"], USAGE),
       "an unknown reduction": (["k.h5", "o.npy", "--like", "median"], USAGE), "no kernel file": (["none.h5", "o.npy"], IO)})
def test_wrong_options_are_refused(folder, words, code):
    run = tangram("compare", *words, ranks=2)
    assert run.code == code and len(run.errors) == 1, run


def test_a_kernel_file_of_ours_needs_no_dataset(folder):
    net = Net(folder, [4, 6, 1])
    run = tangram("compare", net.path, net.path)
    assert run.code == EQUAL and run.stdout.startswith("equal to 0.00000"), run


# ---- check


def test_check_redoes_the_checks_with_other_samples(folder):
    net = make(folder, "tanh, 4 outputs")
    run = tangram("check", net.path, "--samples", 7, ranks=3)
    assert run.code == 0 and "7 of 60 samples" in run.stdout and "checks      passed" in run.stdout, run
    run = tangram("check", net.path, "--all", ranks=2)
    assert run.code == 0 and "60 of 60 samples" in run.stdout, run
    full = Net(folder, [6, 7, 3], reduction="full", samples=19, name="full")
    assert tangram("check", full.path, "--all", "--seed", 9).code == 0


def test_check_finds_one_wrong_entry_that_the_run_did_not_look_at(folder):
    net = make(folder, "tanh, 4 outputs")
    with h5py.File(net.path, "r+") as file:
        part = file["components/fc2.weight"]
        for place in ((17, 23), (23, 17)):
            part[place] = part[place] * 1.001
    assert tangram("check", net.path, "--samples", 2, "--seed", 3, "--tolerance", "1e-2").code == 0
    run = tangram("check", net.path, "--all", ranks=2)
    assert run.code == 5 and len(run.errors) == 1 and "fc2.weight" in run.errors[0], run


def test_check_wants_the_recorded_inputs(folder):
    net = make(folder, "tanh, 4 outputs")
    model, data = folder / "k.safetensors", folder / "k-data.h5"
    raw = bytearray(model.read_bytes())
    raw[-1] ^= 1
    model.rename(folder / "moved.safetensors")
    run = tangram("check", net.path)
    assert run.code == BAD_INPUT and "k.safetensors" in run.errors[0] and "--model" in run.errors[0], run
    assert tangram("check", net.path, "--model", folder / "moved.safetensors").code == 0
    model.write_bytes(raw)
    run = tangram("check", net.path, ranks=2)
    assert run.code == BAD_INPUT and len(run.errors) == 1 and "sha256" in run.errors[0], run
    model.unlink()
    (folder / "moved.safetensors").rename(model)
    data.rename(folder / "elsewhere.h5")
    assert tangram("check", net.path).code == BAD_INPUT
    assert tangram("check", net.path, "--data", folder / "elsewhere.h5").code == 0
    assert tangram("check", net.path, "--data", f"{folder}/elsewhere.h5:x").code == 0


def test_check_of_a_single_output_and_of_chosen_rows(folder):
    model, data = JOBS / "digits" / "digits_mlp.safetensors", f"{JOBS}/digits/digits.h5:x"
    with h5py.File(folder / "rows.h5", "w") as file:
        file["i"] = [5, 3, 900, 77, 12, 13]
    kernel(model, data, folder / "k.h5", "--activation", "tanh", "--logit", 4, "--indices", f"{folder}/rows.h5:i", "--labels",
           f"{JOBS}/digits/digits.h5:y", "--data-scale", 2, "--data-shift", -1).close()
    run = tangram("check", folder / "k.h5", "--all", ranks=2)
    assert run.code == 0 and "6 of 6 samples" in run.stdout, run
