"""Damage to journals or to the partial file between two runs costs the tiles that it hit, and never a bit."""

import os
import random

from life_job import finish, stop_with_tiles

SLOW = True


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
