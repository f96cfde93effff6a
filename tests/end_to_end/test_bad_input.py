"""Bad input gives one line that names file, dataset and shape and says what to do, the right exit code on every rank, no
hang and no output file. Every case is tried on one process; on 4 ranks those in which ranks may differ."""

import re
import subprocess

import bad_files  # noqa: F401 (these fill the table)
import bad_models  # noqa: F401
import bad_options  # noqa: F401
from bad_input_table import CASES, DIGITS, FLAG, FORBIDDEN, MODEL, NO_RESOURCES, USAGE
from bad_numbers import thread
from harness import bound_by_permissions, each, kernel, tangram

SECONDS = 20


def words_of(folder, changes):
    """The command line of a good run with these changes."""
    options = {"--model": MODEL, "--data": f"{DIGITS}:x", "--rows": "0:20", "--activation": "tanh",
               "--output": folder / "out.h5"} | changes
    return ["kernel", *[word for option, value in options.items() if value is not None
                        for word in ([option] if value is FLAG else [option, value])]]


def contents(folder):
    return {path: path.stat().st_mode & 0o777 and path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(folder, make, code, says, ranks, **how):
    words = words_of(folder, make(folder))
    before = contents(folder)

    run = tangram(*words, ranks=ranks, seconds=SECONDS, **how)

    assert run.code == code, f"expected {code}: {run}"
    assert len(run.errors) == 1, f"{len(run.errors)} error lines: {run}"
    line = run.errors[0]
    if ranks == 1:
        assert run.stderr.rstrip().splitlines()[-1] == "tangram: error: " + line, run.stderr
    assert not re.search(r"HDF5-DIAG|terminate called|what\(\)|Segmentation|MPI_ABORT", run.stderr), run.stderr
    unsaid = [text for text in says if text not in line]
    assert not unsaid, f"does not say {unsaid}: {line}"
    place = r"\(.+\).*: \S" if code != USAGE else r": \S"
    assert re.search(place, line), f"no place, or nothing to do: {line}"
    after = contents(folder)
    assert after == before, f"files made or changed: {[path.name for path in after if after[path] != before.get(path)]}"


@each(CASES)
def test_is_refused(folder, make, code, says, ranks):
    refused(folder, make, code, says, ranks)


@each(FORBIDDEN)
def test_permissions_are_obeyed(folder, make, code, says, ranks):
    prefix = bound_by_permissions()
    if prefix is None:
        print("       skipped: root ignores permissions, and setpriv cannot take that from it here")
        return
    refused(folder, make, code, says, ranks, prefix=prefix)


@each({label: (extra,) for label, extra in {"srun --mpi=none": {}, "srun --mpi=pmi2": {"PMI_RANK": "0"}}.items()})
def test_srun_without_pmix_is_told_once_and_before_mpi(folder, extra):
    """Four tasks as srun would start them: only the environment tells that they belong together."""
    errors = []
    for task in range(4):
        run = tangram(*words_of(folder, {}), seconds=SECONDS,
                      extra={"SLURM_STEP_ID": "0", "SLURM_PROCID": str(task), "SLURM_NTASKS": "4"} | extra)
        assert run.code == USAGE, run
        assert task == 0 or not run.stderr, f"task {task} is not silent: {run}"
        errors += run.errors
    assert len(errors) == 1 and "srun --mpi=pmix" in errors[0] and "mpirun" in errors[0], errors
    assert not any(folder.iterdir())


def test_mpirun_inside_a_step_of_slurm_is_legitimate(folder):
    run = tangram(*words_of(folder, {}), prefix=["mpirun", "-n", "1"], launcher={}, extra={"SLURM_STEP_ID": "0", "SLURM_PROCID": "0", "SLURM_NTASKS": "1"})
    assert run.code == 0, run


# Open MPI 4.1 gives every program the threads it asks for: this one claims less.
NO_THREADS = """
#include <mpi.h>
int MPI_Init_thread(int* argc, char*** argv, int required, int* provided) {
    (void)required;
    int code = PMPI_Init_thread(argc, argv, MPI_THREAD_SINGLE, provided);
    *provided = MPI_THREAD_SINGLE;
    return code;
}
"""


@each({"1 rank": (1,), "4 ranks": (4,)})
def test_an_mpi_without_threads_is_refused(folder, ranks):
    (folder / "no_threads.c").write_text(NO_THREADS)
    subprocess.run(["mpicc", "-shared", "-fPIC", "-o", folder / "no_threads.so", folder / "no_threads.c"], check=True)
    run = tangram(*words_of(folder, {}), ranks=ranks, seconds=SECONDS, extra={"LD_PRELOAD": str(folder / "no_threads.so")})
    assert run.code == NO_RESOURCES, run
    assert len(run.errors) == 1 and "MPI_THREAD_FUNNELED" in run.errors[0], run
    assert not (folder / "out.h5").exists() and not (folder / "out.h5.partial").exists()


def test_numbers_beyond_float32_are_held_by_float64(folder):
    options = thread(folder, 1e12, 1, sample=1e12, precision="float64")
    with kernel(options["--model"], options["--data"], folder / "out.h5", "--activation", "identity", "--tile", 2,
                ranks=2) as file:
        assert file["ntk"][17, 17] == 1e24 + 1e48
