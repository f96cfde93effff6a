#!/usr/bin/python3
"""Makes tests/data/references.h5: kernels of networks chosen to be hard, by PyTorch's autograd in float64.

The explicit Jacobian J of the outputs by each parameter tensor is taken sample by sample with torch.autograd, and the
tensor's component is J J^T. Nothing here knows of layerwise formulas. Needs python3-torch and python3-h5py; the tests
only read the file, so it is run by hand when a network is added:

    /usr/bin/python3 tests/reference/make_references.py tests/data/references.h5

The file, for each network:
    /<network>                       attrs: options (the tangram options that describe it, one string a word)
    /<network>/x                     (N, d_0)
    /<network>/model/<module>/weight (d_l, d_{l-1}), and bias (d_l) where there is one
    /<network>/outputs               (N, C)
    /<network>/expected/<reduction>/ntk, components/<module>.<tensor>          <reduction>: trace, mean, .., logit_<k>
"""

import math
import sys
from dataclasses import dataclass, field

import h5py
import numpy
import torch
from torch.nn import functional as F

torch.set_default_dtype(torch.float64)


def relu_normalized(z):
    return math.sqrt(2 * math.pi / (math.pi - 1)) * (torch.relu(z) - 1 / math.sqrt(2 * math.pi))


ACTIVATIONS = {
    "identity": lambda z: z,
    "relu": torch.relu,
    "leaky_relu": F.leaky_relu,
    "leaky_relu:0.2": lambda z: F.leaky_relu(z, 0.2),
    "elu": F.elu,
    "elu:0.7": lambda z: F.elu(z, 0.7),
    "selu": F.selu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "erf": torch.erf,
    "gelu": F.gelu,
    "gelu_tanh": lambda z: 0.5 * z * (1 + torch.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3))),
    "silu": F.silu,
    "softplus": F.softplus,
    "softplus:3": lambda z: F.softplus(z, 3),
    "sin": torch.sin,
    "relu_normalized": relu_normalized,
}


@dataclass
class Case:
    """A network, what tangram is to be told of it, and the reductions to keep."""

    widths: list
    activations: list  # hidden layers, one each
    reductions: list
    output_activation: str = "identity"
    bias: str = "all"  # all, none, or the numbers of the layers that have one
    gain: float = 1.0  # weights are N(0, gain^2 / fan_in); 0 stands for N(0, 1), and biases are N(0, 1) either way
    samples: int = 9
    module: str = "layer{}"  # the name of layer l = 1, 2, ..
    first: int = 1  # the number that stands in the first layer's name,
    step: int = 1  # and how far it is to the next
    parameterization: str = "standard"
    weight_std: list = field(default_factory=list)
    bias_std: list = field(default_factory=list)
    scales: dict = field(default_factory=dict)  # explicit: weight, bias, output
    dtype: str = "f4"  # of the stored weights and samples: every value used is exactly representable in it

    @property
    def depth(self):
        return len(self.widths) - 1

    def has_bias(self, layer):
        return self.bias == "all" or (self.bias != "none" and layer in self.bias)

    def name(self, layer):
        return self.module.format(self.first + self.step * (layer - 1))


CASES = {
    "deep_mixed": Case([6, 12, 11, 10, 9, 10, 11, 12, 3],
                       ["tanh", "relu", "gelu", "softplus", "sin", "erf", "sigmoid"],
                       ["trace", "logit:1"], bias=[1, 4, 5, 8], gain=1.5, samples=13, module="net.{}", first=0, step=2),
    "deep_without_bias": Case([5, 7, 6, 7, 5, 6, 7, 6, 1], ["silu"] * 7, ["trace", "sum"], bias="none", gain=1.9,
                              samples=11, module="fc{}", first=4),
    "wide": Case([16, 256, 128, 5], ["leaky_relu:0.2"] * 2, ["trace", "mean", "sum"], samples=12, module="blocks.{}.linear"),
    "width_one": Case([3, 1, 4, 1, 2], ["elu:0.7", "tanh", "leaky_relu"], ["trace", "full"], samples=7, gain=0),
    "one_in_one_out": Case([1, 8, 1], ["softplus:3"], ["trace", "full"], samples=10, gain=0),
    "single_layer": Case([7, 5], [], ["trace", "mean", "sum", "full", "logit:0", "logit:4"], samples=8, gain=0),
    "single_layer_tanh": Case([4, 1], [], ["trace", "mean"], output_activation="tanh", bias="none", gain=0),
    "normal_weights": Case([5, 6, 7, 5], ["relu_normalized", "elu"], ["trace", "full"], samples=7, gain=0, dtype="f8"),
    "ntk_one_std": Case([9, 32, 24, 1], ["gelu_tanh"] * 2, ["trace", "logit:0"], gain=0, parameterization="ntk",
                        weight_std=[1.5], bias_std=[0.1], samples=13),
    "ntk_std_each": Case([8, 10, 12, 5], ["selu", "silu"], ["mean", "full"], gain=0, parameterization="ntk",
                         weight_std=[1.5, 1.2, 0.9], bias_std=[0.1, 0.3, 0.05], bias=[2, 3], samples=7),
    "ntk_without_bias": Case([6, 16, 16, 2], ["relu"] * 2, ["mean", "sum"], bias="none", gain=0, parameterization="ntk"),
    "post_activation": Case([8, 20, 15, 5], ["relu"] * 2, ["trace", "full"], gain=0, bias=[1, 3], samples=8,
                            parameterization="post-activation"),
    "torchntk_alias": Case([6, 9, 11, 1], ["relu_normalized", "erf"], ["trace"], gain=0, parameterization="torchntk"),
    "explicit_scales": Case([5, 9, 8, 5], ["sin", "gelu"], ["trace", "logit:2"], gain=0, bias=[1, 2],
                            scales={"weight": [0.5, 0.25, 1.75], "bias": [0.3, 2.0, 1.0], "output": [1.25, 0.8, 0.6]}),
    "output_tanh": Case([6, 10, 9, 5], ["sigmoid", "identity"], ["trace", "sum", "full"], output_activation="tanh",
                        gain=1.3, samples=7),
    "output_softplus": Case([7, 12, 1], ["tanh"], ["trace"], output_activation="softplus", gain=0),
    "output_sigmoid_ntk": Case([5, 11, 5], ["gelu"], ["mean", "logit:3"], output_activation="sigmoid", gain=0,
                               parameterization="ntk", weight_std=[1.7, 1.1], bias_std=[0.4]),
}


def scales(case, layer):
    """a_l, b_l, c_l: z_l = a_l W_l x_{l-1} + b_l B_l, x_l = c_l phi_l(z_l)."""

    def of_layer(numbers):
        return numbers[layer - 1] if len(numbers) > 1 else numbers[0]

    if case.scales:
        return tuple(case.scales[kind][layer - 1] for kind in ("weight", "bias", "output"))
    if case.parameterization == "ntk":
        weight_std = of_layer(case.weight_std) if case.weight_std else 1.0
        return weight_std / math.sqrt(case.widths[layer - 1]), of_layer(case.bias_std) if case.bias_std else 0.0, 1.0
    if case.parameterization in ("post-activation", "torchntk"):
        return 1.0, 1.0, 1.0 if layer == case.depth else 1 / math.sqrt(case.widths[layer])
    return 1.0, 1.0, 1.0


def options(case):
    """The same network in tangram's words."""
    words = []

    def say(option, values):
        if values:
            words.extend([option, ",".join(str(value) for value in values)])

    one_for_all = len(set(case.activations)) == 1
    say("--activation", case.activations[:1] if one_for_all else case.activations)
    say("--output-activation", [case.output_activation] if case.output_activation != "identity" else [])
    say("--parameterization", [case.parameterization] if case.parameterization != "standard" else [])
    say("--weight-std", case.weight_std)
    say("--bias-std", case.bias_std)
    for kind in ("weight", "bias", "output"):
        say(f"--{kind}-scale", case.scales.get(kind, []))
    return words


def draw_parameters(case, random):
    """{tensor name: tensor}, rounded to the stored type, in the order of the layers."""
    parameters = {}
    for layer in range(1, case.depth + 1):
        fan_out, fan_in = case.widths[layer], case.widths[layer - 1]
        std = case.gain / math.sqrt(fan_in) if case.gain else 1.0
        drawn = {"weight": std * random.standard_normal((fan_out, fan_in))}
        if case.has_bias(layer):
            drawn["bias"] = random.standard_normal(fan_out)
        for kind, values in drawn.items():
            stored = values.astype(case.dtype).astype("f8")
            parameters[f"{case.name(layer)}.{kind}"] = torch.tensor(stored, requires_grad=True)
    return parameters


def forward(case, parameters, x):
    for layer in range(1, case.depth + 1):
        a, b, c = scales(case, layer)
        z = a * (parameters[case.name(layer) + ".weight"] @ x)
        if case.has_bias(layer):
            z = z + b * parameters[case.name(layer) + ".bias"]
        x = c * ACTIVATIONS[case.output_activation if layer == case.depth else case.activations[layer - 1]](z)
    return x


def jacobians(case, parameters, samples):
    """Outputs (N, C) and, for each tensor, J (N, C, number of its entries)."""
    outputs, rows = [], {name: [] for name in parameters}
    for x in samples:
        y = forward(case, parameters, x)
        outputs.append(y.detach().numpy())
        by_output = [torch.autograd.grad(y[k], list(parameters.values()), retain_graph=True) for k in range(len(y))]
        for index, name in enumerate(parameters):
            rows[name].append(numpy.stack([gradients[index].numpy().ravel() for gradients in by_output]))
    return numpy.stack(outputs), {name: numpy.stack(values) for name, values in rows.items()}


def gram(jacobian, reduction):
    """J (N, C, P) to the kernel: outputs traced, averaged, summed, kept (row i*C + r), or one of them."""
    count, outputs, _ = jacobian.shape
    if reduction == "full":
        rows = jacobian.reshape(count * outputs, -1)
        return rows @ rows.T
    if reduction == "sum":
        rows = jacobian.sum(axis=1)
        return rows @ rows.T
    if reduction.startswith("logit:"):
        rows = jacobian[:, int(reduction[6:])]
        return rows @ rows.T
    trace = numpy.einsum("irp,jrp->ij", jacobian, jacobian, optimize=True)
    return trace / outputs if reduction == "mean" else trace


def write_case(file, name, case):
    random = numpy.random.default_rng([20260101, *name.encode()])
    samples = random.standard_normal((case.samples, case.widths[0])).astype(case.dtype)
    parameters = draw_parameters(case, random)
    outputs, jacobian = jacobians(case, parameters, torch.tensor(samples.astype("f8")))

    group = file.create_group(name)
    group.attrs["options"] = options(case)
    group["x"] = samples
    group["outputs"] = outputs
    for tensor, value in parameters.items():
        stored = value.detach().numpy().astype(case.dtype)
        compressed = {"compression": "gzip", "shuffle": True} if stored.size > 1000 else {}
        group.create_dataset("model/" + tensor.replace(".", "/"), data=stored, **compressed)
    for reduction in case.reductions:
        expected = group.create_group("expected/" + reduction.replace(":", "_"))
        components = {tensor: gram(jacobian[tensor], reduction) for tensor in parameters}
        expected["ntk"] = sum(components.values())
        for tensor, component in components.items():
            expected["components/" + tensor] = component
    return numpy.abs(outputs).max()


def main():
    used = {a.split(":")[0] for case in CASES.values() for a in [*case.activations, case.output_activation]}
    missing = {name.split(":")[0] for name in ACTIVATIONS} - used
    if missing:
        sys.exit(f"no network uses {', '.join(sorted(missing))}")
    with h5py.File(sys.argv[1], "w", libver="latest") as file:
        for name, case in CASES.items():
            print(f"{name}: largest output {write_case(file, name, case):.3g}", flush=True)


if __name__ == "__main__":
    main()
