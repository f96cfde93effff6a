"""The kernel run that the tests of an output's life kill, stop and resume: 325 tiles, each noted in the journal as soon as it is
there, and what an undisturbed run makes of it."""

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import h5py
import numpy

from harness import STARTS_FAST, TANGRAM, Run, environment, once, started, tangram

FAULTY = TANGRAM.parent / "tests" / "tangram_with_faults"
SAMPLES, TILE = 800, 32
TILES = 25 * 26 // 2


@once
def job(folder):
    """The folder of the model and the samples, of whole.h5, the undisturbed kernel, and of s.h5.partial with its
    journals: 200 of its tiles by 4 ranks."""
    run = tangram("init", "--fan-in", "--widths", "16,64,64,3", "--samples", SAMPLES, "--output", folder / "m.safetensors",
                  "--data", folder / "d.h5")
    assert run.code == 0, run
    run = tangram(*words(folder, folder / "whole.h5"), ranks=2)
    assert run.code == 0, run
    run = tangram(*words(folder, folder / "s.h5", "--stop-after-tiles", 200), ranks=4)
    assert run.code == 75, run
    return folder


def words(inputs, output, *options):
    """A kernel of 325 tiles, each noted in the journal as soon as it is there."""
    return ["kernel", "--model", inputs / "m.safetensors", "--data", f"{inputs / 'd.h5'}:x", "--activation", "tanh",
            "--tile", TILE, "--threads", 1, "--checkpoint-seconds", 0, "--check-samples", 4, "--output", output, *options]


class Started:
    """A kernel under mpirun that goes on by itself."""

    def __init__(self, output, *options, ranks=3, program=TANGRAM, inputs=None, **variables):
        self.output = Path(output)
        self.session = tempfile.TemporaryDirectory(prefix="ompi-")
        self.log = tempfile.TemporaryFile("w+")
        started["mpirun"] += 1
        command = ["mpirun", "-n", str(ranks), str(program)]
        command += [str(word) for word in words(inputs or job(), output, *options)]
        self.process = subprocess.Popen(command, env=dict(environment(self.session.name, STARTS_FAST), **variables), text=True,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.log)

    def ranks(self):
        """The processes that mpirun has started."""
        found = []
        for children in Path(f"/proc/{self.process.pid}/task").glob("*/children"):
            try:
                found += children.read_text().split()
            except OSError:
                pass
        return sorted(map(int, found))

    def wait_until(self, condition, seconds=30):
        until = time.monotonic() + seconds
        while not condition() and self.process.poll() is None and time.monotonic() < until:
            time.sleep(0.002)

    def noted(self):
        """Tiles in the journals."""
        total = 0
        for journal in self.output.parent.glob(self.output.name + ".journal.*"):
            try:
                total += journal.read_bytes().count(b"\ntile ")
            except FileNotFoundError:
                pass
        return total

    def end(self, seconds=60):
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            left = {pid: state_of(pid) for pid in self.ranks()}
            self.process.kill()
            # Now and then mpirun 4.1 does not notice that its ranks have ended: they have, and that is what is ours.
            if not left or any(not state.startswith("Z") for state in left.values()):
                raise AssertionError(f"still running after {seconds} s; ranks left and what they wait in: {left}") from None
            self.process.wait()
        finally:
            self.log.seek(0)
            text = self.log.read()
            self.log.close()
            self.session.cleanup()
        return Run(self.process.returncode, "", text)


def state_of(pid):
    """What a process does, for the message of a job that did not end: its state and the kernel function it waits in."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        return state + " " + Path(f"/proc/{pid}/wchan").read_text()
    except OSError:
        return "gone"


def assert_same_bits(output):
    expected = {}
    with h5py.File(job() / "whole.h5") as whole, h5py.File(output) as file:
        assert file.attrs["status"] == "complete", file.attrs["status"]
        whole.visititems(lambda name, item: expected.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
        for name, values in expected.items():
            if name.startswith(("timing", "checks/")):
                continue  # of the run, not of the kernel
            assert name in file, f"{name} is missing"
            assert numpy.asarray(values).tobytes() == numpy.asarray(file[name][()]).tobytes(), (
                f"{name} has other bits")


def assert_clean(output):
    left = sorted(path.name for path in output.parent.glob(output.name + ".*"))
    assert not left, f"left behind: {left}"


def finish(output, ranks=1):
    """Resumes to the end; how many tiles were taken over. (On more ranks: test_life_stopped.py.)"""
    run = tangram(*words(job(), output, "--resume"), ranks=ranks)
    assert run.code == 0, run
    assert_same_bits(output)
    assert_clean(output)
    taken = [line for line in run.stderr.splitlines() if "tiles are on disk" in line]
    return int(taken[0].split()[2]) if taken else 0


def stop_with_tiles(output):
    """200 tiles, as a run on 4 ranks has left them."""
    for path in job().glob("s.h5.*"):
        shutil.copy(path, output.parent / path.name.replace("s.h5", output.name, 1))
