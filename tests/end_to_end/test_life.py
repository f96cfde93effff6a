"""The life of an output: whatever kills, stops or starves a run, --resume ends with the bits of an undisturbed one, a
file with the final name is whole, and nothing hangs. Each fault is provoked, none imagined."""

import os
import random
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from functools import lru_cache
from pathlib import Path

import h5py
import numpy

from harness import TANGRAM, Run, each, environment, tangram

FAULTY = TANGRAM.parent / "tests" / "tangram_with_faults"
SAMPLES, TILE = 800, 32
TILES = 25 * 26 // 2
preparing = threading.Lock()


@lru_cache(maxsize=1)
def prepare():
    folder = tempfile.TemporaryDirectory(prefix="tangram-life-")
    path = Path(folder.name)
    run = tangram("init", "--fan-in", "--widths", "16,64,64,3", "--samples", SAMPLES, "--output", path / "m.safetensors",
                  "--data", path / "d.h5")
    assert run.code == 0, run
    run = tangram(*words(path, path / "whole.h5"), ranks=2)
    assert run.code == 0, run
    run = tangram(*words(path, path / "s.h5", "--stop-after-tiles", 200), ranks=4)
    assert run.code == 75, run
    return folder


def words(inputs, output, *options):
    """A kernel of 325 tiles, each noted in the journal as soon as it is there."""
    return ["kernel", "--model", inputs / "m.safetensors", "--data", f"{inputs / 'd.h5'}:x", "--activation", "tanh",
            "--tile", TILE, "--threads", 1, "--checkpoint-seconds", 0, "--check-samples", 4, "--output", output, *options]


def job():
    """The folder of the model and the samples, of whole.h5, the undisturbed kernel, and of s.h5.partial with its
    journals: 200 of its tiles by 4 ranks."""
    with preparing:
        return Path(prepare().name)


class Started:
    """A kernel under mpirun that goes on by itself."""

    def __init__(self, output, *options, ranks=4, program=TANGRAM, inputs=None, **variables):
        self.output = Path(output)
        self.session = tempfile.TemporaryDirectory(prefix="ompi-")
        self.log = tempfile.TemporaryFile("w+")
        command = ["mpirun", "-n", str(ranks), str(program)]
        command += [str(word) for word in words(inputs or job(), output, *options)]
        self.process = subprocess.Popen(command, env=dict(environment(self.session.name), **variables), text=True,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.log)

    def ranks(self):
        found = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True, check=False)
        return [int(pid) for pid in found.stdout.split()]

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


def finish(output, ranks=3):
    """Resumes to the end; how many tiles were taken over."""
    run = tangram(*words(job(), output, "--resume"), ranks=ranks)
    assert run.code == 0, run
    assert_same_bits(output)
    assert_clean(output)
    taken = [line for line in run.stderr.splitlines() if "tiles are on disk" in line]
    return int(taken[0].split()[2]) if taken else 0


# ---- killed


@each({f"seed {seed}": (seed,) for seed in range(4)})  # 20 times in all
def test_kill_of_any_rank_at_random_times_then_resume(folder, seed):
    chance = random.Random(seed)
    for k in range(5):
        output = folder / f"{k}.h5"
        run = Started(output)
        run.wait_until(lambda: len(run.ranks()) == 4)
        time.sleep(chance.uniform(0, 0.9))
        ranks = run.ranks()
        if ranks:
            try:
                os.kill(chance.choice(ranks), signal.SIGKILL)
            except ProcessLookupError:
                pass
        ended = run.end()
        assert ended.code != 0 or output.exists(), ended
        finish(output)
        output.unlink()


def test_killed_again_and_again_it_still_gets_there(folder):
    output, chance = folder / "k.h5", random.Random(2)
    for _ in range(6):
        run = Started(output, "--resume", ranks=chance.choice([1, 2, 3, 4]))
        wanted = run.noted() + 40
        run.wait_until(lambda: run.noted() >= wanted)
        for rank in run.ranks()[:1]:
            os.kill(rank, signal.SIGKILL)
        run.end()
        if output.exists():
            break
    finish(output)


def test_kill_of_mpirun_then_resume_waits_for_the_ranks_to_be_gone(folder):
    output = folder / "k.h5"
    run = Started(output)
    run.wait_until(lambda: run.noted() > 50)
    run.process.kill()
    run.end()
    assert finish(output) > 0, "no tile was taken over"


@each({f"{kind} in {phase}": (phase, kind) for phase in
       ("read", "features", "exchange", "assemble", "write", "check", "finish", "metadata") for kind in ("throw", "kill")})
def test_fault_of_one_rank_ends_all_and_can_be_resumed(folder, phase, kind):
    rank = 0 if phase in ("metadata", "finish") else 2
    output = folder / "f.h5"
    start = time.monotonic()
    run = Started(output, program=FAULTY, TANGRAM_FAULT=f"{phase}:{rank}:{kind}")
    run.wait_until(lambda: len(run.ranks()) == 4)
    ended = run.end()
    seconds = time.monotonic() - start
    assert ended.code == (137 if kind == "kill" else 1), ended
    assert len(ended.errors) == (0 if kind == "kill" else 1), ended.errors
    assert seconds < 20, f"took {seconds:.1f} s"
    assert not output.exists()
    finish(output, ranks=3)


def test_an_exception_ends_all_ranks_within_5_seconds(folder):
    output = folder / "f.h5"
    run = Started(output, program=FAULTY, TANGRAM_FAULT="write:1:throw")
    run.wait_until(lambda: run.noted() > 0)
    run.wait_until(lambda: "injected" in Path(f"/proc/self/fd/{run.log.fileno()}").read_text())
    said = time.monotonic()
    ended = run.end()
    assert ended.code == 1 and time.monotonic() - said < 5, ended


# ---- stopped


@each({f"{ranks} ranks": (ranks,) for ranks in (1, 3, 5)})
def test_what_4_ranks_began_ends_with_the_same_bits_on(folder, ranks):
    output = folder / "s.h5"
    stop_with_tiles(output)
    assert not output.exists() and not (folder / "s.h5.lock").exists()
    assert finish(output, ranks) == 200


@each({"start": (0,), "middle": (100,), "late": (TILES - 15,)})
def test_usr1_stops_in_order_and_can_be_resumed(folder, tiles):
    output = folder / "s.h5"
    run = Started(output)
    run.wait_until(lambda: (folder / "s.h5.partial").exists())
    run.wait_until(lambda: run.noted() >= tiles)
    run.process.send_signal(signal.SIGUSR1)
    ended = run.end()
    assert ended.code in ((0, 75) if tiles > TILES / 2 else (75,)), ended
    assert not ended.errors, ended.errors
    taken = finish(output)
    assert ended.code == 0 or tiles <= taken, f"{taken} tiles were taken over"


def test_usr1_to_one_rank_stops_all(folder):
    output = folder / "s.h5"
    run = Started(output)
    run.wait_until(lambda: run.noted() >= 50)
    os.kill(run.ranks()[-1], signal.SIGUSR1)
    assert run.end().code == 75
    finish(output)


def test_usr1_at_20_random_times(folder):
    chance = random.Random(3)
    output = folder / "s.h5"
    for _ in range(20):
        run = Started(output, "--resume")
        run.wait_until(lambda: len(run.ranks()) == 4)
        time.sleep(chance.uniform(0.2, 0.8))
        run.process.send_signal(signal.SIGUSR1)
        run.end()  # during the start of MPI the signal may end the launcher itself
        if output.exists():
            break
    finish(output)


def test_max_seconds_that_are_over_stop_at_once(folder):
    output = folder / "s.h5"
    for _ in range(2):
        run = Started(output, "--max-seconds", 0, "--resume").end()
        assert run.code == 75, run
    finish(output, ranks=2)


def test_term_leaves_what_can_be_resumed(folder):
    output = folder / "s.h5"
    run = Started(output)
    run.wait_until(lambda: run.noted() >= 100)
    run.process.terminate()
    run.end()
    assert output.exists() or finish(output) >= 100


def test_slices_stop_together_under_a_tight_memory_limit(folder):
    """Ranks stop at different steps of the sliced exchange."""
    output = folder / "s.h5"
    smallest = None
    for mib in (40, 60, 80, 100, 130, 160, 200, 260):
        plan = tangram(*words(job(), output, "--memory", mib / 1024, "--dry-run"), ranks=4)
        if plan.code == 0:
            smallest = mib / 1024
            break
    assert smallest, "no limit fits"
    run = Started(output, "--memory", smallest)
    run.wait_until(lambda: run.noted() >= 100)
    run.process.send_signal(signal.SIGUSR1)
    ended = run.end()
    assert ended.code in (0, 75), ended
    finish(output)


# ---- what may be resumed


def test_a_finished_output_that_matches_is_left_alone(folder):
    output = folder / "whole.h5"
    shutil.copy(job() / "whole.h5", output)
    before = output.stat().st_mtime_ns
    run = tangram(*words(job(), output, "--resume"), ranks=4)
    assert run.code == 0 and "is there already" in run.stdout, run
    assert output.stat().st_mtime_ns == before
    assert_clean(output)


@each({
    "one byte of the model": ("model", []), "one byte of the data": ("data", []),
    "reduction": ("reduction", ["--reduction", "mean"]), "precision": ("precision", ["--precision", "float64"]),
    "activation": ("activation", ["--activation", "relu"]), "rows": ("selection of samples", ["--rows", "0:799"]),
    "data scale": ("data scale", ["--data-scale", 2]), "tile": ("tile", ["--tile", 64]),
    "components": ("matrices", ["--components", "none"]), "logit": ("reduction", ["--logit", 1]),
})
def test_another_kernel_is_refused_by_name(folder, field, options):
    inputs = folder / "inputs"
    inputs.mkdir()
    for name in ("m.safetensors", "d.h5"):
        shutil.copy(job() / name, inputs)
    stop_with_tiles(folder / "s.h5")
    shutil.copy(job() / "whole.h5", folder / "done.h5")
    for name, file in (("model", "m.safetensors"), ("data", "d.h5")):
        if field == name:
            raw = bytearray((inputs / file).read_bytes())
            raw[-9] ^= 1
            (inputs / file).write_bytes(raw)
    for output in ("s.h5", "done.h5"):
        command = words(inputs, folder / output)
        for k in range(0, len(options), 2):
            if options[k] in command:
                at = command.index(options[k])
                command[at:at + 2] = []
        run = tangram(*command, *options, "--resume", ranks=4)
        assert run.code == 2 and len(run.errors) == 1, run
        assert f"the {field} differs" in run.errors[0] and "there," in run.errors[0] and "now" in run.errors[0], run.errors
    assert len(list(folder.glob("s.h5.journal.*"))) == 4, "the journals are gone"


def test_data_that_changed_behind_a_link_is_refused(folder):
    """The file that was named is the same; the one that it refers to is not."""
    inputs = folder / "inputs"
    inputs.mkdir()
    shutil.copy(job() / "m.safetensors", inputs)
    shutil.copy(job() / "d.h5", inputs / "real.h5")
    with h5py.File(inputs / "d.h5", "w") as file:
        file["x"] = h5py.ExternalLink("real.h5", "/x")
    assert tangram(*words(inputs, folder / "s.h5"), "--stop-after-tiles", 100, ranks=4).code == 75
    with h5py.File(inputs / "real.h5", "r+") as file:
        file["x"][0, 0] += 1
    run = tangram(*words(inputs, folder / "s.h5"), "--resume", ranks=4)
    assert run.code == 2 and "the data differs" in run.errors[0], run


def test_an_overwriting_run_that_was_stopped_is_resumed_although_a_finished_output_is_there(folder):
    output = folder / "s.h5"
    shutil.copy(job() / "whole.h5", output)
    assert Started(output, "--overwrite", "--stop-after-tiles", 100).end().code == 75
    assert finish(output) == 100


def test_damage_to_the_journals_structure_after_a_death_at_the_end_costs_nothing(folder):
    output = folder / "s.h5"
    assert Started(output, program=FAULTY, TANGRAM_FAULT="finish:0:kill").end().code == 137
    journal = folder / "s.h5.journal.0.0"
    lines = journal.read_bytes().split(b"\n")
    journal.write_bytes(b"\n".join(b"x" + line if line.startswith((b"file", b"piece")) else line for line in lines))
    assert finish(output) == TILES


@each({name: (name,) for name in ("s.h5.partial", "s.h5.lock", "s.h5.journal.0.9")})
def test_a_pipe_in_the_place_of_a_file_does_not_hang(folder, name):
    os.mkfifo(folder / name)
    run = tangram(*words(job(), folder / "s.h5", "--resume"), ranks=4, seconds=40)
    assert run.code == (0 if "journal" in name else 6), run


def test_without_resume_a_partial_output_is_refused_and_both_ways_out_are_named(folder):
    output = folder / "s.h5"
    stop_with_tiles(output)
    run = Started(output).end()
    assert run.code == 2 and "--resume" in run.errors[0] and "--overwrite" in run.errors[0], run
    assert Started(output, "--overwrite").end().code == 0
    assert_same_bits(output)
    assert_clean(output)


@each({"nothing": ("nothing",), "no journal": ("journal",), "partial gone": ("partial",)})
def test_resume_starts_afresh_and_says_so_where_there_is(folder, missing):
    output = folder / "s.h5"
    if missing != "nothing":
        stop_with_tiles(output)
        for path in folder.glob("s.h5.journal.*" if missing == "journal" else "s.h5.partial"):
            path.unlink()
    run = tangram(*words(job(), output, "--resume"), ranks=4)
    assert run.code == 0 and "starting afresh" in run.stderr, run
    assert_same_bits(output)
    assert_clean(output)


# ---- damage between two runs


def stop_with_tiles(output):
    """200 tiles, as a run on 4 ranks has left them."""
    for path in job().glob("s.h5.*"):
        shutil.copy(path, output.parent / path.name.replace("s.h5", output.name, 1))


def test_a_journal_cut_anywhere_costs_its_tiles_only(folder):
    output, chance = folder / "s.h5", random.Random(4)
    stop_with_tiles(output)
    journal = folder / "s.h5.journal.0.1"
    raw = journal.read_bytes()
    cut = chance.randrange(len(raw) // 2, len(raw))
    journal.write_bytes(raw[:cut])
    assert 150 < finish(output) < 200


def test_flipped_bytes_in_the_journals_cost_their_tiles_only(folder):
    output, chance = folder / "s.h5", random.Random(5)
    stop_with_tiles(output)
    for rank in range(4):
        journal = folder / f"s.h5.journal.0.{rank}"
        raw = bytearray(journal.read_bytes())
        for _ in range(5):
            raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
        journal.write_bytes(raw)
    assert 150 < finish(output) <= 200


def test_flipped_bytes_in_tiles_are_computed_again(folder):
    output, chance = folder / "s.h5", random.Random(6)
    stop_with_tiles(output)
    partial = folder / "s.h5.partial"
    with open(partial, "r+b") as file:
        for _ in range(40):
            place = chance.randrange(partial.stat().st_size // 10, partial.stat().st_size)
            file.seek(place)
            byte = file.read(1)[0]
            file.seek(place)
            file.write(bytes([byte ^ (1 << chance.randrange(8))]))
    assert finish(output) < 200


def test_a_damaged_structure_of_the_partial_file_is_put_back(folder):
    output = folder / "s.h5"
    stop_with_tiles(output)
    with open(folder / "s.h5.partial", "r+b") as file:
        file.write(bytes(1500))  # superblock and the root group's header
    assert finish(output) == 200


def test_a_truncated_partial_file_costs_the_tiles_beyond_its_end(folder):
    output = folder / "s.h5"
    stop_with_tiles(output)
    partial = folder / "s.h5.partial"
    os.truncate(partial, partial.stat().st_size * 2 // 3)
    assert 0 <= finish(output) < 200


# ---- other jobs, other disks


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
    assert Started(output, "--stop-after-tiles", 200, **variables).end().code == 75
    assert Started(output, "--resume", **variables).end().code == 0
    assert_same_bits(output)
    assert_clean(output)
