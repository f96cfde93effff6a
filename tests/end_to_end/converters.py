"""What the tests of jobs/to_safetensors.py and jobs/to_npy.py share: running them, and files made by hand."""

import json
import re
import struct
import zipfile
from pathlib import Path

from harness import JOBS, Skip
from scripts import script


def need_torch():
    try:
        import torch
    except ImportError:
        raise Skip("no torch here: jobs/install-packages.sh --tests") from None
    torch.manual_seed(7)  # a test's models are the same every time
    return torch


def convert(*words):
    done = script(JOBS / "to_safetensors.py", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(name, code, *words):
    """The one line with which a script ended."""
    done = script(JOBS / name, *words)
    assert done.returncode == code, done
    assert re.fullmatch(rf"{name[:-3]}: error: .*\n", done.stderr), done.stderr
    return done.stderr


def metadata(path):
    raw = Path(path).read_bytes()
    return json.loads(raw[8:8 + struct.unpack("<Q", raw[:8])[0]]).get("__metadata__", {})


def archive(path, pickled, **files):
    """A zip as torch.save makes it, round this pickle."""
    with zipfile.ZipFile(path, "w") as file:
        for name, raw in {"m/data.pkl": pickled, "m/version": b"3\n", **files}.items():
            file.writestr(name, raw)
