"""The job folders that people copy run as they are, from any directory."""

import os
import re
import subprocess

import h5py

from harness import JOBS, STARTS_FAST, TANGRAM

SLOW = True


def run(script, *words, folder):
    return subprocess.run([script, *words], cwd=folder, env=dict(os.environ, TANGRAM=str(TANGRAM), **STARTS_FAST), capture_output=True,
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


def test_the_digits_job_writes_a_verified_kernel(folder):
    done = run(JOBS / "digits" / "run.sh", folder / "ntk.h5", folder=folder)
    assert done.returncode == 0, done.stderr
    assert str(folder / "ntk.h5") in done.stdout
    with h5py.File(folder / "ntk.h5") as file:
        assert file["ntk"].shape == (1797, 1797) and file["checks"].attrs["passed"] == 1


def test_a_missing_program_points_to_the_quick_start(folder):
    script = f'source "{JOBS}/environment.sh"; unset TANGRAM; project_root="{folder}"; find_tangram'
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=20)
    assert done.returncode == 1 and "jobs/quickstart.sh" in done.stderr, done
