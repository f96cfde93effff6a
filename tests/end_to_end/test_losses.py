"""Kernels of losses: their rows are those that float64 autograd finds for the loss itself, on chains and on graphs,
on any ranks, for two sets of samples, in the space of parameters, and where probabilities are 0 and 1."""

import functools
import itertools
import shutil

import h5py
import numpy

from harness import DATA, assert_close, each, kernel, need, tangram, write_h5, write_safetensors

USAGE, BAD_INPUT, STOPPED = 2, 3, 75
GRAPHS = ("lenet", "resnet", "bn_mlp")
random = numpy.random.default_rng


@functools.cache
def chain_tensors(outputs=5, size=1.0):
    rng, widths = random(4), (6, 12, 9, outputs)
    return {f"{k}.{kind}": size * rng.normal(size=shape) / numpy.sqrt(a) for k, (a, b) in enumerate(zip(widths, widths[1:]))
            for kind, shape in (("weight", (b, a)), ("bias", (b,)))}


def case(folder, name, **options):
    """Of a fixture or a chain: the words for the program, the network as autograd has it, samples, C."""
    torch_gradients = need("torch") and need("onnx") and __import__("torch_gradients")
    if name == "chain":
        tensors = chain_tensors(**options)
        model = write_safetensors(folder / "chain.safetensors", tensors, "F64")
        x = random(5).normal(size=(13, 6))
        return [model, f"{write_h5(folder / 'x.h5', x=x)}:x", ["--activation", "tanh"]], torch_gradients.chain(tensors, "tanh"), x, \
            len(tensors["2.bias"])
    with h5py.File(DATA / "onnx" / f"{name}.h5") as file:
        x, C = file["x"][:], file["outputs"].shape[1]
    return [DATA / "onnx" / f"{name}.onnx", f"{DATA / 'onnx' / name}.h5:x", []], torch_gradients.graph(DATA / "onnx" / f"{name}.onnx"), x, C


def made_of(folder, N, C):
    """Labels, targets and probabilities in a file, and the same as arrays."""
    rng = random(6)
    labels, targets = rng.integers(0, C, N), rng.normal(size=(N, C))
    soft = rng.dirichlet(numpy.ones(C), N)
    path = write_h5(folder / "y.h5", labels=labels, targets=targets, soft=soft)
    return path, labels, targets, soft


RULES = {  # name: (options with {} for the file of labels, what autograd differentiates)
    "cross-entropy": (["--reduction", "loss", "--loss", "cross-entropy", "--labels", "{}:labels"], lambda t, y, g, s: t.cross_entropy(y)),
    "cross-entropy of probabilities": (["--reduction", "loss", "--loss", "cross-entropy", "--targets", "{}:soft"],
                                       lambda t, y, g, s: t.soft_cross_entropy(s)),
    "mse": (["--reduction", "loss", "--loss", "mse", "--targets", "{}:targets"], lambda t, y, g, s: t.mse(g)),
    "mse of classes": (["--reduction", "loss", "--loss", "mse", "--labels", "{}:labels"],
                       lambda t, y, g, s: t.mse(numpy.eye(s.shape[1])[y])),
    "margin": (["--reduction", "margin", "--labels", "{}:labels"], lambda t, y, g, s: t.margin(y)),
    "sqrt-hessian": (["--weights", "sqrt-hessian"], lambda t, y, g, s: t.roots),
}


def words_of(rule, path):
    return [word.format(path) for word in RULES[rule][0]]


def over_ranks():
    turns = itertools.cycle([(1, "float64"), (3, "float64"), (1, "float32"), (3, "float32")])
    return {f"{name}, {rule}, {ranks} ranks, {precision}": (name, rule, ranks, precision)
            for name in ("chain", *GRAPHS) for rule, (ranks, precision) in zip(RULES, turns)} | \
           {f"{name}, {rule} again": (name, rule, ranks, "float64")
            for name, rule, ranks in (("resnet", "cross-entropy", 3), ("chain", "margin", 3), ("lenet", "sqrt-hessian", 1))}


@each(over_ranks())
def test_rows_are_those_that_autograd_finds_for_the_loss_itself(folder, name, rule, ranks, precision):
    (model, data, more), network, x, C = case(folder, name)
    import torch_gradients
    path, labels, targets, soft = made_of(folder, len(x), C)
    J = torch_gradients.gradients(network, x, RULES[rule][1](torch_gradients, labels, targets, soft))
    with kernel(model, data, folder / "k.h5", "--tile", 4, *more, *words_of(rule, path), ranks=ranks, precision=precision) as out:
        assert out["checks"].attrs["passed"] == 1
        for tensor, rows in J.items():
            assert_close(out["components"][tensor][:], torch_gradients.trace(rows), precision, tensor)
        assert_close(out["ntk"][:], sum(torch_gradients.trace(rows) for rows in J.values()), precision, "ntk")
        if "--targets" in RULES[rule][0]:
            assert (out["targets"][:] == (soft if rule.startswith("cross") else targets)).all()
        if rule == "sqrt-hessian":
            assert (out.attrs["weights"], out.attrs["loss"], out.attrs["rows_of_sample"]) == ("sqrt-hessian", "cross-entropy", C)
        elif rule != "margin":
            assert (out.attrs["reduction"], out.attrs["loss"]) == ("loss", rule.split()[0])


@each({f"{name}, {rule}": (name, rule) for name, rule in
       (("chain", "cross-entropy"), ("lenet", "mse"), ("bn_mlp", "margin"), ("resnet", "sqrt-hessian"))})
def test_test_samples_have_labels_and_targets_of_their_own(folder, name, rule):
    (model, data, more), network, x, C = case(folder, name)
    import torch_gradients
    path, labels, targets, soft = made_of(folder, len(x), C)
    others = labels[::-1].copy(), targets[::-1].copy(), soft[::-1].copy()
    test = write_h5(folder / "test.h5", labels=others[0][2:7], targets=others[1][2:7], soft=others[2][2:7])
    of_test = [word.replace("--labels", "--test-labels").replace("--targets", "--test-targets") for word in words_of(rule, test)
               if word not in ("--reduction", "--loss", "--weights", *("loss", "cross-entropy", "mse", "margin", "sqrt-hessian"))]
    J = torch_gradients.gradients(network, x, RULES[rule][1](torch_gradients, labels, targets, soft))
    J_test = torch_gradients.gradients(network, x, RULES[rule][1](torch_gradients, *others))
    with kernel(model, data, folder / "k.h5", "--tile", 4, *more, *words_of(rule, path), "--test", data, "--test-rows", "2:7", *of_test,
                ranks=3) as out:
        expected = sum(torch_gradients.trace(J_test[tensor][2:7], J[tensor]) for tensor in J)
        assert_close(out["ntk"][:], expected, "float64", "ntk")
        own = sum(torch_gradients.trace(J_test[tensor][2:7]).diagonal() for tensor in J)
        assert_close(out["diagonal"][:], own, "float64", "diagonal")
        if "--targets" in RULES[rule][0]:
            assert (out["test_targets"][:] == others[1][2:7]).all()


@each({"chain": ("chain", 1), "lenet": ("lenet", 3), "bn_mlp": ("bn_mlp", 1)})
def test_of_weighted_rows_the_gram_of_parameters_is_the_gauss_newton_matrix(folder, name, ranks):
    (model, data, more), network, x, _ = case(folder, name)
    import torch_gradients
    J = torch_gradients.gradients(network, x, torch_gradients.outputs)
    H = torch_gradients.hessians(network, x)
    with kernel(model, data, folder / "p.h5", *more, "--weights", "sqrt-hessian", "--loss", "cross-entropy", "--space", "params",
                ranks=ranks) as out:
        whole = numpy.concatenate([J[tensor] for tensor in out["parameter_blocks/tensor"].asstr()], 2)
        expected = numpy.einsum("irp,irs,isq->pq", whole, H, whole, optimize=True)
        assert_close(out["parameter_gram"][:], expected, "float64", "J^T H J")
        values = numpy.linalg.eigvalsh(expected)[::-1]
    with kernel(model, data, folder / "k.h5", *more, "--weights", "sqrt-hessian", "--reduction", "full", ranks=ranks) as out:
        dual = numpy.linalg.eigvalsh(out["ntk"][:])[::-1]
        count = min(len(values), len(dual))
        numpy.testing.assert_allclose(dual[:count], values[:count], atol=1e-10 * values[0])


def test_of_a_loss_the_gram_of_parameters_is_the_sum_of_its_gradients(folder):
    (model, data, more), network, x, C = case(folder, "bn_mlp")
    import torch_gradients
    path, labels, _, _ = made_of(folder, len(x), C)
    J = torch_gradients.gradients(network, x, torch_gradients.cross_entropy(labels))
    with kernel(model, data, folder / "p.h5", *more, *words_of("cross-entropy", path), "--space", "params", ranks=2) as out:
        whole = numpy.concatenate([J[tensor][:, 0] for tensor in out["parameter_blocks/tensor"].asstr()], 1)
        assert_close(out["parameter_gram"][:], whole.T @ whole, "float64", "sum of g g^T")


# ---- extremes


@each({f"{rule}, {precision}": (rule, precision) for rule in ("cross-entropy", "margin", "sqrt-hessian") for precision in ("float64", "float32")})
def test_probabilities_of_0_and_1(folder, rule, precision):
    """Logits of +-1e4, of +-60 and of 1."""
    need("torch")
    import torch_gradients
    tensors = {"0.weight": numpy.array([[1.0], [-1.0], [0.5]]), "0.bias": numpy.zeros(3)}
    x = numpy.array([[1e4], [-1e4], [60.0], [-60.0], [1.0], [0.0]])
    labels = numpy.array([0, 0, 0, 1, 2, 1])
    path = write_h5(folder / "y.h5", labels=labels, x=x)
    model = write_safetensors(folder / "m.safetensors", tensors, "F64")
    J = torch_gradients.gradients(torch_gradients.chain(tensors, "tanh"), x, RULES[rule][1](torch_gradients, labels, None, None))
    with kernel(model, f"{path}:x", folder / "k.h5", *words_of(rule, path), precision=precision) as out:
        assert_close(out["ntk"][:], sum(torch_gradients.trace(rows) for rows in J.values()), precision, "ntk")


def test_a_loss_that_has_nearly_vanished_keeps_its_digits(folder):
    """Classes of p = 1 - 1e-9 and less: exact gradients by hand, -(1 - p) at the class."""
    gaps = numpy.array([5.0, 12.0, 21.0, 40.0, 90.0])
    path = write_h5(folder / "y.h5", labels=numpy.zeros(5, int), x=gaps[:, None])
    model = write_safetensors(folder / "m.safetensors", {"0.weight": numpy.array([[1.0], [0.0]]), "0.bias": numpy.zeros(2)}, "F64")
    rest = numpy.exp(-gaps) / (1 + numpy.exp(-gaps))
    with kernel(model, f"{path}:x", folder / "k.h5", *words_of("cross-entropy", path)) as out:
        K = 2 * numpy.outer(rest, rest) * (numpy.outer(gaps, gaps) + 1)
        numpy.testing.assert_allclose(out["ntk"][:], K, rtol=1e-12)


def test_one_sample_and_one_output(folder):
    (model, data, more), network, x, _ = case(folder, "chain", outputs=1)
    import torch_gradients
    targets = random(8).normal(size=len(x))
    path = write_h5(folder / "y.h5", y=targets, labels=numpy.zeros(len(x), int))
    J = torch_gradients.gradients(network, x, torch_gradients.mse(targets[:, None]))
    expected = sum(torch_gradients.trace(rows) for rows in J.values())
    for option in ("--targets", "--labels"):
        with kernel(model, data, folder / "k.h5", *more, "--reduction", "loss", "--loss", "mse", option, f"{path}:y", "--overwrite") as out:
            assert_close(out["ntk"][:], expected, "float64", option)
        with kernel(model, data, folder / "one.h5", *more, "--reduction", "loss", "--loss", "mse", option, f"{path}:y", "--rows", "4:5",
                    "--overwrite") as out:
            assert_close(out["ntk"][:], expected[4:5, 4:5], "float64", "one sample")
    for words in (words_of("cross-entropy", path), words_of("margin", path), ["--weights", "sqrt-hessian"]):
        run = tangram("kernel", "--model", model, "--data", data, "--output", folder / "no.h5", *more, *words)
        assert run.code == USAGE and "one output, whose softmax is 1" in run.errors[0], run


# ---- what is refused


REFUSED = {  # name: (words, exit code, what the line has in it)
    "a loss without a name": (["--reduction", "loss", "--labels", "{}:labels"], USAGE, "--loss"),
    "an unknown loss": (["--reduction", "loss", "--loss", "hinge", "--labels", "{}:labels"], USAGE, "cross-entropy, mse"),
    "a loss without labels": (["--reduction", "loss", "--loss", "mse"], USAGE, "--labels"),
    "a margin without labels": (["--reduction", "margin"], USAGE, "--labels"),
    "a margin of targets": (["--reduction", "margin", "--targets", "{}:targets"], USAGE, "--targets"),
    "--loss of a trace": (["--loss", "mse", "--labels", "{}:labels"], USAGE, "--reduction loss"),
    "targets of a trace": (["--targets", "{}:targets"], USAGE, "--reduction loss"),
    "a logit and outputs": (["--logit", "1", "--outputs", "0,1"], USAGE, "--logit and --outputs"),
    "outputs of a loss": ([*RULES["mse"][0], "--outputs", "0,1"], USAGE, "--outputs and --reduction loss"),
    "outputs and combinations": (["--outputs", "0,1", "--project-outputs", "2"], USAGE, "--outputs and --project-outputs"),
    "a mean of combinations": (["--reduction", "mean", "--project-outputs", "2"], USAGE, "trace or full"),
    "a seed of nothing": (["--seed", "2"], USAGE, "--project-outputs"),
    "no combination": (["--project-outputs", "0"], USAGE, "--project-outputs"),
    "too many combinations": (["--project-outputs", "4097"], USAGE, "--project-outputs"),
    "weights of mse": (["--weights", "sqrt-hessian", "--loss", "mse"], USAGE, "2/C"),
    "weights of a sum": (["--weights", "sqrt-hessian", "--reduction", "sum"], USAGE, "trace or full"),
    "an output beyond the last": (["--outputs", "0,4"], USAGE, "0 to 3"),
    "an output twice": (["--outputs", "1,0:3"], USAGE, "twice"),
    "an output that is none": (["--outputs", "1,x"], USAGE, "'x'"),
    "an empty range": (["--outputs", "2:2"], USAGE, "2:2"),
    "a label beyond the last class": (["--reduction", "margin", "--labels", "{}:beyond"], BAD_INPUT, "label 4 .*sample 3"),
    "a negative label": ([*RULES["cross-entropy"][0][:-1], "{}:negative"], BAD_INPUT, "label -1 .*sample 2"),
    "a label that is no class": ([*RULES["mse of classes"][0][:-1], "{}:halves"], BAD_INPUT, r"label 0.5 .*sample 1"),
    "a NaN among targets": ([*RULES["mse"][0][:-1], "{}:nan"], BAD_INPUT, "row 5"),
    "targets of another width": ([*RULES["mse"][0][:-1], "{}:narrow"], BAD_INPUT, r"\(N, 4\)"),
    "targets that are no probabilities": ([*RULES["cross-entropy of probabilities"][0][:-1], "{}:targets"], BAD_INPUT, "sample 0"),
    "labels of one set": ([*RULES["cross-entropy"][0], "--test", "x"], USAGE, "--test-labels"),
    "targets and labels": ([*RULES["mse"][0], "--test", "x", "--test-labels", "{}:labels"], USAGE, "--test-targets"),
}


@each({name: (name,) for name in REFUSED})
def test_what_makes_no_sense_is_refused_by_name(folder, name):
    import re
    words, code, said = REFUSED[name]
    rng = random(6)
    labels, targets = numpy.arange(13) % 4, rng.normal(size=(13, 4))
    path = write_h5(folder / "y.h5", labels=labels, targets=targets, beyond=numpy.where(numpy.arange(13) == 3, 4, labels),
                    negative=numpy.where(numpy.arange(13) == 2, -1, labels), halves=numpy.where(numpy.arange(13) == 1, 0.5, labels),
                    nan=numpy.where(numpy.arange(13)[:, None] == 5, numpy.nan, targets), narrow=targets[:, :3])
    run = tangram("kernel", "--model", DATA / "onnx/lenet.onnx", "--data", f"{DATA}/onnx/lenet.h5:x", "--output", folder / "k.h5",
                  *[word.format(path) for word in words])
    assert run.code == code and len(run.errors) == 1 and re.search(said, run.errors[0]), run
    assert not (folder / "k.h5").exists()


def test_more_than_4096_rows_are_refused(folder):
    model = write_safetensors(folder / "m.safetensors", {"0.weight": random(1).normal(size=(4097, 2)), "0.bias": numpy.zeros(4097)}, "F64")
    path = write_h5(folder / "x.h5", x=random(2).normal(size=(3, 2)))
    run = tangram("kernel", "--model", model, "--data", f"{path}:x", "--output", folder / "k.h5")
    assert run.code == USAGE and all(o in run.errors[0] for o in ("--outputs", "--project-outputs", "loss", "margin")), run
    with kernel(model, f"{path}:x", folder / "k.h5", "--project-outputs", 8):
        pass
    with kernel(model, f"{path}:x", folder / "o.h5", "--outputs", "4000:4097,0", precision="float32"):
        pass


# ---- life


def test_other_labels_are_another_kernel(folder):
    (model, data, more), _, x, C = case(folder, "chain")
    path, labels, _, _ = made_of(folder, len(x), C)
    words = ["kernel", "--model", model, "--data", data, "--output", folder / "k.h5", "--tile", 4, *more, *words_of("cross-entropy", path)]
    stopped = tangram(*words, "--stop-after-tiles", 2)
    assert stopped.code == STOPPED, stopped
    with h5py.File(path, "r+") as file:
        file["labels"][3] = (labels[3] + 1) % C
    refused = tangram(*words, "--resume")
    assert refused.code != 0 and "labels or targets" in refused.errors[0], refused
    with h5py.File(path, "r+") as file:
        file["labels"][3] = labels[3]
    resumed = tangram(*words, "--resume", ranks=3)
    assert resumed.code == 0, resumed
    with h5py.File(folder / "k.h5") as out, kernel(model, data, folder / "whole.h5", "--tile", 4, *more, *words_of("cross-entropy", path),
                                                   precision="float32") as whole:
        assert out["ntk"][:].tobytes() == whole["ntk"][:].tobytes()


def test_check_and_compare_take_labels_from_where_they_were(folder):
    (model, data, more), _, x, C = case(folder, "chain")
    path = write_h5(folder / "both.h5", x=x, labels=random(3).integers(0, C, len(x)))
    with kernel(model, f"{path}:x", folder / "k.h5", *more, "--reduction", "margin", "--labels", f"{path}:labels") as out:
        numpy.save(folder / "k.npy", 2 * out["ntk"][:])
        assert out.attrs["reduction_text"] == "gradients of the margin, log p/(1-p) of the own class, of 5 outputs"
    assert tangram("check", folder / "k.h5", ranks=2).code == 0
    shutil.move(path, folder / "moved.h5")
    gone = tangram("check", folder / "k.h5")
    assert gone.code == BAD_INPUT, gone
    moved = tangram("check", folder / "k.h5", "--data", f"{folder}/moved.h5:x")
    assert moved.code == 0, moved
    compared = tangram("compare", folder / "k.h5", folder / "k.npy")
    assert compared.code == 5 and "verdict     factor 2.000000 for all entries" in compared.stdout, compared


@each({"margin": ("margin",), "sqrt-hessian": ("sqrt-hessian",)})
def test_compare_finds_no_cause_in_what_is_no_kernel_of_the_loss(folder, rule):
    (model, data, more), _, x, C = case(folder, "lenet")
    path, *_ = made_of(folder, len(x), C)
    with kernel(model, data, folder / "k.h5", *more, *words_of(rule, path)) as out:
        A = random(8).normal(size=out["ntk"].shape)
        numpy.save(folder / "k.npy", A @ A.T)
    compared = tangram("compare", folder / "k.h5", folder / "k.npy")
    assert compared.code == 5 and not compared.errors and "factor" not in compared.stdout.splitlines()[-1], compared


@each({"chain": ("chain",), "lenet": ("lenet",)})
def test_what_is_printed_says_which_rows(folder, name):
    (model, data, more), _, x, C = case(folder, name)
    path, *_ = made_of(folder, len(x), C)
    words = ["kernel", "--model", model, "--data", data, "--output", folder / "k.h5", *more, *words_of("cross-entropy", path)]
    said = f"gradients of the cross-entropy loss of {C} outputs"
    dry, run = tangram(*words, "--dry-run"), tangram(*words)
    assert said in dry.stdout and said in run.stdout, (dry, run)
    assert said in tangram("verify", folder / "k.h5").stdout
