"""Which samples are meant, how they are scaled, their labels, and outputs that were expected of them."""

import struct
import time

import h5py
import numpy

from digits_kernel import DIGITS, MODEL, TANH, pixels, trace
from harness import DATA, assert_close, each, kernel, tangram, write_h5, write_safetensors


def test_scaling_is_scale_shift_mean_std_in_this_order(folder):
    x = pixels(20).astype("f8")
    mean, std = numpy.linspace(-1, 1, 64), numpy.linspace(0.5, 2, 64)
    numpy.save(folder / "raw.npy", ((x * std + mean) - 0.25) / 3)
    words = ["--data-scale", 3, "--data-shift", 0.25, "--data-mean", ",".join(map(repr, mean.tolist())), "--data-std",
             ",".join(map(repr, std.tolist()))]
    with kernel(MODEL, folder / "raw.npy", folder / "out.h5", *TANH, *words) as out:
        assert_close(out["ntk"][:], trace(), "float64", "ntk")


@each({"strings": (lambda y: numpy.array(["zero", "one", "two", "three"])[y],), "one-hot": (lambda y: numpy.eye(4)[y],),
       "floats": (lambda y: y.astype("f4"),), "column": (lambda y: y[:, None],)})
def test_labels_of_every_kind_are_numbers(folder, convert):
    y = numpy.arange(20) % 4
    numpy.save(folder / "x.npy", pixels(20))
    numpy.save(folder / "y.npy", convert(y))
    with kernel(MODEL, folder / "x.npy", folder / "out.h5", *TANH, "--labels", folder / "y.npy") as out:
        labels = out["labels"]
        assert labels.dtype == "i8"
        if "classes" in labels.attrs:
            assert [labels.attrs["classes"][k] for k in labels[:]] == convert(y).tolist()
        else:
            assert (labels[:] == y).all()


def test_integer_samples_without_a_scale_are_warned_of(folder):
    data = write_h5(folder / "data.h5", x=(16 * pixels(6)).astype("u1"))
    words = ["kernel", "--model", MODEL, *TANH, "--output", folder / "out.h5", "--overwrite", "--data", f"{data}:x"]
    plain, scaled = tangram(*words), tangram(*words, "--data-scale", 0.0625)
    assert plain.code == 0 and scaled.code == 0, f"{plain}{scaled}"
    assert "--data-scale" in plain.stderr and "--data-scale" not in scaled.stderr


@each({f"{ranks} ranks": (ranks,) for ranks in (1, 4)})
def test_rows_picks_a_half_open_range(folder, ranks):
    with kernel(MODEL, f"{DIGITS}:x", folder / "out.h5", *TANH, "--rows", "3:17", "--tile", 4, ranks=ranks) as out:
        assert out["samples"][:].tolist() == list(range(3, 17))
        assert_close(out["ntk"][:], trace()[3:17, 3:17], "float64", "ntk")


@each({f"{ranks} ranks": (ranks,) for ranks in (1, 3)})
def test_indices_pick_rows_in_their_own_order(folder, ranks):
    rows = [19, 2, 7, 0, 11, 5]
    picked = write_h5(folder / "rows.h5", test=numpy.array(rows, "i4"))
    with kernel(MODEL, f"{DIGITS}:x", folder / "out.h5", *TANH, "--indices", f"{picked}:test", "--tile", 2,
                "--labels", f"{DIGITS}:y", ranks=ranks) as out, h5py.File(DIGITS) as digits:
        assert out["samples"].dtype == "i8" and out["samples"][:].tolist() == rows
        assert out["labels"][:].tolist() == digits["y"][:][rows].tolist()
        assert_close(out["ntk"][:], trace()[numpy.ix_(rows, rows)], "float64", "ntk")


def test_labels_are_kept_and_give_the_accuracy(folder):
    with h5py.File(DIGITS) as digits, h5py.File(DATA / "digits_reference.h5") as reference:
        labels = digits["y"][:20]
        right = (reference["outputs"][:].argmax(axis=1) == labels).mean()
    one_a_sample = write_h5(folder / "labels.h5", y=labels)
    for name, location in {"one a row": f"{DIGITS}:y", "one a sample": f"{one_a_sample}:y"}.items():
        with kernel(MODEL, f"{DIGITS}:x", folder / f"{name}.h5", *TANH, "--rows", "0:20", "--labels", location,
                    ranks=2) as out:
            assert out["labels"][:].tolist() == labels.tolist(), name
            assert abs(out["checks"].attrs["accuracy"] - right) < 1e-12, name


@each({f"{ranks} ranks": (ranks,) for ranks in (1, 3)})
def test_right_expected_outputs_pass(folder, ranks):
    with h5py.File(DATA / "digits_reference.h5") as reference:
        outputs = reference["outputs"][:]
    for dtype in ("f8", "f4"):
        expected = write_h5(folder / f"expected-{dtype}.h5", y=outputs.astype(dtype))
        with kernel(MODEL, f"{DIGITS}:x", folder / f"out-{dtype}.h5", *TANH, "--rows", "0:20", "--expect-outputs",
                    f"{expected}:y", "--tile", 3, ranks=ranks) as out:
            assert out["checks"].attrs["outputs_error"] < (1e-12 if dtype == "f8" else 1e-5)


@each({f"{ranks} ranks": (ranks,) for ranks in (1, 4)})
def test_one_wrong_expected_output_fails_the_check_and_the_file_says_so(folder, ranks):
    with h5py.File(DATA / "digits_reference.h5") as reference:
        outputs = reference["outputs"][:]
    outputs[17, 6] += 0.01
    expected = write_h5(folder / "expected.h5", y=outputs)
    run = tangram("kernel", "--model", MODEL, "--data", f"{DIGITS}:x", "--output", folder / "out.h5", *TANH,
                  "--rows", "0:20", "--expect-outputs", f"{expected}:y", "--tile", 3, ranks=ranks)
    assert run.code == 5, run
    assert len(run.errors) == 1, run
    assert not (folder / "out.h5").exists() and not (folder / "out.h5.partial").exists()
    with h5py.File(folder / "out.h5.failed") as out:
        assert out.attrs["status"] == "check failed"
        assert out["checks"].attrs["passed"] == 0
        assert out["checks"].attrs["outputs_error"] > 1e-4


def test_another_activation_than_the_users_fails_the_expected_outputs(folder):
    with h5py.File(DATA / "digits_reference.h5") as reference:
        expected = write_h5(folder / "expected.h5", y=reference["outputs"][:])
    run = tangram("kernel", "--model", MODEL, "--data", f"{DIGITS}:x", "--output", folder / "out.h5",
                  "--activation", "erf", "--rows", "0:20", "--expect-outputs", f"{expected}:y")
    assert run.code == 5, run


@each({"a time that is over": (["--max-seconds", 0.3], False), "SIGTERM": ([], True)})
def test_a_stop_is_obeyed_while_a_large_input_is_hashed(folder, options, is_signal):
    """8 GiB, sparse: some seconds of SHA-256 at least."""
    rows = 2**29
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, 4), }}".encode()
    header += b" " * (117 - len(header)) + b"\n"
    with open(folder / "x.npy", "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header)
        file.truncate(file.tell() + 16 * rows)
    model = write_safetensors(folder / "m.safetensors", {"1.weight": numpy.ones((1, 4))})
    words = ["kernel", "--model", model, "--data", folder / "x.npy", "--rows", "0:9", "--output", folder / "out.h5", *options]
    began = time.monotonic()
    run = tangram(*words, prefix=["timeout", "--preserve-status", "1"] if is_signal else [], seconds=60)
    assert run.code == 75 and len(run.errors) == 1 and "stopped" in run.errors[0], run
    assert time.monotonic() - began < 4
    assert sorted(path.name for path in folder.iterdir()) == ["m.safetensors", "x.npy"]
