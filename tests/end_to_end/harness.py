"""What the end-to-end tests share: running the program under mpirun, comparing kernels, making model files by hand."""

import fcntl
import functools
import hashlib
import json
import os
import pickle
import re
import shutil
import struct
import subprocess
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data"
JOBS = ROOT / "jobs"
BUILD = ROOT / "build" / "release"
TANGRAM = Path(os.environ.get("TANGRAM", BUILD / "tangram"))

SHARED = "TANGRAM_TESTS_SHARED"  # the environment variable that names the folder of what is made once

TOLERANCE = {"float64": 1e-12, "float32": 1e-5}  # of the largest entry


# torch.onnx.export keeps what it is doing in globals: one test at a time.
exporting = threading.Lock()


class Skip(Exception):
    """Raised by a test that cannot be made here, with the reason."""


def each(table):
    """Decorator: the test runs once for each row of the table, {label: arguments}."""

    def attach(test):
        test.table = table
        return test

    return attach


def once(make):
    """Decorator of a function of a folder and of words: what several tests need alike is made once in a whole run, by the test that
    asks first, and the others get what it returned, which is pickled: a path, or numbers. Nobody may change what is in the folder:
    a test that does copies it. Without run.py there is no such place, and each call makes its own."""

    @functools.wraps(make)
    def made(*words):
        base = Path(os.environ.get(SHARED) or tempfile.mkdtemp(prefix="tangram-shared-"))
        place = base / hashlib.sha256(repr((make.__module__, make.__qualname__, words)).encode()).hexdigest()[:16]
        with open(f"{place}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            answer = place / "answer.pickle"
            if not answer.exists():
                shutil.rmtree(place, ignore_errors=True)  # of one that failed
                (place / "files").mkdir(parents=True)
                answer.write_bytes(pickle.dumps(make(place / "files", *words)))
            return pickle.loads(answer.read_bytes())

    return made


# ---- running


@dataclass
class Run:
    code: int
    stdout: str
    stderr: str

    @property
    def errors(self):
        """What the program complained of: one entry a line that it printed as an error."""
        return re.findall(r"^tangram: error: (.*)$", self.stderr, re.MULTILINE)

    def __str__(self):
        """For a failed test: the exit code and the last lines of stderr, without what mpirun has to say about it."""
        own = re.sub(r"^-{20,}\n.*?^-{20,}\n", "", self.stderr, flags=re.MULTILINE | re.DOTALL)
        return f"exit code {self.code}\n" + "\n".join(own.splitlines()[-6:])


# What makes a start on one node cheap: no search for networks, for X servers (hwloc's plugins) or for PCI and other devices
# (phases 0x38 of hwloc's Linux component; each word of a virtual machine's PCI space is a call of the host), no threads of
# OpenBLAS that the program puts away at once, and ranks that wait give way to those that work, and sleep (tests/waiting/nap.c).
# Open MPI's parts are a library each: those that it would take of its own accord are loaded, and not what it would look at too.
NAP = BUILD / "tests" / "libtangram_nap.so"
PARTS_OF_MPI = {"pml": "ob1", "btl": "self,vader", "coll": "basic,tuned,self,libnbc", "osc": "sm", "io": "ompio", "sharedfp": "individual",
                "shmem": "mmap", "mpool": "^hugepage", "op": "^avx", "reachable": "weighted", "state": "hnp,app",
                "errmgr": "default_hnp,default_app", "schizo": "ompi,orte"}
STARTS_FAST = {f"OMPI_MCA_{kind}": parts for kind, parts in PARTS_OF_MPI.items()} | {
    "OMPI_MCA_mpi_yield_when_idle": "1", "OMPI_MCA_ess_singleton_isolated": "1", "OMP_WAIT_POLICY": "passive", "OPENBLAS_NUM_THREADS": "1",
    "HWLOC_PLUGINS_PATH": "/nowhere", "HWLOC_COMPONENTS": "-linux:0x38"} | ({"LD_PRELOAD": str(NAP)} if NAP.exists() else {})
# mpirun waits 2 s for the other ranks where one has ended with an error.
ENDS_FAST = {"OMPI_MCA_odls_base_sigkill_timeout": "0"}

started = Counter()  # by launcher: starts are what the tests' time goes into


def environment(session, launcher=STARTS_FAST | ENDS_FAST):
    """What Open MPI must be told: root is fine, so are more ranks than cores. `session` is a folder for its sockets:
    jobs that start and end at the same time trip over one another in a shared one. `launcher`: what else it is told;
    {} where a test is about the launcher itself."""
    values = dict(os.environ, OMPI_MCA_rmaps_base_oversubscribe="1", OMPI_MCA_hwloc_base_binding_policy="none",
                  OMPI_MCA_orte_tmpdir_base=session) | launcher
    if os.geteuid() == 0:
        values.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    return values


def tangram(*words, ranks=1, seconds=120, prefix=(), extra=None, program=TANGRAM, launcher=STARTS_FAST | ENDS_FAST):
    """Runs `tangram words..` on `ranks` ranks; one is a process without mpirun. A run that takes longer is a failure.
    `prefix`: words before all others; `extra`: more environment; `program`: another one."""
    command = [*prefix, *(["mpirun", "-n", str(ranks)] if ranks > 1 else []), str(program), *[str(word) for word in words]]
    started["mpirun" if ranks > 1 else "alone"] += 1
    try:
        with tempfile.TemporaryDirectory(prefix="ompi-") as session:
            done = subprocess.run(command, env=environment(session, launcher) | (extra or {}), stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, errors="replace", timeout=seconds)
    except subprocess.TimeoutExpired:
        raise AssertionError(f"still running after {seconds} s: {' '.join(command)}") from None
    code = done.returncode if done.returncode >= 0 else 128 - done.returncode  # killed: as mpirun and shells say it
    return Run(code, done.stdout, done.stderr)


def kernel(model, data, output, *options, ranks=1, precision="float64", threads=1, seconds=120):
    """A `tangram kernel` that must end well, its own checks included; the finished file, opened."""
    run = tangram("kernel", "--model", model, "--data", data, "--output", output, "--precision", precision, "--threads",
                  threads, *options, ranks=ranks, seconds=seconds)
    assert run.code == 0, run
    assert not run.errors, run.errors
    file = h5py.File(output, "r")
    assert file.attrs["status"] == "complete", file.attrs["status"]
    return file


def bound_by_permissions():
    """Words that make what follows obey permission bits: none for a user; for root a way to give up its right to
    ignore them. None where there is no such way."""
    if os.geteuid() != 0:
        return []
    words = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"]
    with tempfile.NamedTemporaryFile() as file:
        os.chmod(file.name, 0)
        try:
            bound = subprocess.run([*words, "cat", file.name], capture_output=True).returncode == 1
        except FileNotFoundError:
            bound = False
    return words if bound else None


def need(module=None, program=None):
    """Skips the test where Debian's package is not installed."""
    if program and shutil.which(program) is None:
        raise Skip(f"no {program} here: jobs/install-packages.sh --tests")
    if module:
        try:
            return __import__(module)
        except ImportError:
            raise Skip(f"no {module} here: jobs/install-packages.sh --tests") from None
    return None


# ---- comparing


def difference(computed, expected):
    """Largest difference, relative to the largest expected entry."""
    computed, expected = numpy.asarray(computed, "f8"), numpy.asarray(expected, "f8")
    assert computed.shape == expected.shape, f"shape {computed.shape}, expected {expected.shape}"
    largest = numpy.abs(expected).max()
    return numpy.abs(computed - expected).max() / (largest if largest > 0 else 1.0)


def assert_close(computed, expected, precision, what):
    off = difference(computed, expected)
    assert off <= TOLERANCE[precision], f"{what} differs by {off:.2e} of its largest entry ({precision})"


def assert_kernel(file, expected, precision):
    """/ntk and every component of `file` are those of the group `expected` (ntk, components/..), and no others."""
    assert_close(file["ntk"][:], expected["ntk"][:], precision, "ntk")
    names = sorted(expected["components"])
    assert sorted(file["components"]) == names, f"components {sorted(file['components'])}, expected {names}"
    for name in names:
        assert_close(file["components"][name][:], expected["components"][name][:], precision, name)


# ---- making inputs


def write_h5(path, **datasets):
    """A file with these datasets; returns its path."""
    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            file[name] = values
    return path


SAFETENSORS_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2"}


def to_bytes(values, dtype):
    if dtype == "BF16":  # the upper half of a float32, rounded to nearest even
        bits = numpy.asarray(values, "<f4").view("<u4")
        return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2").tobytes()
    return numpy.asarray(values).astype(SAFETENSORS_DTYPES[dtype]).tobytes()


def as_stored(values, dtype):
    """The float64 values that a tensor of this dtype really holds."""
    raw = to_bytes(values, dtype)
    if dtype == "BF16":
        stored = (numpy.frombuffer(raw, "<u2").astype("<u4") << 16).view("<f4")
    else:
        stored = numpy.frombuffer(raw, SAFETENSORS_DTYPES[dtype])
    return stored.astype("f8").reshape(numpy.shape(values))


def write_safetensors(path, tensors, dtype="F32", metadata=None, edit=None):
    """{name: array} as safetensors, in order of name as the library writes them. `edit` may spoil the header before it
    is written."""
    header, data = {}, b""
    if metadata:
        header["__metadata__"] = metadata
    for name in sorted(tensors):
        raw = to_bytes(tensors[name], dtype)
        header[name] = {"dtype": dtype, "shape": list(numpy.shape(tensors[name])),
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    if edit:
        edit(header)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    Path(path).write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def read_safetensors(path):
    """{name: float64 array}"""
    raw = Path(path).read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    header, data = json.loads(raw[8:8 + length]), raw[8 + length:]
    header.pop("__metadata__", None)
    return {name: numpy.frombuffer(data[slice(*entry["data_offsets"])], SAFETENSORS_DTYPES[entry["dtype"]])
                       .astype("f8").reshape(entry["shape"]) for name, entry in header.items()}


def read_model(group):
    """{"<module>.<tensor>": array} of an HDF5 model."""
    tensors = {}

    def visit(name, item):
        if isinstance(item, h5py.Dataset):
            tensors[name.replace("/", ".")] = item[:]

    group.visititems(visit)
    return tensors


def gram(jacobian_rows):
    return jacobian_rows @ jacobian_rows.T
