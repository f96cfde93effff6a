"""Help, version, and the configuration file."""

import subprocess
import tempfile

import numpy

from harness import JOBS, TANGRAM, each, environment, kernel, tangram

MODEL = JOBS / "digits" / "digits_mlp.safetensors"
DIGITS = f"{JOBS}/digits/digits.h5:x"


@each({"--help": (["--help"], ["kernel", "init"]), "--version": (["--version"], ["tangram 1."]),
       "kernel --help": (["kernel", "--help"], ["--model", "--activation", "--reduction", "--expect-outputs", "--tile"]),
       "init --help": (["init", "--help"], ["--widths", "--seed", "--fan-in"]),
       "bench --help": (["bench", "--help"], ["--widths", "--repeat", "--json", "--directory"])})
def test_help_and_version_go_to_stdout(folder, words, says):
    run = tangram(*words, seconds=20)
    assert run.code == 0 and not run.stderr.strip(), run
    assert all(word in run.stdout for word in says), run.stdout


@each({"help": (["--help"], 6), "verify": (["verify", "k.h5"], 6), "compare": (["compare", "k.h5", "k.h5"], 6),
       "dry run": (["kernel", "--model", MODEL, "--data", DIGITS, "--activation", "tanh", "--output", "k2.h5", "--rows", "0:9", "--dry-run"], 6),
       "a difference": (["compare", "k.h5", "other.npy"], 5)})
def test_a_result_that_cannot_be_printed_is_no_success(folder, words, code):
    with kernel(MODEL, DIGITS, folder / "k.h5", "--activation", "tanh", "--rows", "0:9") as file:
        numpy.save(folder / "other.npy", file["ntk"][:] + 1)
    with tempfile.TemporaryDirectory(prefix="ompi-") as session, open("/dev/full", "w") as full:
        run = subprocess.run([TANGRAM, *words], env=environment(session), stdout=full, stderr=subprocess.PIPE, text=True, timeout=60,
                             cwd=folder)
    assert run.returncode == code, run
    assert ("standard output" in run.stderr) == (code == 6), run


def test_help_and_version_need_no_mpi(folder):
    spoilt = {"OMPI_MCA_btl": "none_such", "PMIX_RANK": "nonsense", "SLURM_STEP_ID": "0"}
    run = subprocess.run([TANGRAM, "--version"], env=spoilt, capture_output=True, text=True, timeout=20)
    assert run.returncode == 0, run.stderr


@each({"an unknown command": (["kernal"],), "an unknown option": (["--verison"],)})
def test_a_wrong_command_is_a_usage_error(folder, words):
    run = tangram(*words, seconds=20)
    assert run.code == 2 and len(run.errors) == 1, run


def test_the_result_goes_to_stdout_and_the_log_to_stderr(folder):
    run = tangram("kernel", "--model", MODEL, "--data", DIGITS, "--rows", "0:20", "--activation", "tanh", "--output",
                  folder / "out.h5", ranks=2)
    assert run.code == 0
    assert str(folder / "out.h5") in run.stdout and "2.weight" in run.stdout, run.stdout


def test_a_configuration_file_gives_what_the_options_would(folder):
    (folder / "job.toml").write_text('activation = "tanh"\nrows = "0:20"\nreduction = "sum"\ntile = 6\n')
    with kernel(MODEL, DIGITS, folder / "a.h5", "--config", folder / "job.toml") as configured, \
            kernel(MODEL, DIGITS, folder / "b.h5", "--activation", "tanh", "--rows", "0:20", "--reduction", "sum", "--tile",
                   6) as spelt_out:
        assert configured.attrs["reduction"] == "sum" and configured.attrs["tile"] == 6
        assert (configured["ntk"][:] == spelt_out["ntk"][:]).all()


def test_the_recorded_configuration_repeats_the_run(folder):
    with kernel(MODEL, DIGITS, folder / "a.h5", "--activation", "tanh", "--rows", "0:20", "--logit", 3, "--tile", 6) as first:
        (folder / "again.toml").write_text(first["provenance"].attrs["configuration"])
        with kernel(MODEL, DIGITS, folder / "b.h5", "--config", folder / "again.toml") as second:
            assert (first["ntk"][:] == second["ntk"][:]).all()
            assert second.attrs["logit"] == 3 and second.attrs["tile"] == 6


def test_an_unknown_key_in_the_configuration_file_suggests_the_nearest(folder):
    (folder / "job.toml").write_text('activation = "tanh"\nreducton = "sum"\n')
    run = tangram("kernel", "--model", MODEL, "--data", DIGITS, "--output", folder / "out.h5", "--config",
                  folder / "job.toml", ranks=3)
    assert run.code == 2 and len(run.errors) == 1, run
    assert "reducton" in run.errors[0] and "reduction" in run.errors[0], run.errors
    assert not (folder / "out.h5").exists()
