"""Numbers at the edges of their type: kernels that vanish in part or whole are right, ones that overflow are refused."""

import re

import h5py
import numpy

from harness import assert_close, each, kernel, tangram, write_h5, write_safetensors

# tanh' from 1 to far below the smallest number of either precision, and its square through their subnormal ranges
SATURATING = numpy.array([0.1, 2, 5, 15, 20, 22, 25, 30, 45, 51, 60, 100, 170, 180, 185, 190, 300, 360, 375, 400, 900])


@each({f"{precision}, {ranks} ranks": (precision, ranks) for precision in ("float32", "float64") for ranks in (1, 3)})
def test_saturated_samples_do_not_fail_the_checks(folder, precision, ranks):
    model = write_safetensors(folder / "m.safetensors", {"1.weight": [[1.0]], "1.bias": [0.0], "2.weight": [[1.0]]})
    data = write_h5(folder / "d.h5", x=SATURATING[:, None])
    with kernel(model, f"{data}:x", folder / "out.h5", "--activation", "tanh", "--tile", 4, "--check-samples", 21,
                precision=precision, ranks=ranks) as out:
        slope, value = 1 / numpy.cosh(numpy.minimum(SATURATING, 350)) ** 2, numpy.tanh(SATURATING)
        expected = {"1.bias": numpy.outer(slope, slope), "2.weight": numpy.outer(value, value),
                    "1.weight": numpy.outer(slope * SATURATING, slope * SATURATING)}
        for name, component in expected.items():
            assert_close(out["components"][name][:], component, precision, name)


def underflow_run(folder, first, second, x, precision, *options):
    """Table, remarks by component, count."""
    model = write_safetensors(folder / "m.safetensors", {"fc1.weight": first, "fc2.weight": second}, "F64")
    data = write_h5(folder / "d.h5", x=x)
    run = tangram("kernel", "--model", model, "--data", f"{data}:x", "--output", folder / "out.h5", "--precision", precision, *options)
    assert run.code == 0, run
    with h5py.File(folder / "out.h5") as out:
        names = out["checks/component"].asstr()[:]
        return run.stdout, dict(zip(names, out["checks/remark"].asstr()[:])), out["checks"].attrs["underflowing_components"]


@each({"samples": (), "parameters": ("--space", "params")})
def test_a_component_that_underflows_is_said_to_and_counted(folder, *space):
    """The kernel of fc1 is 1e-50 x x, that of fc2 x x: the total is right, the component lies as zeros."""
    words = ([[1.0]], [[1e-25]], numpy.arange(1.0, 7)[:, None])
    text, remarks, count = underflow_run(folder, *words, "float32", "--activation", "identity", *space)
    assert remarks == {"fc1.weight": "underflows float32", "fc2.weight": ""} and count == 1, text
    assert "ok, underflows float32" in text and re.search("underflow   1 of 2 components( and the total)? hold entries too small for float32", text), text
    text, remarks, count = underflow_run(folder, *words, "float64", "--activation", "identity", "--overwrite", *space)
    assert set(remarks.values()) == {""} and count == 0 and "underflow" not in text, text


@each({"at a check sample": (9,), "at a sample that is none": (300,)})
def test_a_component_that_underflows_in_part_is_said_to(folder, samples):
    """(tanh'(25) 25)^2 is 3.7e-40, stored with fewer digits."""
    x = numpy.full((samples, 1), 0.5)
    x[4] = 25
    text, remarks, count = underflow_run(folder, [[1.0]], [[1.0]], x, "float32", "--activation", "tanh")
    assert remarks == {"fc1.weight": "underflows float32", "fc2.weight": ""} and count == 1, text


@each({precision: (precision,) for precision in ("float32", "float64")})
def test_a_network_that_is_dead_has_a_zero_kernel_which_passes(folder, precision):
    model = write_safetensors(folder / "m.safetensors", {"1.weight": -numpy.ones((3, 2)), "2.weight": numpy.ones((1, 3))})
    data = write_h5(folder / "d.h5", x=numpy.ones((9, 2)))
    with kernel(model, f"{data}:x", folder / "out.h5", "--activation", "relu", "--tile", 4, precision=precision,
                ranks=2) as out:
        assert (out["ntk"][:] == 0).all()
        assert (out["checks/scale"][:] == 1).all()


def test_weights_and_samples_of_zero_pass(folder):
    model = write_safetensors(folder / "m.safetensors", {"1.weight": numpy.zeros((3, 2)), "2.weight": numpy.zeros((1, 3))})
    data = write_h5(folder / "d.h5", x=numpy.zeros((5, 2)))
    with kernel(model, f"{data}:x", folder / "out.h5", "--activation", "tanh", precision="float32") as out:
        assert (out["ntk"][:] == 0).all()


def test_samples_whose_norms_span_decades_near_the_end_of_float32_pass(folder):
    generator = numpy.random.default_rng(3)
    model = write_safetensors(folder / "m.safetensors", {"1.weight": generator.normal(size=(16, 8)), "1.bias": numpy.zeros(16),
                                                         "2.weight": generator.normal(size=(3, 16))}, "F64")
    x = generator.normal(size=(17, 8)) * 10.0 ** numpy.linspace(-8, 0, 17)[:, None] * 1e-14
    data = write_h5(folder / "d.h5", x=x)
    with kernel(model, f"{data}:x", folder / "out.h5", "--activation", "relu", "--tile", 4, precision="float32") as out:
        assert out["checks"].attrs["passed"] == 1


def test_a_network_that_amplifies_rounding_passes_in_float64_and_says_so(folder):
    run = tangram("init", "--widths", "128,128,128,128,128,128,128,128,3", "--output", folder / "m.safetensors", "--samples", 20,
                  "--data", folder / "d.h5")
    assert run.code == 0, run
    with kernel(folder / "m.safetensors", f"{folder}/d.h5:x", folder / "out.h5", "--activation", "sin", ranks=2) as out:
        assert out["checks"].attrs["conditioning"] > 1e4
        assert out["checks"].attrs["tolerance"] <= 1e-5


def test_samples_that_only_rounding_puts_beside_a_kink_are_left_out(folder):
    """W x = 0.1 + 0.2 - 0.3, which is not 0 in float64: on which side of relu's kink it lies is chance."""
    model = write_safetensors(folder / "m.safetensors", {"1.weight": [[0.1, 0.2, -0.3], [1.0, 0.0, 0.0]],
                                                         "2.weight": [[1.0, 1.0]]}, "F64")
    x = numpy.random.default_rng(4).normal(size=(9, 3))
    x[2] = 1
    data = write_h5(folder / "d.h5", x=x)
    with kernel(model, f"{data}:x", folder / "out.h5", "--activation", "relu", "--tile", 4) as out:
        assert out["checks"].attrs["samples_near_kink"] == 1


@each({"an activation beyond float32": (1e30, 1e10), "a kernel beyond float32": (1e12, 1e12)})
def test_what_overflows_float32_is_refused_and_float64_holds_it(folder, weight, sample):
    model = write_safetensors(folder / "m.safetensors", {"1.weight": [[weight]], "2.weight": [[1.0]]}, "F64")
    data = write_h5(folder / "d.h5", x=numpy.full((6, 1), sample))
    words = ["kernel", "--model", model, "--data", f"{data}:x", "--activation", "identity", "--tile", 2]
    run = tangram(*words, "--output", folder / "out.h5", ranks=2, seconds=20)
    assert run.code == 3 and len(run.errors) == 1 and "float32" in run.errors[0], run
    assert not (folder / "out.h5").exists()
    with kernel(*words[2:3], words[4], folder / "double.h5", "--activation", "identity", "--tile", 2, ranks=2) as out:
        assert_close(out["ntk"][:], numpy.full((6, 6), sample**2 + (weight * sample) ** 2), "float64", "ntk")


@each({f"{precision}, {ranks} ranks": (precision, ranks) for precision in ("float32", "float64") for ranks in (1, 3)})
def test_a_component_whose_gradients_cancel_is_zero_within_rounding(folder, precision, ranks):
    """The outputs' sum does not depend on the first layer: its columns of weights add up to zero, but for rounding."""
    generator = numpy.random.default_rng(5)
    last = generator.normal(size=(7, 9))
    last -= last.mean(axis=0)
    model = write_safetensors(folder / "m.safetensors", {"1.weight": generator.normal(size=(9, 4)), "2.weight": last}, "F64")
    data = write_h5(folder / "d.h5", x=generator.normal(size=(30, 4)))
    run = tangram("kernel", "--model", model, "--data", f"{data}:x", "--activation", "tanh", "--reduction", "sum", "--tile", 8,
                  "--precision", precision, "--output", folder / "out.h5", ranks=ranks)
    assert run.code == 0, f"{run}\n{run.stdout}"
    assert "ok, zero within rounding" in run.stdout and "1 of 2 components are zero within rounding" in run.stdout, run.stdout
    with h5py.File(folder / "out.h5") as out:
        assert 0 < numpy.abs(out["components/1.weight"][:]).max() < 1e-25
        assert out["checks/remark"].asstr()[:].tolist() == ["zero within rounding", ""]
        assert out["checks/scale"][0] == 1 and out["checks"].attrs["zero_components"] == 1


def test_a_component_that_is_only_small_is_no_zero(folder):
    """1e-24 of the other component, each gradient one term: measured as any other."""
    model = write_safetensors(folder / "m.safetensors", {"1.weight": [[1.0, 0.5]], "2.weight": [[1e-12]]}, "F64")
    data = write_h5(folder / "d.h5", x=numpy.random.default_rng(2).normal(size=(9, 2)))
    with kernel(model, f"{data}:x", folder / "out.h5", "--activation", "tanh") as out:
        assert out["checks/remark"].asstr()[:].tolist() == ["", ""]


@each({"float32": ("float32", 1500, 1e-5 + 1500 * 2.0**-23), "float64": ("float64", 200, 1e-10)})
def test_a_total_of_many_layers_is_held_to_what_its_sum_can_be(folder, precision, depth, tolerance):
    """1500 components of the same size: in float32 their sum is off by more than 1e-5, and right."""
    model = write_safetensors(folder / "m.safetensors", {f"l{k:04d}.weight": numpy.eye(2) for k in range(depth)}, "F64")
    x = numpy.random.default_rng(7).normal(size=(12, 2))
    data = write_h5(folder / "d.h5", x=x)
    with kernel(model, f"{data}:x", folder / "out.h5", "--activation", "identity", "--conjugate-kernels", "none", precision=precision,
                seconds=60) as out:
        checks = out["checks"].attrs
        assert checks["tolerance_of_total"] == max(checks["tolerance"], depth * (2.0**-23 if precision == "float32" else 2.0**-52))
        assert numpy.abs(out["ntk"][:] - 2 * depth * x @ x.T).max() <= tolerance * 2 * depth * (x @ x.T).max()
    run = tangram("verify", folder / "out.h5")
    assert run.code == 0, run
