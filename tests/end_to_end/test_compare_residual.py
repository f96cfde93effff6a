"""`tangram compare` finds no cause where there is none: rounding is equal, noise is a residual with its size and place, and what has
nothing of the kernel is not explained by it."""

import numpy

from compare_net import DIFFERENT, EQUAL, SAMPLES, compare, make, numbers_in
from harness import each


@each({"ones": (lambda n: numpy.ones((n, n)), "a constant, 1.000000"), "zeros": (lambda n: numpy.zeros((n, n)), "a constant, 0.00000"),
       "the identity": (numpy.eye, "1.000000 on the diagonal and 0 elsewhere")})
def test_what_has_nothing_of_the_kernel_is_not_explained_by_it(folder, other, says):
    net = make(folder, "tanh, 4 outputs")
    code, verdict = compare(net, other(SAMPLES))
    assert verdict.startswith("residual: " + says) and "missing" not in verdict, verdict


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
        assert code == EQUAL and 1e-9 < float(verdict.split()[2]) < 1e-6, verdict


def test_no_cause_is_found_in_50_healthy_kernels(folder):
    """Kernels as other programs give them: float32 with rounding of their own, now and then mirrored or as float64."""
    random = numpy.random.default_rng(7)
    for k, label in enumerate(["tanh, 4 outputs", "relu, 1 output", "no biases", "ntk parameterization", "float32"]):
        (folder / str(k)).mkdir()
        net = make(folder / str(k), label)
        for trial in range(10):
            size = 10.0 ** random.uniform(-9, -6)
            healthy = net.K + size * numpy.sqrt(numpy.outer(net.K.diagonal(), net.K.diagonal())) * random.standard_normal(net.K.shape)
            code, verdict = compare(net, healthy, dtype=random.choice(["f4", "f8"]), ranks=2 if trial == 0 else 1)
            assert code == EQUAL, (label, size, verdict)


def test_a_tolerance_can_be_given(folder):
    net = make(folder, "relu, 1 output")
    other = net.K + 1e-4 * net.K.max() * numpy.random.default_rng(2).standard_normal(net.K.shape)
    assert compare(net, other)[0] == DIFFERENT and compare(net, other, "--tolerance", "1e-3")[0] == EQUAL
    code, verdict = compare(net, other - net.parts["fc1.weight"], "--tolerance", "1e-3")
    assert verdict.startswith("missing fc1.weight"), verdict
