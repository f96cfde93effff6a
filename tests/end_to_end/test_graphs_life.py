"""Networks of convolutions and residual blocks in a run's life: the same bits whatever the ranks, threads and memory, and after a
kill; every command and product on them."""

import h5py
import numpy

from harness import DATA, assert_close, each, kernel, tangram, write_h5
from life_job import FAULTY
from test_bits import stored_bits
from test_plan import megabytes

SLOW = True
GRAPHS = DATA / "onnx"
SHAPES = {"lenet": (1, 20, 20), "resnet": (3, 12, 12)}


def many_samples(folder, name, count=133):
    """More samples than the fixture has, and no multiple of a tile."""
    samples = numpy.random.default_rng(3).standard_normal((count, *SHAPES[name]))
    return GRAPHS / f"{name}.onnx", f"{write_h5(folder / 'many.h5', x=samples)}:x"


@each({name: (name,) for name in SHAPES})
def test_the_bits_of_133_images_in_tiles_are_the_same_whatever_ranks_and_threads(folder, name):
    model, data = many_samples(folder, name)
    first = None
    for ranks, threads in ((1, 1), (2, 2), (3, 1), (5, 1)):
        with kernel(model, data, folder / f"{ranks}.h5", "--tile", 32, "--check-samples", 3, ranks=ranks, threads=threads,
                    precision="float32") as out:
            bits = stored_bits(out)
        first = first or bits
        different = [name for name in first if bits.get(name) != first[name]]
        assert set(bits) == set(first) and not different, f"{ranks} ranks, {threads} threads: {different}"


def test_less_memory_than_the_features_of_a_graph_need_gives_the_same_bits(folder):
    model, data = many_samples(folder, "resnet", 1800)
    options = ["--tile", 32, "--components", "none", "--conjugate-kernels", "none", "--check-samples", 3]
    command = ["kernel", "--model", model, "--data", data, "--output", folder / "few.h5", *options, "--threads", 1]
    plan = tangram(*command, "--dry-run", ranks=3)
    assert "all at once" in plan.stdout, plan.stdout
    peak = megabytes(plan.stdout, "peak")
    for share in (0.85, 0.8, 0.9, 0.75, 0.7):
        limit, less = (["--memory", room * 1e6 / 2**30] for room in (share * peak, share * peak - 5))
        tried = tangram(*command, *limit, "--dry-run", ranks=3)
        if "slices" in tried.stdout and tangram(*command, *less, "--dry-run", ranks=3).code == 0:  # a program's own memory varies
            break
    else:
        raise AssertionError(f"no share of memory makes slices\n{plan.stdout}")
    with kernel(model, data, folder / "all.h5", *options, ranks=2, precision="float32") as out:
        expected = out["ntk"][:].tobytes()
    with kernel(model, data, folder / "few.h5", *options, *limit, ranks=3, precision="float32") as out:
        assert out["ntk"][:].tobytes() == expected


def test_a_residual_network_that_was_stopped_and_killed_goes_on_to_the_same_bits(folder):
    model, data = many_samples(folder, "resnet", 67)
    options = ["--tile", 8, "--check-samples", 3]
    words = ["kernel", "--model", model, "--data", data, *options, "--checkpoint-seconds", 0, "--threads", 1, "--output", folder / "k.h5"]
    stopped = tangram(*words, "--stop-after-tiles", 10, ranks=2)
    assert stopped.code == 75, stopped
    for phase in ("write", "check"):
        killed = tangram(*words, "--resume", ranks=2, program=FAULTY, extra={"TANGRAM_FAULT": f"{phase}:1:kill"})
        assert killed.code == 137 and not (folder / "k.h5").exists(), (phase, killed)
    done = tangram(*words, "--resume", ranks=3)
    assert done.code == 0 and "resumed: 45 of 45 tiles" in done.stderr, done
    with h5py.File(folder / "k.h5") as out, kernel(model, data, folder / "whole.h5", *options, precision="float32") as whole:
        assert stored_bits(out) == stored_bits(whole)


@each({f"{name}, {ranks} ranks": (name, ranks) for name, ranks in (("lenet", 1), ("resnet", 3))})
def test_every_reduction_product_and_command_knows_graphs(folder, name, ranks):
    model, data = GRAPHS / f"{name}.onnx", f"{GRAPHS / name}.h5:x"
    with h5py.File(f"{GRAPHS / name}.h5") as expected:
        full, trace, samples = expected["full/ntk"][:], expected["trace/ntk"][:], len(expected["x"])
    outputs = len(full) // samples
    blocks = full.reshape(samples, outputs, samples, outputs)
    wanted = {"mean": trace / outputs, "sum": blocks.sum((1, 3)), "full": full}
    for reduction, matrix in wanted.items():
        with kernel(model, data, folder / f"{reduction}.h5", "--reduction", reduction, "--tile", 4, ranks=ranks) as out:
            assert_close(out["ntk"][:], matrix, "float64", reduction)
    with kernel(model, data, folder / "logit.h5", "--logit", 1, ranks=ranks) as out:
        assert_close(out["ntk"][:], blocks[:, 1, :, 1], "float64", "logit")
    with kernel(model, data, folder / "cross.h5", "--test", data, "--test-rows", "3:8", "--reduction", "full", ranks=ranks) as out:
        assert_close(out["ntk"][:], full[3 * outputs:8 * outputs], "float64", "test x train")
    with kernel(model, data, folder / "p.h5", "--space", "params", "--wrt", "*.bias", ranks=ranks) as out:
        of_parameters = out["parameter_gram"][:]
    with kernel(model, data, folder / "bias.h5", "--reduction", "full", "--wrt", "*.bias", ranks=ranks) as out:
        of_rows = numpy.linalg.eigvalsh(out["ntk"][:])[::-1]
    count = min(len(of_rows), len(of_parameters))
    assert_close(numpy.linalg.eigvalsh(of_parameters)[::-1][:count], of_rows[:count], "float32", "eigenvalues of the two Grams")
    for words in (["verify", folder / "full.h5"], ["check", folder / "cross.h5"], ["check", folder / "p.h5"], ["spectrum", folder / "sum.h5"]):
        done = tangram(*words)
        assert done.code == 0, (words, done)
