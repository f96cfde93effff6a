"""`tangram compare` names what was done to the parts of a kernel: components missing, doubled or scaled, factors, offsets, ridges, in
every kind of network."""

import re

import numpy

from compare_net import NETWORKS, SAMPLES, Net, compare, make, numbers_in
from harness import each, kernel


@each({label: (label,) for label in NETWORKS})
def test_every_missing_or_doubled_component_is_named(folder, label):
    net = make(folder, label)
    for k, (tensor, part) in enumerate(net.parts.items()):
        for word, sign in (("missing", -1), ("doubled", 1))[:1 if k % 3 else 2]:  # each missing, some doubled
            code, verdict = compare(net, net.K + sign * part, ranks=2 if k == 0 else 1)
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


def test_a_factor_and_an_offset_are_both_named(folder):
    net = make(folder, "tanh, 4 outputs")
    code, verdict = compare(net, 2 * net.K + 1, ranks=2)
    assert verdict.startswith("factor 2.000000 for all entries = 2") and "offset 1.000000 in every entry" in verdict, verdict
    assert "doubled fc" not in verdict and "scaled" not in verdict, verdict


def test_two_is_two_before_it_is_the_root_of_four_outputs(folder):
    net = make(folder, "tanh, 4 outputs")
    assert " = 2 = sqrt(C)" in compare(net, 2 * net.K)[1]
    assert " = 1/N (N = 60)" in compare(net, net.K / SAMPLES)[1]
    parameters = sum(a * b + b for a, b in zip(net.widths, net.widths[1:]))
    assert f"1/the number of parameters (the number of parameters = {parameters})" in compare(net, net.K / parameters)[1]


@each({"K + lambda I": (1, 0.03), "a small one": (1, 1e-3), "of K / N": (1 / SAMPLES, 1e-3), "taken off": (2, -0.01)})
def test_a_ridge_is_named_with_its_lambda(folder, factor, ridge):
    net = make(folder, "tanh, 4 outputs")
    code, verdict = compare(net, factor * net.K + ridge * numpy.eye(SAMPLES), ranks=2)
    assert verdict.startswith("ridge: " if factor == 1 else "factor ") and "tiles" not in verdict, verdict
    found = float(re.search(r"lambda = (-?[0-9.]+)", verdict)[1])
    assert abs(found / ridge - 1) < 1e-4, verdict


def test_a_ridge_of_a_full_kernel_and_of_one_without_components(folder):
    net = Net(folder, [6, 7, 3], reduction="full", samples=19)
    code, verdict = compare(net, net.K + 0.5 * numpy.eye(57))
    assert verdict.startswith("ridge: lambda = 0.5000000"), verdict
    net.path = folder / "total.h5"
    with kernel(folder / "k.safetensors", f"{folder}/k-data.h5:x", net.path, "--activation", "tanh", "--components", "none") as file:
        total = file["ntk"][:]
    code, verdict = compare(net, total + 0.5 * numpy.eye(19))
    assert verdict.startswith("ridge: lambda = 0.5000000"), verdict
