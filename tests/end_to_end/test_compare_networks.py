"""`tangram compare` on a graph names what files alone cannot tell: BatchNorm fused, statistics counted as parameters, one weight not
shared, products of traces. The other kernels are float64 autograd's of the network that somebody else took this one for."""

import copy
import importlib

import h5py
import numpy

from compare_net import DIFFERENT, EQUAL
from harness import each, exporting, kernel, need, tangram

SAMPLES = 30


def torch_nn():
    return need("torch"), need("torch").nn


def cnn():
    """Convolutions without and with a bias, before a BatchNorm whose statistics are no 0 and 1; groups, strides, pads."""
    torch, nn = torch_nn()
    model = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.Tanh(),
                          nn.Conv2d(4, 6, 3, stride=2, groups=2), nn.BatchNorm2d(6), nn.Tanh(), nn.Flatten(), nn.Linear(24, 3))
    return filled(model.double().eval(), 3), samples(2, 6, 6)


def mlp():
    torch, nn = torch_nn()
    model = nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 2))
    return filled(model.double().eval(), 4), samples(5)


def tied():
    """One weight, used as it is and transposed."""
    torch, nn = torch_nn()

    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight, self.bias = nn.Parameter(torch.randn(6, 4) / 2), nn.Parameter(torch.randn(4))

        def forward(self, x, second=None):
            second = self.weight if second is None else second
            return torch.tanh(x @ self.weight.T) @ second + self.bias

    return filled(Tied().double().eval(), 5), samples(4)


def filled(model, seed):
    """With numbers of its own, whatever other threads draw from torch's generator; statistics that are no 0 and 1."""
    torch, random = need("torch"), numpy.random.default_rng(seed)
    with torch.no_grad():
        for name, values in [*model.named_parameters(), *model.named_buffers()]:
            if not values.is_floating_point():
                continue
            numbers = random.uniform(0.5, 2, values.shape) if name.endswith("var") else random.normal(size=values.shape)
            fan_in = values[0].numel() if values.dim() > 1 else 1
            values.copy_(torch.from_numpy(numbers / fan_in**0.5))
    return model


def samples(*shape):
    return need("torch").from_numpy(numpy.random.default_rng(9).normal(size=(SAMPLES, *shape)))


def called(model, values, one):
    """model(one) with these parameters and buffers."""
    torch = need("torch")
    call = torch.func.functional_call if hasattr(torch, "func") else importlib.import_module("torch.nn.utils.stateless").functional_call
    return call(model, values, (one,))


def jacobians(call, parameters, x):
    """{name: (samples, outputs, parameters)} of call(parameters, one sample)."""
    torch = need("torch")
    found = {name: [] for name in parameters}
    for one in x:
        rows = torch.autograd.functional.jacobian(lambda *values: call(dict(zip(parameters, values)), one[None])[0], tuple(parameters.values()))
        for name, row in zip(parameters, rows):
            found[name].append(row.reshape(row.shape[0], -1).numpy())
    return {name: numpy.array(rows) for name, rows in found.items()}


def with_statistics_as_parameters(model):
    """The same, its normalizations written out: PyTorch's own have no derivative with respect to their statistics."""
    torch, nn = torch_nn()

    class Norm(nn.Module):
        def __init__(self, norm):
            super().__init__()
            self.eps = norm.eps
            for name in ("weight", "bias", "running_mean", "running_var"):
                setattr(self, name, nn.Parameter(getattr(norm, name).detach().clone()))

        def forward(self, x):
            along = lambda values: values.reshape(1, -1, *[1] * (x.dim() - 2))
            return along(self.weight) * (x - along(self.running_mean)) / torch.sqrt(along(self.running_var) + self.eps) + along(self.bias)

    return nn.Sequential(*(Norm(module) if hasattr(module, "running_mean") else copy.deepcopy(module) for module in model))


def components(model, x):
    """{name: trace kernel} of a module's parameters."""
    values = {name: value.detach() for name, value in model.named_parameters()}
    J = jacobians(lambda chosen, one: called(model, chosen, one), values, x)
    return {name: numpy.einsum("irp,jrp->ij", rows, rows) for name, rows in J.items()}


def total(parts):
    return sum(parts.values())


class Graph:
    """The network as ONNX, whole, its samples, and its kernel file."""

    def __init__(self, folder, model, x, *options, name="k", samples=None):
        torch = need("torch")
        with exporting:
            torch.onnx.export(model, x[:2], folder / f"{name}.onnx", training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False,
                              input_names=["x"], output_names=["y"], dynamic_axes={"x": {0: "n"}, "y": {0: "n"}}, opset_version=17)
        with h5py.File(folder / f"{name}-x.h5", "w") as file:
            file["x"] = x.numpy()
        self.folder, self.path, self.data = folder, folder / f"{name}.h5", f"{folder}/{name}-x.h5:x"
        with kernel(folder / f"{name}.onnx", self.data, self.path, "--tile", 8, "--check-samples", 3, *options) as file:
            self.K = file["ntk"][:]

    def verdict(self, other, *options, ranks=1):
        numpy.save(self.folder / "other.npy", other)
        run = tangram("compare", self.path, self.folder / "other.npy", *options, ranks=ranks)
        assert run.code in (EQUAL, DIFFERENT) and not run.errors, run
        assert (run.code == EQUAL) == run.stdout.startswith("equal"), run.stdout
        return run.stdout.splitlines()[0]


def fused(model):
    torch, nn = torch_nn()
    layers, modules = [], list(model)
    for module in modules:
        if isinstance(module, nn.BatchNorm2d):
            layers[-1] = torch.nn.utils.fusion.fuse_conv_bn_eval(layers[-1], module)
        elif isinstance(module, nn.BatchNorm1d):
            layers[-1] = torch.nn.utils.fusion.fuse_linear_bn_eval(layers[-1], module)
        else:
            layers.append(copy.deepcopy(module))
    return nn.Sequential(*layers).eval()


@each({"behind convolutions": (cnn, "into the convolution before it"), "behind a dense layer": (mlp, "or dense layer before it")})
def test_batchnorm_that_was_fused_is_named(folder, make, words):
    model, x = make()
    graph = Graph(folder, model, x)
    ours, theirs = components(model, x), components(fused(model), x)
    numpy.testing.assert_allclose(graph.K, total(ours), rtol=0, atol=1e-11 * graph.K.max())
    verdict = graph.verdict(total(theirs), ranks=2)
    assert verdict.startswith("BatchNorm fused: ") and words in verdict and "24 samples" in verdict and "besides" not in verdict, verdict
    verdict = graph.verdict(total(theirs) / model[-1].out_features)
    assert verdict.startswith("BatchNorm fused: ") and "besides, mean over outputs" in verdict, verdict
    verdict = graph.verdict(total(theirs) - theirs["0.bias"])
    assert verdict.startswith("BatchNorm fused: ") and "besides, missing 0.bias" in verdict, verdict
    verdict = graph.verdict(graph.K)
    assert verdict.startswith("equal"), verdict


@each({"of a convolutional network": (cnn,), "of a dense one": (mlp,)})
def test_statistics_that_count_as_parameters_are_named(folder, make):
    model, x = make()
    graph = Graph(folder, model, x)
    parts = components(with_statistics_as_parameters(model), x)
    verdict = graph.verdict(total(parts))
    assert verdict.startswith("statistics counted as parameters: ") and "besides" not in verdict, verdict
    if make is cnn:  # in the other one the mean's component is that of the bias before it
        verdict = graph.verdict(total(parts) - parts["1.running_var"])
        assert verdict.startswith("statistics counted as parameters: ") and "besides, missing 1.running_var" in verdict, verdict
    some = {name: part for name, part in parts.items() if "running" not in name}
    assert graph.verdict(total(some)).startswith("equal"), some.keys()
    assert graph.verdict(total(some) - some["1.weight"]).startswith("missing 1.weight"), some.keys()


def test_a_weight_that_was_not_shared_is_named(folder):
    model, x = tied()
    graph = Graph(folder, model, x)
    ours = components(model, x)
    numpy.testing.assert_allclose(graph.K, total(ours), rtol=0, atol=1e-11 * graph.K.max())
    values = {"weight": model.weight.detach(), "bias": model.bias.detach(), "second": model.weight.detach()}
    torch = need("torch")
    J = jacobians(lambda chosen, one: torch.tanh(one @ chosen["weight"].T) @ chosen["second"] + chosen["bias"], values, x)
    apart = {name: numpy.einsum("irp,jrp->ij", rows, rows) for name, rows in J.items()}
    verdict = graph.verdict(total(apart))
    assert verdict.startswith("one weight, not shared: each use of a tensor") and "besides" not in verdict, verdict
    verdict = graph.verdict(total(apart) - apart["second"])
    assert verdict.startswith("one weight, not shared: ") and "missing weight" in verdict and "missing bias" not in verdict, verdict
    assert graph.verdict(graph.K).startswith("equal"), verdict


def positions_of(model, x):
    """[(s (samples, outputs, groups, T, d_out), patches (samples, groups, T, d_in), input (samples, groups, ..))] of each convolution."""
    torch, nn = torch_nn()
    found = []
    for module in [module for module in model if isinstance(module, nn.Conv2d)]:
        inputs, s = input_and_sensitivities(model, module, x)
        n, g = len(x), module.groups
        patches = []  # group by group
        for group in inputs.chunk(g, 1):
            patches.append(torch.nn.functional.unfold(group, module.kernel_size, module.dilation, module.padding, module.stride).transpose(1, 2))
        patches = torch.stack(patches, 1)
        s = s.reshape(n, s.shape[1], g, -1, patches.shape[2]).transpose(-1, -2)
        found.append((s.numpy(), patches.numpy(), inputs.reshape(n, g, -1).numpy()))
    return found


def input_and_sensitivities(model, module, x):
    """What a module is given, and d(output)/d(what it gives), (samples, outputs, channels, ..)."""
    torch, kept, s = need("torch"), {}, []

    def keep(_, inputs, output):
        kept["x"], kept["z"] = inputs[0].detach(), output
        output.retain_grad()

    hook = module.register_forward_hook(keep)
    for r in range(model[-1].out_features):
        model.zero_grad()
        model(x)[:, r].sum().backward()
        s.append(kept["z"].grad.detach())
    hook.remove()
    return kept["x"], torch.stack(s, 1)


FORMULAS = {
    "pairs": ("equal", lambda s, X, x: numpy.einsum("irgpo,jrgqo,igpk,jgqk->ij", s, s, X, X, optimize=True)),
    "traces": ("product of traces: of weights that are used at several positions it has (sum_p s_p . s'_p)(sum_p x_p",
               lambda s, X, x: numpy.einsum("irgpo,jrgpo,igqk,jgqk->ij", s, s, X, X, optimize=True)),
    "traces, the input as it is": ("product of traces: of weights that are used at several positions it has (sum_p s_p . s'_p)(x . x')",
                                   lambda s, X, x: numpy.einsum("irgpo,jrgpo,igk,jgk->ij", s, s, x, x, optimize=True)),
    "sums": ("product of sums", lambda s, X, x: numpy.einsum("irgo,jrgo,igk,jgk->ij", s.sum(3), s.sum(3), X.sum(2), X.sum(2), optimize=True)),
    "same positions": ("one weight, not shared: each position", lambda s, X, x: numpy.einsum("irgpo,jrgpo,igpk,jgpk->ij", s, s, X, X, optimize=True)),
    "traces, means in one factor": ("1/T", lambda s, X, x: numpy.einsum("irgpo,jrgpo,igqk,jgqk->ij", s, s, X, X, optimize=True) / s.shape[3]),
    "sums, means everywhere": ("1/T^4", lambda s, X, x: numpy.einsum("irgo,jrgo,igk,jgk->ij", s.mean(3), s.mean(3), X.mean(2), X.mean(2), optimize=True)),
}


@each({label: (label,) for label in FORMULAS})
def test_formulas_that_are_not_the_sum_over_pairs_of_positions_are_named(folder, label):
    model, x = cnn()
    graph = Graph(folder, model, x)
    ours = components(model, x)
    words, formula = FORMULAS[label]
    positions = positions_of(model, x)
    rest = total(ours) - ours["0.weight"] - ours["3.weight"]
    verdict = graph.verdict(rest + sum(formula(*one) for one in positions), ranks=2)
    assert verdict.startswith(words) or words.startswith("1/T") and "positions; means over positions" in verdict and f", {words} (on" in verdict, verdict
    assert "besides" not in verdict, verdict
    if label == "pairs":
        return
    for name in ("1.bias", "3.bias", "4.bias"):  # position by position, too
        _, sensitivities = input_and_sensitivities(model, model[int(name[0])], x)
        flat = sensitivities.flatten(2).numpy()
        rest = rest - ours[name] + numpy.einsum("irx,jrx->ij", flat, flat)
    verdict = graph.verdict(rest + sum(formula(*one) for one in positions))
    assert "biases position by position, too (on 24 samples)" in verdict and "besides" not in verdict, verdict


def test_test_samples_and_single_outputs_are_compared_so_too(folder):
    model, x = cnn()
    torch = need("torch")
    graph = Graph(folder, model, x, "--test", f"{folder}/t-x.h5:x" if write_test(folder, x) else "", "--logit", "1")
    other = fused(model)
    values = {name: value.detach() for name, value in other.named_parameters()}
    J = jacobians(lambda chosen, one: called(other, chosen, one), values, torch.cat([x, x[:9] + 1]))
    K = sum(rows[SAMPLES:, 1] @ rows[:SAMPLES, 1].T for rows in J.values())
    verdict = graph.verdict(K)
    assert verdict.startswith("BatchNorm fused: ") and "9 test samples and 24 samples" in verdict, verdict


def write_test(folder, x):
    with h5py.File(folder / "t-x.h5", "w") as file:
        file["x"] = x[:9].numpy() + 1
    return True


@each({"noise": (0,), "a factor for every sample": (1,), "its square": (2,)})
def test_what_is_none_of_these_stays_a_residual(folder, kind):
    model, x = cnn()
    graph = Graph(folder, model, x)
    random = numpy.random.default_rng(1)
    scale = random.uniform(0.5, 2, SAMPLES)
    noise = random.normal(size=graph.K.shape)
    other = [graph.K + 1e-3 * graph.K.max() * (noise + noise.T), graph.K * numpy.outer(scale, scale), graph.K**2][kind]
    verdict = graph.verdict(other)
    assert verdict.startswith("residual that nothing explains"), verdict
