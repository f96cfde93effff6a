"""Files that the program does not read as they are: each gets one line, and what that line says is done here, to the letter."""

import importlib.util
import re
import subprocess
import sys

import h5py

from bad_input_table import BAD_INPUT
from cases import CASES, assert_refused, assert_right, converted, expected, run
from harness import JOBS, Skip, each


@each({"csv": ("tutorial_x.csv",), "torch.save": ("tutorial_x.pt",)})
def test_the_python_of_the_message_makes_the_samples(folder, name):
    model = converted(folder, "tutorialckpt.pt")
    done, _ = run(folder, model, CASES / name, "--activation", "relu")
    line = assert_refused(done, BAD_INPUT, r"in Python: ")
    if "torch" in line and importlib.util.find_spec("torch") is None:
        raise Skip("no torch here: jobs/install-packages.sh --tests")
    made = subprocess.run([sys.executable, "-c", line.split("in Python: ")[1]], cwd=folder, capture_output=True, text=True, timeout=120)
    assert made.returncode == 0, made.stderr
    done, kernel = run(folder, model, folder / "tutorial_x.npy", "--activation", "relu", "--expect-outputs", CASES / "tutorialckpt.h5:y")
    assert_right(done, kernel, expected("tutorialckpt"))


@each({"csv": ("tutorial_x.csv",), "torch.save": ("tutorial_x.pt",)})
def test_to_npy_makes_the_samples(folder, name):
    made = subprocess.run([sys.executable, JOBS / "to_npy.py", CASES / name, "--output", folder / "x.npy"], capture_output=True, text=True,
                          timeout=60)
    assert made.returncode == 0, made.stderr
    done, kernel = run(folder, converted(folder, "tutorialckpt.pt"), folder / "x.npy", "--activation", "relu",
                       "--expect-outputs", CASES / "tutorialckpt.h5:y")
    assert_right(done, kernel, expected("tutorialckpt"))


@each({name: (name,) for name in ("tutorialckpt.pt", "compiled.ckpt", "dataparallel.pth.tar", "ptkinds_legacy.pt")})
def test_a_checkpoint_given_as_the_model_is_sent_to_the_converter(folder, name):
    done, _ = run(folder, CASES / name, CASES / "tutorial_x.npy", "--activation", "relu")
    assert_refused(done, BAD_INPUT, r"jobs/to_safetensors\.py")


def test_kernels_called_weight_are_told_and_right_once_transposed(folder):
    done, _ = run(folder, CASES / "keras_byhand.h5", CASES / "keras_x.h5:x", "--activation", "relu")
    assert_refused(done, BAD_INPUT, r"dense_2", r"\(out, in\)", "transpose")
    with h5py.File(CASES / "keras_byhand.h5") as given, h5py.File(folder / "model.h5", "w") as mended:
        for layer in given:
            mended[f"{layer}/weight"], mended[f"{layer}/bias"] = given[layer]["weight"][:].T, given[layer]["bias"][:]
    done, kernel = run(folder, folder / "model.h5", CASES / "keras_x.h5:x", "--activation", "relu", "--layers", "dense,dense_1,dense_2",
                       "--expect-outputs", CASES / "keras_x.h5:y")
    assert_right(done, kernel, expected("keras"))


def test_an_order_that_names_do_not_settle_is_asked_for_and_taken(folder):
    """The line names both orders; with the outputs one of them is found wrong."""
    model = converted(folder, "hidden_ae.pt")
    done, _ = run(folder, model, CASES / "hidden_ae.h5:x", "--activation", "relu,identity,relu")
    line = assert_refused(done, BAD_INPUT, "--layers")
    orders = re.findall(r"--layers ([^\s;]+)", line)
    assert len(orders) == 2, line
    found = []
    for order in orders:
        done, kernel = run(folder, model, CASES / "hidden_ae.h5:x", "--activation", "relu,identity,relu", "--layers", order,
                           "--expect-outputs", CASES / "hidden_ae.h5:y")
        found.append(done.code)
        if done.code == 0:
            assert_right(done, kernel, expected("hidden_ae"))
    assert sorted(found) == [0, BAD_INPUT], found
