"""`tangram init`: random networks that are the same everywhere for a seed, and that the kernel can be computed of."""

import hashlib
import time

import h5py
import numpy

from harness import each, kernel, read_safetensors, tangram

WIDTHS = ["--widths", "3,4,1"]


def init(*options):
    run = tangram("init", *options)
    assert run.code == 0, run


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(folder):
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        init(*WIDTHS, "--output", folder / f"{name}.safetensors", "--seed", seed, "--samples", 5, "--data", folder / f"{name}.h5")
        time.sleep(1.1)  # a time of day in a file would show
    models = [(folder / f"{name}.safetensors").read_bytes() for name in "abc"]
    samples = [(folder / f"{name}.h5").read_bytes() for name in "abc"]
    assert models[0] == models[1] != models[2]
    assert samples[0] == samples[1] != samples[2]


def test_seed_7_gives_the_recorded_file(folder):
    """Recorded from one build, and confirmed by splitmix64 and Box-Muller written out in Python."""
    init(*WIDTHS, "--output", folder / "m.safetensors", "--seed", 7)
    sha256 = hashlib.sha256((folder / "m.safetensors").read_bytes()).hexdigest()
    assert sha256 == "ebe010ba23377d78e1792d944947b0b6c872f02ba2a189d94bbc76745575b225", sha256


@each({"the default": ([], 1.0, True), "--std": (["--std", 0.25], 0.25, True),
       "--fan-in": (["--fan-in"], 400**-0.5, True), "--no-bias": (["--no-bias"], 1.0, False)})
def test_weights_are_normal_with_the_std_asked_for(folder, options, std, has_bias):
    init("--widths", "400,300,2", "--output", folder / "m.safetensors", *options)
    tensors = read_safetensors(folder / "m.safetensors")
    assert sorted({v.shape for v in tensors.values()}) == sorted({(300, 400), (2, 300)} | ({(300,), (2,)} if has_bias else set()))
    w = next(values for values in tensors.values() if values.shape == (300, 400)).ravel() / std
    n = w.size
    assert abs(w.mean()) < 5 / n**0.5, w.mean()
    assert abs(w.var() - 1) < 5 * (2 / n) ** 0.5, w.var()
    assert abs((w**3).mean()) < 5 * (15 / n) ** 0.5 and abs((w**4).mean() - 3) < 5 * (96 / n) ** 0.5
    assert abs(numpy.corrcoef(w[:-1], w[1:])[0, 1]) < 5 / n**0.5
    assert len(numpy.unique(w)) > 0.9 * n


@each({f"{ranks} ranks": (ranks,) for ranks in (1, 3)})
def test_the_kernel_of_what_it_makes_passes_its_checks(folder, ranks):
    init("--widths", "5,17,13,2", "--output", folder / "m.safetensors", "--seed", 1, "--samples", 31, "--data", folder / "d.h5")
    with h5py.File(folder / "d.h5") as data:
        (name,) = data
        assert data[name].shape == (31, 5)
    with kernel(folder / "m.safetensors", f"{folder}/d.h5:{name}", folder / "out.h5", "--activation", "relu_normalized",
                "--tile", 7, ranks=ranks) as out:
        assert out["checks"].attrs["passed"] == 1
        assert len(out["components"]) == 6


@each({"no widths": (["--output", "m.safetensors"], 2, "--widths is required"),
       "one width": (["--widths", "3", "--output", "m.safetensors"], 2, "--widths names 1 width"),
       "a width of 0": (["--widths", "3,0,1", "--output", "m.safetensors"], 2, "--widths has a 0"),
       "no output": (WIDTHS, 2, "--output is required"),
       "an output directory that is not there": ([*WIDTHS, "--output", "absent/m.safetensors"], 6, "cannot write the model")})
def test_a_network_that_cannot_be_made_or_written_is_refused_and_leaves_nothing(folder, options, code, says):
    if "--output" in options:
        options = [*options[:-1], folder / options[-1]]
    run = tangram("init", *options, seconds=20)
    assert run.code == code and len(run.errors) == 1 and says in run.errors[0], run
    assert list(folder.iterdir()) == []
