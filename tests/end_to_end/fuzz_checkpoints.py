#!/usr/bin/python3
"""Spoils checkpoints in many ways: each is read, or ends in a Refusal of one line, in little time and memory.

    tests/end_to_end/fuzz_checkpoints.py [COUNT] [SEED]

Mutates the files of tests/data/cases that torch.save wrote, as a whole and (mostly) in the pickle inside them, and files that
pickle.dump and numpy.savez write. Whatever is read is chosen from, held against shared memory and written, as the scripts do. Nothing
may be imported or opened by what is inside: an audit hook sees to that. The test suite runs some thousand; run 100000 by hand
after a change to jobs/checkpoints.
"""

import io
import pickle
import random
import resource
import sys
import time
import zipfile
from pathlib import Path

import numpy

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "jobs"))

from checkpoints import choose, safetensors, sharing  # noqa: E402
from checkpoints.archives import read_mapped  # noqa: E402
from checkpoints.refusal import Refusal  # noqa: E402
from samples import arrays, cifar  # noqa: E402

CASES = ROOT / "tests" / "data" / "cases"
MEMORY = 2 << 30
SECONDS = 5
LARGEST_OUTPUT = 1 << 28
FORBIDDEN = ("import", "open", "exec", "compile", "subprocess", "os.", "socket", "shutil", "ctypes.dlopen")
NUMBERS = [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 62, (1 << 63) - 1, (1 << 64) - 1]


def originals():
    """[(bytes, the name of the pickle inside or None)]"""
    found = []
    for path in sorted(CASES.iterdir()):
        if path.suffix in (".pt", ".ckpt", ".tar") and path.stat().st_size < 6000:
            raw = path.read_bytes()
            inner = [name for name in zipfile.ZipFile(path).namelist() if name.endswith("/data.pkl")] if raw[:2] == b"PK" else [None]
            found.append((raw, inner[0]))
    values = {"a": numpy.arange(12.0).reshape(3, 4), "b": numpy.float32(2), "labels": [1, 2, 3], "data": numpy.zeros((3, 3072), "u1"),
              "c": numpy.asfortranarray(numpy.ones((2, 3), ">f4")), 5: {"d": (b"x", 1.5, None, {1, 2})}}
    found += [(pickle.dumps(values, protocol), None) for protocol in range(6)]
    stream = io.BytesIO()
    numpy.savez(stream, **{"0.weight": values["a"], "0.bias": numpy.ones(3)})
    return found + [(stream.getvalue(), "0.weight.npy")]


def spoil(raw, chance):
    """Some bytes changed, doubled, cut out, or put in from elsewhere."""
    raw = bytearray(raw)
    for _ in range(chance.choice([1, 1, 1, 2, 4, 16])):
        place, length = chance.randrange(len(raw) + 1), chance.choice([1, 1, 2, 4, 8, 64])
        kind = chance.randrange(7)
        if kind == 0 and place < len(raw):
            raw[place] ^= 1 << chance.randrange(8)
        elif kind == 1 and place < len(raw):
            raw[place] = chance.randrange(256)
        elif kind == 2:
            raw[place:place + length] = b""
        elif kind == 3:
            raw[place:place] = raw[place:place + length]
        elif kind == 4:
            number = chance.choice(NUMBERS).to_bytes(8, "little")[:chance.choice([1, 2, 4, 8])]
            raw[place:place + len(number)] = number
        elif kind == 5:
            other = chance.randrange(len(raw) + 1)
            raw[place:place + length] = raw[other:other + length]
        elif chance.random() < 0.1:
            del raw[place:]
    return bytes(raw)


def spoilt(raw, inner, chance):
    """A spoilt file: as a whole, or a whole archive round a spoilt pickle."""
    if inner is None or chance.random() < 0.2:
        return spoil(raw, chance)
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(stream, "w") as new:
        for name in old.namelist():
            new.writestr(name, spoil(old.read(name), chance) if name == inner else old.read(name))
    return stream.getvalue()


def use(raw):
    """What the two scripts do with a file; "read" or "refused"."""
    checkpoint = read_mapped(numpy.frombuffer(raw, "u1"), "m.pt")
    outcomes = []
    for task in (lambda: as_model(checkpoint.value), lambda: as_samples(checkpoint.value)):
        try:
            task()
            outcomes.append(True)
        except Refusal as refusal:
            check_line(refusal)
    return "read" if outcomes else "refused"


def as_model(value):
    state = choose.choose(value, "", "m.pt")
    choose.require_readable(state, "m.pt")
    choose.without_prefixes(state)
    sharing.written_once(state.tensors, sharing.groups(state.tensors))
    if sum(tensor.size for tensor in state.tensors.values()) < LARGEST_OUTPUT / 8:
        try:
            sum(map(len, safetensors.contents(state.tensors, {})))
        except UnicodeEncodeError:
            pass  # to_safetensors.py says so


def as_samples(value):
    if cifar.from_pickle(value) is None:
        arrays.choose(value, "", "", "m.pt")


def check_line(refusal):
    assert "\n" not in str(refusal) and len(str(refusal)) < 2000 and "m.pt" in str(refusal), str(refusal)


def forbid():
    """From here on nothing may be imported, opened or run."""

    def hook(event, arguments):
        if event.startswith(FORBIDDEN) and forbid.on:
            raise SystemExit(f"the file made this happen: {event} {arguments[:2]}")

    forbid.on = False
    sys.addaudithook(hook)


def main(count, seed):
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    forbid()
    files, outcomes = originals(), {"read": 0, "refused": 0}
    for raw, _ in files:
        use(raw)  # imports what NumPy imports late
    slowest = 0.0
    for number in range(count):
        chance = random.Random(f"{seed} {number}")
        raw = spoilt(*chance.choice(files), chance)
        start, forbid.on = time.monotonic(), True
        try:
            outcomes[use(raw)] += 1
        except Refusal as refusal:
            check_line(refusal)
            outcomes["refused"] += 1
        except BaseException as error:
            forbid.on = False
            Path("spoilt.pt").write_bytes(raw)
            raise SystemExit(f"mutation {number} of seed {seed} (kept as spoilt.pt): {type(error).__name__}: {error}") from error
        finally:
            forbid.on = False
        took = time.monotonic() - start
        slowest = max(slowest, took)
        if took > SECONDS:
            Path("spoilt.pt").write_bytes(raw)
            raise SystemExit(f"mutation {number} of seed {seed} (kept as spoilt.pt) took {took:.1f} s")
    print(f"{count} mutations: {outcomes['read']} read, {outcomes['refused']} refused, the slowest {slowest:.2f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3000, int(sys.argv[2]) if len(sys.argv) > 2 else 1)
