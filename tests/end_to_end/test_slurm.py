"""The job scripts on a real Slurm of two virtual nodes, as people submit them: unedited, from the repository's root, with
`tangram` on the PATH."""

import os
import re
import tempfile
import time

import h5py
import numpy

import slurm_cluster
from harness import BUILD, JOBS, STARTS_FAST, TANGRAM, each, kernel, once
from slurm_cluster import cluster, wait_until

MOSTLY_WAITS = SLOW = True
SIDE_BY_SIDE = 4
finish = slurm_cluster.stop

# Ranks that wait sleep (tests/waiting/nap.c): other tests run beside these.
NAP = {name: value for name, value in STARTS_FAST.items() if name == "LD_PRELOAD"}


def slow(milliseconds):
    """Every plane of a tile takes so much longer."""
    return {"TANGRAM_FAULT": f"assemble:*:slow{milliseconds}"}


DIGITS = ["--model", JOBS / "digits" / "digits_mlp.safetensors", "--activation", "tanh", "--data",
          f"{JOBS}/digits/digits.h5:x"]


def root(folder, program=TANGRAM):
    """A folder that has of the repository's root what the scripts use, and `bin/tangram`."""
    (folder / "jobs").symlink_to(JOBS)
    (folder / "bin").mkdir()
    (folder / "bin" / "tangram").symlink_to(program)
    return folder


def edit(folder, script, **lines):
    """A copy of the script with other values in its top lines."""
    text = (JOBS / script).read_text()
    for name, value in lines.items():
        text, changed = re.subn(rf"^{name}=.*$", f"{name}={value}", text, flags=re.MULTILINE)
        assert changed == 1, f"{script} has no line {name}="
    (folder / script).write_text(text)
    return script


class Job:
    def __init__(self, folder, *words, **extra):
        self.slurm, self.folder = cluster(), folder
        path = f"{folder}/bin:{self.slurm.environment['PATH']}"
        # Each job has a place of its own for Open MPI's sockets: two that begin at once would make one folder twice.
        sessions = tempfile.mkdtemp(prefix="ompi-", dir=self.slurm.folder)
        done = self.slurm.run("sbatch", "--parsable", *words, cwd=folder, PATH=path, OMPI_MCA_orte_tmpdir_base=sessions, **NAP, **extra)
        assert done.returncode == 0, done.stderr
        self.number = done.stdout.strip()

    def facts(self):
        """What Slurm says of the job (of its tasks, for an array), {key: value} each."""
        lines = self.slurm.run("scontrol", "--oneliner", "show", "job", self.number).stdout.splitlines()
        return [dict(word.split("=", 1) for word in line.split() if "=" in word) for line in lines]

    def log(self):
        return "".join(path.read_text(errors="replace") for path in sorted(self.folder.glob(f"*-{self.number}*.log")))

    def wait(self, seconds=240):
        """To its end; what Slurm then says."""
        over = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY")
        wait_until(lambda: all(task["JobState"] in over for task in self.facts()), seconds,
                   lambda: f"job {self.number} is over: {[task['JobState'] for task in self.facts()]}\n{self.log()[-1500:]}")
        return self.facts()

    def wait_for_tiles(self):
        """Until the ranks are in the tile loop."""
        wait_until(lambda: "features of 1797 samples" in self.log(), 120, lambda: f"tiles\n{self.log()[-1500:]}")
        time.sleep(2)


def completed(tasks):
    return all(task["JobState"] == "COMPLETED" and task["ExitCode"] == "0:0" for task in tasks)


@once
def undisturbed_path(folder, *options):
    with kernel(JOBS / "digits" / "digits_mlp.safetensors", f"{JOBS}/digits/digits.h5:x", folder / "undisturbed.h5",
                "--activation", "tanh", *options, ranks=2, precision="float32") as file:
        return file.filename


def undisturbed(*options):
    return h5py.File(undisturbed_path(*options))


def assert_same_bits(path, reference):
    with h5py.File(path) as file:
        names = ["ntk", *(f"components/{name}" for name in reference["components"]),
                 *(f"conjugate_kernels/{name}" for name in reference["conjugate_kernels"])]
        assert sorted(file["components"]) == sorted(reference["components"])
        for name in names:
            assert file[name][:].tobytes() == reference[name][:].tobytes(), f"{name} has other bits"
        assert file.attrs["status"] == "complete"


@each({"srun": ("kernel.sbatch",), "mpirun": ("kernel-mpirun.sbatch",)})
def test_a_job_runs_to_its_end_on_two_nodes(folder, script):
    job = Job(root(folder), f"jobs/{script}")
    tasks = job.wait()
    assert completed(tasks), (tasks, job.log()[-2000:])
    assert "4 ranks on 2 hosts (node1, node2), threads each: 2" in job.log(), job.log()[:2000]
    with h5py.File(folder / "digits-ntk.h5") as file:
        assert file["provenance"].attrs["hosts"].tolist() == ["node1", "node2"]
        assert file["provenance"].attrs["slurm_job_id"] == job.number
        assert (file["timing"].attrs["ranks"], file["timing"].attrs["threads"]) == (4, 2)
    with undisturbed() as reference:
        assert_same_bits(folder / "digits-ntk.h5", reference)


# A signal that comes while MPI starts is lost, so there is time to start in: slurmctld looks every 30 s and counts these into
# the warning, which comes 40 to 70 s after a start here. The work is 140 s of waiting for each rank.
@each({"srun": ("kernel.sbatch", "USR1@50"), "mpirun": ("kernel-mpirun.sbatch", "B:USR1@50")})
def test_a_job_whose_time_limit_is_too_short_is_cut_off_twice_and_ends_with_the_same_bits(folder, script, signal):
    root(folder, BUILD / "tests" / "tangram_with_faults")
    tiles = ("--tile", "32")  # many small ones: the disk that is slow has few to catch up with when the signal comes
    edited = edit(folder, script, more=f"({' '.join(tiles)})")
    job = Job(folder, "--time=2", f"--signal={signal}", edited, **slow(42))
    tasks = job.wait(600)
    assert completed(tasks), (tasks, job.log()[-2000:])
    assert int(tasks[0]["Restarts"]) >= 2, tasks
    assert job.log().count("stopped in order; going back into the queue") == int(tasks[0]["Restarts"]), job.log()
    assert len(re.findall(r"resumed: [1-9]\d* of \d+ tiles are on disk", job.log())) >= 2, job.log()
    with undisturbed(*tiles) as reference:
        assert_same_bits(folder / "digits-ntk.h5", reference)


@each({"srun": ("kernel.sbatch",), "mpirun": ("kernel-mpirun.sbatch", "--batch")})
def test_a_signal_by_hand_queues_the_job_again(folder, script, *words):
    job = Job(root(folder, BUILD / "tests" / "tangram_with_faults"), f"jobs/{script}", **slow(100))
    job.wait_for_tiles()
    sent = job.slurm.run("scancel", "--signal=USR1", *words, job.number)
    assert sent.returncode == 0, sent.stderr
    tasks = job.wait()
    assert completed(tasks) and tasks[0]["Restarts"] == "1", (tasks, job.log()[-2000:])
    assert re.search(r"resumed: [1-9]\d* of \d+ tiles are on disk", job.log()), job.log()
    with undisturbed() as reference:
        assert_same_bits(folder / "digits-ntk.h5", reference)


def test_a_cancelled_job_goes_on_when_it_is_submitted_again(folder):
    root(folder, BUILD / "tests" / "tangram_with_faults")
    edited = edit(folder, "kernel.sbatch", more="(--checkpoint-seconds 0)")  # each tile is noted as soon as it is there
    job = Job(folder, edited, **slow(100))
    noted = lambda: sum(path.read_bytes().count(b"\ntile ") for path in folder.glob("digits-ntk.h5.journal.*"))
    wait_until(noted, 120, lambda: f"a tile in a journal\n{job.log()[-1500:]}")
    job.slurm.run("scancel", job.number)
    assert [task["JobState"] for task in job.wait()] == ["CANCELLED"]
    assert not (folder / "digits-ntk.h5").exists() and (folder / "digits-ntk.h5.partial").exists()
    again = Job(folder, edited)
    assert completed(again.wait()), again.log()[-2000:]
    assert re.search(r"resumed: [1-9]\d* of \d+ tiles are on disk", again.log()), again.log()
    with undisturbed() as reference:
        assert_same_bits(folder / "digits-ntk.h5", reference)


def test_an_error_ends_the_job_with_its_code_and_does_not_queue_it_again(folder):
    (root(folder) / "digits-ntk.h5.lock").mkdir()
    job = Job(folder, "jobs/kernel.sbatch")
    tasks = job.wait()
    assert [(task["JobState"], task["ExitCode"], task["Restarts"]) for task in tasks] == [("FAILED", "6:0", "0")], tasks
    assert len(re.findall(r"^tangram: error: ", job.log(), re.MULTILINE)) == 1, job.log()


def test_an_array_makes_the_kernels_of_a_series_and_leaves_alone_what_is_done(folder):
    job = Job(root(folder), "jobs/series.sbatch")
    tasks = job.wait()
    assert len(tasks) == 4 and completed(tasks), (tasks, job.log()[-2000:])
    outputs = sorted((folder / "digits-series").iterdir())
    assert [path.name for path in outputs] == [f"step-{step:05}.h5" for step in (0, 10, 100, 1000)], outputs
    norms = []
    for path in outputs:
        with h5py.File(path) as file:
            assert file.attrs["status"] == "complete"
            norms.append(numpy.linalg.norm(file["ntk"][:]))
    assert len(set(norms)) == 4, "four checkpoints, four kernels"
    before = [(path.stat().st_ino, path.stat().st_mtime_ns) for path in outputs]
    again = Job(folder, "--array=0-4", "jobs/series.sbatch")
    assert completed(again.wait()), again.log()[-2000:]
    assert again.log().count("is there already: complete") == 4 and "there is no checkpoint 4" in again.log(), again.log()
    assert [(path.stat().st_ino, path.stat().st_mtime_ns) for path in outputs] == before


def test_a_spectrum_and_a_regression_follow_their_kernel_and_drift_stands_alone(folder):
    kernel_job = Job(root(folder), "jobs/kernel.sbatch")
    drift = Job(folder, "jobs/drift.sbatch")
    job = Job(folder, f"--dependency=afterok:{kernel_job.number}", "jobs/spectrum.sbatch")
    assert completed(kernel_job.wait()) and completed(job.wait()), job.log()[-2000:]
    edited = edit(folder, "regress.sbatch", ridge="1e-3m")
    regression = Job(folder, edited)
    assert completed(regression.wait()), regression.log()[-2000:]
    assert completed(drift.wait()), drift.log()[-2000:]
    with h5py.File(folder / "digits-drift.h5") as file:
        assert file["drift/cka"].shape == (7, 4, 4) and file["checks"].attrs["passed"] == 1 and list(file["drift/step"][:]) == [0, 10, 100, 1000]
    with h5py.File(folder / "digits-ntk.regression.h5") as file:
        assert file["provenance"].attrs["hosts"].tolist() == ["node1", "node2"] and file["regression/train_accuracy"][0] > 0.99
    with h5py.File(folder / "digits-ntk.spectrum.h5") as file:
        assert file["provenance"].attrs["hosts"].tolist() == ["node1", "node2"]
        assert file["spectrum/ntk/eigenvalues"].shape == (1797,) and len(file["spectrum/components"]) == 6


def test_one_task_of_an_array_is_queued_again_alone(folder):
    job = Job(root(folder, BUILD / "tests" / "tangram_with_faults"), "--array=0-1", "jobs/series.sbatch", **slow(30))
    job.wait_for_tiles()
    last = f"{job.number}_1"  # it bears the array's own number
    wait_until(lambda: "features of 1797" in (folder / f"tangram-series-{job.number}-1.log").read_text(), 120, "tiles of task 1")
    job.slurm.run("scancel", "--signal=USR1", last)
    tasks = job.wait()
    assert completed(tasks), (tasks, job.log()[-2000:])
    assert {task["ArrayTaskId"]: task["Restarts"] for task in tasks} == {"0": "0", "1": "1"}, tasks


@each({"none": ("none",), "pmi2": ("pmi2",)})
def test_srun_without_pmix_is_told_so_in_one_line(folder, kind):
    slurm = cluster()
    done = slurm.run("srun", "--ntasks=2", f"--mpi={kind}", TANGRAM, "kernel", *DIGITS, "--output", folder / "o.h5", cwd=folder)
    errors = re.findall(r"^tangram: error: (.*)$", done.stderr, re.MULTILINE)
    assert done.returncode == 2 and len(errors) == 1, (done.returncode, done.stderr)
    assert "PMIx" in errors[0] and "--mpi=pmix" in errors[0] and "mpirun" in errors[0], errors
    assert not os.listdir(folder)
