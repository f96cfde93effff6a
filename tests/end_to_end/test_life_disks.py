"""Other jobs on the same output, and disks that are full, small, read-only or cannot lock: one line, the right exit code, nothing
half-made with the final name."""

import os
import signal
import subprocess
import tempfile
import time

from harness import TANGRAM, Run, each, environment, tangram
from life_job import FAULTY, Started, assert_clean, assert_same_bits, finish, job, words

SLOW = True


def test_a_second_job_on_one_output_is_refused_and_told_who_has_it(folder):
    output = folder / "s.h5"
    first = Started(output)
    first.wait_until(lambda: first.noted() > 20)
    os.kill(first.process.pid, signal.SIGSTOP)
    for rank in first.ranks():
        os.kill(rank, signal.SIGSTOP)
    try:
        for options in ((), ("--overwrite",), ("--resume",)):
            start = time.monotonic()
            run = tangram(*words(job(), output, *options), ranks=2)
            assert run.code == 2 and "another job is writing" in run.errors[0], run
            assert f"host {os.uname().nodename}, process" in run.errors[0], run.errors
            assert options != ("--resume",) or time.monotonic() - start > 9, "did not wait"
    finally:
        for rank in first.ranks():
            os.kill(rank, signal.SIGCONT)
        os.kill(first.process.pid, signal.SIGCONT)
    assert first.end().code == 0
    assert_same_bits(output)
    assert_clean(output)


class SmallDisk:
    """A tmpfs of so many MiB; None where this user may not mount one."""

    def __init__(self, folder, mib):
        self.path = folder / "disk"
        self.path.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", self.path], capture_output=True,
                              check=False)
        self.mounted = done.returncode == 0

    def __enter__(self):
        return self.path if self.mounted else None

    def __exit__(self, *_):
        if self.mounted:
            subprocess.run(["umount", "-l", self.path], check=True)


def test_disk_full_at_the_reservation_is_told_before_anything_is_computed(folder):
    with SmallDisk(folder, 12) as disk:
        if disk is None:
            return  # only root may mount
        run = Started(disk / "s.h5").end()
        assert run.code == 4 and len(run.errors) == 1 and "bytes" in run.errors[0], run
        assert not list(disk.iterdir()), list(disk.iterdir())


def test_disk_full_at_a_tile_ends_within_5_seconds_and_leaves_no_file_with_the_final_name(folder):
    with SmallDisk(folder, 40) as disk:
        if disk is None:
            return
        output = disk / "s.h5"
        start = time.monotonic()
        run = Started(output, program=FAULTY, TANGRAM_FAULT="reserve:0:unreserve").end()
        assert run.code == 4 and run.errors and "No space left" in run.errors[0], run
        assert time.monotonic() - start < 10
        assert not output.exists()
        (disk / "s.h5.partial.filler").unlink()
        finish(output)


def test_a_limit_of_file_size_is_a_full_disk(folder):
    output = folder / "s.h5"
    with tempfile.TemporaryDirectory(prefix="ompi-") as session:
        command = ["mpirun", "-n", "4", TANGRAM, *words(job(), output)]
        line = "ulimit -f 8192; exec " + " ".join(f"'{word}'" for word in command)
        done = subprocess.run(["bash", "-c", line], env=environment(session), capture_output=True, text=True, timeout=60,
                              check=False)
    run = Run(done.returncode, done.stdout, done.stderr)
    assert run.code == 4 and len(run.errors) == 1, run
    assert not output.exists()


def test_a_directory_that_may_not_be_written_is_refused(folder):
    with SmallDisk(folder, 4) as disk:
        if disk is None:
            return
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        run = Started(disk / "s.h5").end()
        assert run.code == 6 and len(run.errors) == 1, run


@each({"FALSE": ("FALSE",), "TRUE": ("TRUE",), "BEST_EFFORT": ("BEST_EFFORT",), "unset": (None,)})
def test_any_setting_of_hdf5_file_locking_will_do(folder, setting):
    variables = {"HDF5_USE_FILE_LOCKING": setting} if setting else {}
    output = folder / "s.h5"
    assert Started(output, "--stop-after-tiles", 200, ranks=2, **variables).end().code == 75
    assert Started(output, "--resume", ranks=2, **variables).end().code == 0
    assert_same_bits(output)
    assert_clean(output)
