"""jobs/images: the committed CNN gives autograd's kernel, tensor by tensor, and the job runs to its end."""

import importlib.util
import os
import subprocess

import h5py

from converters import need_torch
from harness import JOBS, STARTS_FAST, TANGRAM, assert_close, kernel, need
from test_export import jacobians, traces

IMAGES = JOBS / "images"
MODEL, SAMPLES = IMAGES / "digits_cnn.onnx", IMAGES / "digits_cnn.samples.h5"
COUNT = 12


def committed_network(torch):
    """As train.py makes it, with the tensors of the file."""
    need("onnx")
    from onnx import load, numpy_helper

    spec = importlib.util.spec_from_file_location("train_images", IMAGES / "train.py")
    train = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(train)
    model = train.make()
    tensors = {each.name: torch.tensor(numpy_helper.to_array(each)) for each in load(MODEL).graph.initializer}
    absent, unknown = model.load_state_dict(tensors, strict=False)
    assert not unknown and all(name.endswith("num_batches_tracked") for name in absent), (absent, unknown)
    return model


def test_the_committed_network_has_the_kernel_of_autograd(folder):
    torch = need_torch()
    with h5py.File(SAMPLES) as file:
        samples = torch.tensor(file["samples"][:COUNT])
    expected = traces(jacobians(torch, committed_network(torch), samples))
    with kernel(MODEL, f"{SAMPLES}:samples", folder / "ntk.h5", "--rows", f"0:{COUNT}", "--expect-outputs", f"{SAMPLES}:outputs",
                precision="float32") as file:
        assert file["checks"].attrs["outputs_error"] < 1e-5
        assert sorted(file["components"]) == sorted(expected)
        for name, values in expected.items():
            assert_close(file["components"][name][:], values, "float32", name)
        assert_close(file["ntk"][:], sum(expected.values()), "float32", "ntk")


def test_the_samples_are_the_digits(folder):
    with h5py.File(SAMPLES) as ours, h5py.File(JOBS / "digits" / "digits.h5") as digits:
        assert (ours["samples"][:].reshape(1797, 64) == digits["x"][:]).all() and (ours["labels"][:] == digits["y"][:]).all()
        assert (ours["outputs"][:].argmax(1) == digits["y"][:]).mean() > 0.99


def test_the_images_job_writes_a_verified_kernel_and_its_picture(folder):
    need("matplotlib")
    done = subprocess.run([IMAGES / "run.sh", folder / "ntk.h5"], cwd=folder, env=dict(os.environ, TANGRAM=str(TANGRAM), ROWS="100:140", **STARTS_FAST),
                          capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f"{folder / 'ntk.png'}\n") and (folder / "ntk.png").read_bytes().startswith(b"\x89PNG"), done.stdout
    with h5py.File(folder / "ntk.h5") as file:
        assert file["ntk"].shape == (40, 40) and file["checks"].attrs["passed"] == 1 and file["samples"][0] == 100
