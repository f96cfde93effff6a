"""A run that is told to stop, by a signal or a limit, stops in order on all ranks, and goes on to the same bits on any number of
them."""

import os
import random
import signal
import time

from harness import each, tangram
from life_job import TILES, Started, finish, job, stop_with_tiles, words

SLOW = True


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
        run.wait_until(lambda: len(run.ranks()) == 3)
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
