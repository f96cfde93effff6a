"""`tangram compare` recognises the same entries in another arrangement: orders, layouts, parts, triangles, and a kernel that was
centred."""

import re

import h5py
import numpy

from compare_net import DIFFERENT, SAMPLES, Net, compare, make
from harness import each, kernel, tangram


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
    assert verdict.startswith("equal, to the last bit" if same else "order of the rows: output-major"), verdict


CENTRE = numpy.eye(SAMPLES) - 1 / SAMPLES
PERMUTED = numpy.random.default_rng(4).permutation(SAMPLES)


@each({"lower triangle": (numpy.tril, "asymmetric: the lower triangle alone"), "upper triangle": (numpy.triu, "asymmetric: the upper triangle alone"),
       "rows permuted": (lambda K: K[PERMUTED], f"asymmetric: its rows are in another order than its columns: .*its row 0 is row {PERMUTED[0]} here"),
       "columns permuted": (lambda K: K[:, PERMUTED], f"asymmetric: its columns are in another order than its rows: .*its column 0 is column {PERMUTED[0]} here"),
       "centred": (lambda K: CENTRE @ K @ CENTRE, "centred by rows and columns"),
       "centred over N": (lambda K: CENTRE @ K @ CENTRE / SAMPLES, "centred by rows and columns.*times 0.01666667 = 1/N"),
       "rows centred": (lambda K: K @ CENTRE, "centred by rows alone, and so asymmetric"),
       "columns centred": (lambda K: CENTRE @ K, "centred by columns alone, and so asymmetric")})
def test_what_is_no_sum_of_components_is_recognised(folder, change, says):
    net = make(folder, "tanh, 4 outputs")
    for ranks in (0, 3):
        code, verdict = compare(net, change(net.K), ranks=ranks)
        assert code == DIFFERENT and re.match(says, verdict), verdict


def test_a_kernel_that_is_centred_already_is_not_called_centred(folder):
    """Samples and their negatives through a linear network without biases: every row sums to zero."""
    model, data, path = folder / "m.safetensors", folder / "d.h5", folder / "k.h5"
    tangram("init", "--widths", "5,7,2", "--no-bias", "--output", model, ranks=0)
    x = numpy.random.default_rng(8).standard_normal((20, 5))
    with h5py.File(data, "w") as file:
        file["x"] = numpy.vstack([x, -x])
    with kernel(model, f"{data}:x", path, "--activation", "identity") as file:
        K = file["ntk"][:]
    assert numpy.abs(K.sum(0)).max() < 1e-12 * K.max()
    numpy.save(folder / "o.npy", 3 * K)
    run = tangram("compare", path, folder / "o.npy")
    assert run.stdout.startswith("factor 3.000000"), run.stdout


def test_any_other_asymmetry_is_said_with_its_place(folder):
    net = make(folder, "tanh, 4 outputs")
    other = net.K * (1 + 0.1 * numpy.random.default_rng(5).random(net.K.shape))
    worst = numpy.unravel_index(numpy.tril(numpy.abs(other - other.T)).argmax(), other.shape)
    code, verdict = compare(net, other, ranks=2)
    assert verdict.startswith("residual") and f"it is asymmetric: at row {worst[0]}, column {worst[1]} " in verdict, verdict


PARTS = {"a rectangle": (slice(10, 30), slice(5, 44), "rows 10 to 29 and columns 5 to 43"), "one row": (slice(7, 8), slice(0, 60), "rows 7 and columns 0 to 59"),
         "a block of the diagonal": (slice(3, 50), slice(3, 50), "rows 3 to 49 and columns 3 to 49"),
         "chosen rows": ([5, 3, 17], slice(0, 60), "rows 5, 3, 17 and columns 0 to 59"), "one entry": (slice(2, 3), slice(2, 3), "rows 2 and columns 2")}


@each({f"{label}, {dtype}": (*row, dtype) for label, row in PARTS.items() for dtype in ("f4", "f8")})
def test_a_part_of_the_kernel_is_found_in_it(folder, rows, columns, says, dtype):
    net = make(folder, "tanh, 4 outputs")
    code, verdict = compare(net, net.K[rows][:, columns], ranks=2, dtype=dtype)
    assert code == DIFFERENT and verdict.startswith(f"part of this kernel: its {says}; there it is equal"), verdict
