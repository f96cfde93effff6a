"""A newcomer's walk, by the lines that README shows first: train in PyTorch, save, two commands, a kernel whose outputs were compared."""

import os
import re
import subprocess
import sys

import h5py
import numpy

from cases import chain
from harness import ROOT, Skip, assert_close, environment, read_safetensors


def quick_start(language):
    """The code blocks of this language in README's first section."""
    section = (ROOT / "README.md").read_text().split("## Quick start")[1].split("\n## ")[0]
    return re.findall(rf"^```{language}\n(.*?)^```", section, re.MULTILINE | re.DOTALL)


def python(lines, folder, environment=None):
    done = subprocess.run([sys.executable, "-c", lines], cwd=folder, capture_output=True, text=True, timeout=300, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_lines_that_readme_shows_first_give_a_verified_kernel(folder):
    try:
        import torch  # noqa: F401
    except ImportError:
        raise Skip("no torch here: jobs/install-packages.sh --tests") from None
    for name in ("jobs", "build"):
        (folder / name).symlink_to(ROOT / name)
    training, reading = quick_start("python")
    commands = quick_start("sh")[1]
    assert len(commands.splitlines()) == 2 and "tests/run.sh" not in commands, commands
    python(training, folder)
    session = folder / "session"
    session.mkdir()
    words = environment(str(session)) | {"PATH": f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"}
    done = subprocess.run(["sh", "-ec", commands], cwd=folder, env=words, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr

    tensors = read_safetensors(folder / "model.safetensors")
    right, outputs = chain(tensors, ["0", "2"], "tanh", numpy.load(folder / "X.npy"))
    with h5py.File(folder / "ntk.h5") as file:
        assert_close(file["ntk"][:], right, "float32", "ntk")
        checks = file["checks"].attrs
        assert checks["passed"] == 1 and 0 <= checks["outputs_error"] < 1e-5
        assert checks["outputs_compared"] == 1
    assert "expected outputs" in done.stdout and re.search("checks +passed", done.stdout)
    assert numpy.abs(numpy.load(folder / "outputs.npy") - outputs).max() < 1e-5
    assert "complete" in python(reading, folder)
