"""Whatever kills a rank, mpirun or a phase of the run: all ranks end soon, and --resume ends with the bits of an undisturbed run."""

import os
import random
import signal
import time
from pathlib import Path

from harness import each
from life_job import FAULTY, Started, finish

SLOW = True


@each({f"seed {seed}": (seed,) for seed in range(2)})  # 10 times in all
def test_kill_of_any_rank_at_random_times_then_resume(folder, seed):
    chance = random.Random(seed)
    for k in range(5):
        output = folder / f"{k}.h5"
        run = Started(output)
        run.wait_until(lambda: len(run.ranks()) == 3)
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
    run.wait_until(lambda: len(run.ranks()) == 3)
    ended = run.end()
    seconds = time.monotonic() - start
    assert ended.code == (137 if kind == "kill" else 1), ended
    assert len(ended.errors) == (0 if kind == "kill" else 1), ended.errors
    assert seconds < 20, f"took {seconds:.1f} s"
    assert not output.exists()
    finish(output)


def test_an_exception_ends_all_ranks_within_5_seconds(folder):
    output = folder / "f.h5"
    run = Started(output, program=FAULTY, TANGRAM_FAULT="write:1:throw")
    run.wait_until(lambda: run.noted() > 0)
    run.wait_until(lambda: "injected" in Path(f"/proc/self/fd/{run.log.fileno()}").read_text())
    said = time.monotonic()
    ended = run.end()
    assert ended.code == 1 and time.monotonic() - said < 5, ended
