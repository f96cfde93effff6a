"""The job folders that people copy run as they are, from any directory."""

import os
import re
import subprocess

import h5py

from harness import JOBS, STARTS_FAST, TANGRAM, need

SLOW = True


def run(script, *words, folder, **settings):
    return subprocess.run([script, *words], cwd=folder, env=dict(os.environ, TANGRAM=str(TANGRAM), **STARTS_FAST, **settings), capture_output=True,
                          text=True, stdin=subprocess.DEVNULL, timeout=120)


def test_the_notebook_job_reproduces_every_printed_number_and_answers_its_open_question(folder):
    done = run(JOBS / "notebook" / "run.sh", folder=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "every number that the notebook printed is reproduced" in done.stdout, done.stdout
    assert "54.521683" in done.stdout and "160.76" in done.stdout
    answer = re.search(r"^  (offset 106\.24.*)$", done.stdout, re.MULTILINE)
    assert answer and all(f"d{k}.bias" in answer[1] for k in (1, 2, 3)) and "no fit can assign" in answer[1], done.stdout
    for width in (3, 6, 12, 24):
        line = re.search(rf"^  width {width}: (.*)$", done.stdout, re.MULTILINE)[1]
        assert line.startswith("scaled fc1.weight by") and line.count("1/sqrt(fan_in)") == 3 and f"fan_in = {2 * width})" in line, line


def test_the_quick_start_ends_with_a_verified_kernel_its_picture_and_what_to_do_next(folder):
    """Where all packages are there and the program is built: both are only said to be."""
    need("matplotlib")
    (folder / "bin").mkdir()
    for name, says in {"cmake": "true", "dpkg-query": "printf installed", "apt-get": "false"}.items():
        (folder / "bin" / name).write_text(f"#!/bin/sh\n{says}\n")
        (folder / "bin" / name).chmod(0o755)
    done = run(JOBS / "quickstart.sh", "ntk.h5", folder=folder, PATH=f"{folder}/bin:{os.environ['PATH']}")
    assert done.returncode == 0, done.stderr
    with h5py.File(folder / "ntk.h5") as file:
        assert file["ntk"].shape == (1797, 1797) and file["checks"].attrs["passed"] == 1 and file["checks"].attrs["outputs_error"] < 1e-5
        error = f"the total {file['checks'].attrs['total_relative_error']:.1e}"
    assert (folder / "ntk.png").read_bytes().startswith(b"\x89PNG")
    last = done.stdout[done.stdout.index("computed  "):]
    for word in ("kernel 1797 x 1797, trace over 10 outputs", "digits_mlp.safetensors", "passed, by explicit Jacobians of 16 samples", error, "your own outputs",
                 str(folder / "ntk.h5"), str(folder / "ntk.png"), "tangram kernel --model model.safetensors"):
        assert word in last, (word, last)


def test_a_missing_program_points_to_the_quick_start(folder):
    script = f'source "{JOBS}/environment.sh"; unset TANGRAM; project_root="{folder}"; find_tangram'
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=20)
    assert done.returncode == 1 and "jobs/quickstart.sh" in done.stderr, done
