"""What --resume takes up: the same kernel and no other, refused by the name of what differs; what it leaves alone, and where it
starts afresh."""

import os
import shutil

import h5py

from harness import each, tangram
from life_job import FAULTY, TILES, Started, assert_clean, assert_same_bits, finish, job, stop_with_tiles, words

SLOW = True


def test_a_finished_output_that_matches_is_left_alone(folder):
    output = folder / "whole.h5"
    shutil.copy(job() / "whole.h5", output)
    before = output.stat().st_mtime_ns
    run = tangram(*words(job(), output, "--resume"), ranks=2)
    assert run.code == 0 and "is there already" in run.stdout, run
    assert output.stat().st_mtime_ns == before
    assert_clean(output)


@each({
    "one byte of the model": ("model", []), "one byte of the data": ("data", []),
    "reduction": ("reduction", ["--reduction", "mean"]), "precision": ("precision", ["--precision", "float64"]),
    "activation": ("activation", ["--activation", "relu"]), "rows": ("selection of samples", ["--rows", "0:799"]),
    "data scale": ("data scale", ["--data-scale", 2]), "data mean": ("data mean", ["--data-mean", 0.5]),
    "data std": ("data std", ["--data-std", "0.5"]), "tile": ("tile", ["--tile", 64]),
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
    for output, ranks in (("s.h5", 2), ("done.h5", 1)):
        command = words(inputs, folder / output)
        for k in range(0, len(options), 2):
            if options[k] in command:
                at = command.index(options[k])
                command[at:at + 2] = []
        run = tangram(*command, *options, "--resume", ranks=ranks)
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
    assert tangram(*words(inputs, folder / "s.h5"), "--stop-after-tiles", 100).code == 75
    with h5py.File(inputs / "real.h5", "r+") as file:
        file["x"][0, 0] += 1
    run = tangram(*words(inputs, folder / "s.h5"), "--resume", ranks=2)
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
    run = tangram(*words(job(), folder / "s.h5", "--resume"), ranks=2, seconds=40)
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
    run = tangram(*words(job(), output, "--resume"), ranks=2)
    assert run.code == 0 and "starting afresh" in run.stderr, run
    assert_same_bits(output)
    assert_clean(output)


def test_what_mpi_left_of_a_killed_run_is_gone_with_the_partial_file_and_nothing_else(folder):
    output = folder / "s.h5"
    stop_with_tiles(output)
    strays = [folder / f"s.h5.partial-{end}" for end in ("1933770753-8137.lock", "12-x.lock", "7.lock.txt")]
    for stray in strays:
        stray.touch()
    run = tangram(*words(job(), output, "--resume"))
    assert run.code == 0, run
    assert [stray.exists() for stray in strays] == [False, True, True]
