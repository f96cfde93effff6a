"""What a run says of the machine before it begins, what it warns of, and what it tells MPI-IO."""

import os
import re
import socket
import subprocess
import tempfile

from bad_input_table import USAGE
from harness import JOBS, TANGRAM, Skip, each, environment, tangram

DIGITS = ["kernel", "--model", JOBS / "digits" / "digits_mlp.safetensors", "--activation", "tanh", "--data",
          f"{JOBS}/digits/digits.h5:x", "--rows", "0:20"]
HOST = socket.gethostname()
CROWDED = "ranks x threads exceed the cores"


def start(folder, *words, threads=1, **settings):
    run = tangram(*DIGITS, "--threads", threads, "--output", folder / "o.h5", *words, **settings)
    assert run.code == 0, run
    return run.stderr


def test_ranks_hosts_threads_cores_and_blas_kernel_are_said(folder):
    said = start(folder, threads=2, ranks=3)
    cores = len(os.sched_getaffinity(0))
    line = rf"^tangram: 3 ranks on 1 host \({HOST}\), threads each: 2, cores each may use: {cores}, BLAS kernel \w+$"
    assert re.search(line, said, re.MULTILINE), said
    assert len(re.findall(r"ranks on \d host", said)) == 1, said


def test_a_dry_run_says_it_too(folder):
    assert "1 rank on 1 host" in start(folder, "--dry-run")


@each({"threads": (1, 3, "3 threads on the 1 core of"), "ranks": (2, 1, "2 threads on the 1 core of"),
       "both": (2, 2, "4 threads on the 1 core of")})
def test_threads_that_share_cores_are_warned_of(folder, ranks, threads, words):
    said = start(folder, threads=threads, ranks=ranks, prefix=["taskset", "--cpu-list", str(min(os.sched_getaffinity(0)))])
    assert said.count(CROWDED) == 1 and f"{words} {HOST}" in said, said


def test_threads_that_have_cores_of_their_own_are_not_warned_of(folder):
    assert CROWDED not in start(folder, threads=1)


def mpirun(*words, seconds=60):
    with tempfile.TemporaryDirectory(prefix="ompi-") as session:
        return subprocess.run(["mpirun", *map(str, words)], env=environment(session, launcher={}), capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=seconds)


def test_different_blas_kernels_are_warned_of(folder):
    words = [TANGRAM, *DIGITS, "--threads", 1, "--output", folder / "o.h5"]
    done = mpirun("-n", 1, "-x", "OPENBLAS_CORETYPE=Nehalem", *words, ":", "-n", 1, *words)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("the hosts' BLAS kernels differ") == 1 and f"Nehalem on {HOST}" in done.stderr, done.stderr
    same = mpirun("-n", 2, "-x", "OPENBLAS_CORETYPE=Nehalem", *words, "--overwrite")
    assert same.returncode == 0 and "differ" not in same.stderr and "BLAS kernel Nehalem" in same.stderr, same.stderr


ELSEWHERE = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
int statfs(const char* path, struct statfs* volume) {
    int (*real)(const char*, struct statfs*) = dlsym(RTLD_NEXT, "statfs");
    int result = real(path, volume);
    if (strstr(path, ".partial")) volume->f_type = strtoul(getenv("FILE_SYSTEM"), 0, 16);
    return result;
}
ssize_t getxattr(const char* path, const char* name, void* value, size_t size) {
    unsigned char* layout = value;
    memset(layout, 0, size);
    memcpy(layout, "\\xd0\\x0b\\xd1\\x0b", 4);
    layout[28] = atoi(getenv("STRIPES"));
    return 32;
}
"""


@each({"NFS": ("6969", "1", "on NFS"), "SMB": ("ff534d42", "1", "on SMB"), "one stripe": ("0bd00bd0", "1", "Lustre with one stripe"),
       "four stripes": ("0bd00bd0", "4", None), "ext4": ("ef53", "1", None)})
def test_an_output_on_one_server_is_warned_of(folder, file_system, stripes, words):
    """With a library before libc that says where the file lies: a file server is not at hand."""
    (folder / "elsewhere.c").write_text(ELSEWHERE)
    built = subprocess.run(["gcc", "-shared", "-fPIC", "-o", folder / "elsewhere.so", folder / "elsewhere.c"], capture_output=True)
    if built.returncode != 0:
        raise Skip("no C compiler here")
    said = start(folder, extra={"LD_PRELOAD": str(folder / "elsewhere.so"), "FILE_SYSTEM": file_system, "STRIPES": stripes})
    warnings = re.findall(r"^tangram: the output is on (.*)$", said, re.MULTILINE)
    assert len(warnings) == (1 if words else 0), said
    assert not words or (words in f"on {warnings[0]}" and "o.h5" in warnings[0]), warnings


def test_hints_reach_mpi_io(folder):
    """ROMIO prints what it was told; it keeps keys of its own and drops others."""
    words = [*DIGITS, "--threads", 1, "--output", folder / "o.h5", "--hint", "cb_buffer_size=1234567", "--hint=romio_ds_read=disable",
             "--hint", "nonsense=1"]
    done = mpirun("--mca", "io", "romio321", "-x", "ROMIO_PRINT_HINTS=1", "-n", 2, TANGRAM, *words)
    assert done.returncode == 0, done.stderr
    printed = dict(re.findall(r"key = (\S+)\s+value = (\S+)", done.stdout + done.stderr))
    assert printed.get("cb_buffer_size") == "1234567" and printed.get("romio_ds_read") == "disable", printed
    assert "nonsense" not in printed, printed


def test_hints_of_a_configuration_file_reach_mpi_io(folder):
    (folder / "run.toml").write_text('hint = ["cb_buffer_size=7654321", "romio_ds_read=disable"]\n')
    done = mpirun("--mca", "io", "romio321", "-x", "ROMIO_PRINT_HINTS=1", "-n", 2, TANGRAM, *DIGITS, "--output", folder / "o.h5",
                  "--config", folder / "run.toml")
    assert done.returncode == 0, done.stderr
    printed = dict(re.findall(r"key = (\S+)\s+value = (\S+)", done.stdout + done.stderr))
    assert printed.get("cb_buffer_size") == "7654321" and printed.get("romio_ds_read") == "disable", (printed, done.stderr)


@each({word: (word,) for word in ("striping_factor", "=8", "key=", "k" * 300 + "=1", "key=" + "v" * 300)})
def test_a_hint_that_is_none_is_refused(folder, hint):
    run = tangram(*DIGITS, "--output", folder / "o.h5", "--hint", hint, ranks=2)
    assert run.code == USAGE and len(run.errors) == 1 and "KEY=VALUE" in run.errors[0], run
