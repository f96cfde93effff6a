"""Running Python scripts without starting Python: most of what a short one takes is its imports."""

import importlib
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path


def script(path, *words, cwd=None, seconds=120, uses=()):
    """Runs a Python script in a copy of this process, which has its modules already: what it imports beside numpy and h5py
    (`uses`) is imported here, once. For single-threaded tests."""
    for name in uses:
        importlib.import_module(name)
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        child = os.fork()
        if child == 0:
            os._exit(run_as_main(Path(path), words, cwd, out, errors))
        end, ended = time.monotonic() + seconds, (0, 0)
        while ended[0] == 0 and time.monotonic() < end:
            ended = os.waitpid(child, os.WNOHANG)
            time.sleep(0.005)
        if ended[0] == 0:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            raise AssertionError(f"still running after {seconds} s: {path} {words}")
        out.seek(0)
        errors.seek(0)
        return subprocess.CompletedProcess([path, *words], os.waitstatus_to_exitcode(ended[1]), out.read(), errors.read())


def run_as_main(path, words, cwd, out, errors):
    """In a forked process: runs the script with these standard streams; its exit code."""
    os.dup2(out.fileno(), 1)
    os.dup2(errors.fileno(), 2)
    sys.stdout, sys.stderr = (open(number, "w", buffering=1, errors="backslashreplace", closefd=False) for number in (1, 2))
    os.chdir(cwd or ".")
    sys.argv = [str(path), *map(str, words)]
    sys.path[0] = str(path.parent)
    code = 0
    try:
        runpy.run_path(str(path), run_name="__main__")
    except SystemExit as end:
        if end.code is not None and not isinstance(end.code, int):
            print(end.code, file=sys.stderr)
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return code
