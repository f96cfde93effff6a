"""Images as bytes: standardised they give the right kernel, and where scale or order of channels is missing the run says so."""

import re

import h5py

from bad_input_table import BAD_INPUT
from cases import (CASES, FAILED, assert_refused, assert_right, assert_says_what_is_not_proven, chain, converted, expected,
                   run, said)
from harness import assert_close, read_safetensors, tangram, write_h5

STANDARDISED = ["--channels-first", "--data-scale", "1/255", "--data-mean", "0.49,0.48,0.45", "--data-std", "0.25,0.24,0.26"]


def test_images_standardised_by_channel(folder):
    """The expected kernel is of samples rounded to float32, so the one of the bytes lies 1e-8 beside it; the chain rule has it exactly."""
    model = converted(folder, "images.pt")
    with h5py.File(CASES / "images.h5") as file:
        raw, rounded = file["raw"][:], file["x"][:]
    exact = ((raw / 255 - [0.49, 0.48, 0.45]) / [0.25, 0.24, 0.26]).transpose(0, 3, 1, 2)
    tensors = read_safetensors(model)
    assert_close(chain(tensors, ["1", "3"], "relu", rounded)[0], expected("images"), "float64", "the oracle")
    right, outputs = chain(tensors, ["1", "3"], "relu", exact)
    write_h5(folder / "y.h5", y=outputs)
    done, kernel = run(folder, model, CASES / "images.h5:raw", "--activation", "relu", *STANDARDISED, "--expect-outputs", f"{folder}/y.h5:y")
    assert_right(done, kernel, right)
    done, kernel = run(folder, model, CASES / "images.h5:x", "--activation", "relu", "--expect-outputs", CASES / "images.h5:y")
    assert_right(done, kernel, expected("images"))


def test_images_as_bytes_against_the_outputs_of_float32_samples(folder):
    """In the default precision the rounding of the samples is none of a check's business."""
    done = tangram("kernel", "--model", converted(folder, "images.pt"), "--data", CASES / "images.h5:raw", "--activation", "relu", *STANDARDISED,
                   "--expect-outputs", CASES / "images.h5:y", "--output", folder / "out.h5")
    assert done.code == 0, done
    with h5py.File(folder / "out.h5") as file:
        assert_close(file["ntk"][:], expected("images"), "float32", "ntk")


def test_outputs_of_float32_samples_are_recognised_and_the_tolerance_named_helps(folder):
    options = ["--activation", "relu", *STANDARDISED, "--expect-outputs", CASES / "images.h5:y"]
    done, _ = run(folder, converted(folder, "images.pt"), CASES / "images.h5:raw", *options)
    assert_refused(done, FAILED, "outputs")
    (tolerance,) = set(re.findall(r"--check-tolerance ([\de.+-]+)", said(done)))
    done, kernel = run(folder, converted(folder, "images.pt"), CASES / "images.h5:raw", *options, "--check-tolerance", tolerance)
    assert done.code == 0, done
    assert_close(kernel, expected("images"), "float32", "ntk")


def test_images_as_bytes_are_not_taken_in_silence(folder):
    done, kernel = run(folder, converted(folder, "images.pt"), CASES / "images.h5:raw", "--activation", "relu")
    if done.code == 0:
        assert_says_what_is_not_proven(done)
    assert "--channels-first" in done.stderr and "--data-scale" in done.stderr, done


def test_images_whose_scale_was_forgotten_are_refused_with_the_line_that_is_meant(folder):
    without = [word for word in STANDARDISED if word not in ("--data-scale", "1/255")]
    done, _ = run(folder, converted(folder, "images.pt"), CASES / "images.h5:raw", "--activation", "relu", *without)
    assert done.code in (2, BAD_INPUT) and "--data-scale 1/255" in "".join(done.errors), done
