#!/usr/bin/python3
"""Runs the end-to-end tests: every test_* function of the test_*.py files beside this one.

    tests/end_to_end/run.py [PART OF A NAME ..] [--list] [--fast] [--workers 8] [--no-skips]

A test takes an empty folder of its own, and fails by raising. One line a test; the last line is `N passed, M failed`.
Modules that say MOSTLY_WAITS are begun first. A test that cannot be made here, for want of a tool or a right, says why and
counts as neither; with --no-skips it fails. --fast is for the inner loop: of a test with a table the first row only, and no
module that says SLOW.
The program tested is build/release/tangram, or what the environment variable TANGRAM names.
"""

import argparse
import importlib
import resource
import sys
import tempfile
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from harness import Skip, started

HERE = Path(__file__).resolve().parent


def discover(fast):
    """[(name, function of a folder)], a test with a table once for each of its rows, or for the first."""
    tests = []
    modules = [importlib.import_module(path.stem) for path in sorted(HERE.glob("test_*.py"))]
    if fast:
        modules = [module for module in modules if not getattr(module, "SLOW", False)]
    modules.sort(key=lambda module: not getattr(module, "MOSTLY_WAITS", False))  # others run meanwhile
    for module in modules:
        for name, test in vars(module).items():
            if not name.startswith("test_"):
                continue
            title = f"{module.__name__[5:]}: {name[5:].replace('_', ' ')}"
            if hasattr(test, "table"):
                for label, row in list(test.table.items())[:1 if fast else None]:
                    tests.append((f"{title} [{label}]", lambda folder, test=test, row=row: test(folder, *row)))
            else:
                tests.append((title, test))
    return tests


def run(item):
    """(name, seconds, "ok", "skip" or "FAIL", and why)"""
    name, test = item
    start = time.monotonic()
    verdict, why = "ok", None
    with tempfile.TemporaryDirectory(prefix="tangram-test-") as folder:
        try:
            test(Path(folder))
        except Skip as reason:
            verdict, why = "skip", str(reason)
        except Exception as error:  # a test may fail in any way; the others must still run
            where = traceback.extract_tb(error.__traceback__)[-1]
            verdict, why = "FAIL", f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"
    return name, time.monotonic() - start, verdict, why


def main():
    parser = argparse.ArgumentParser(description="Runs the end-to-end tests.")
    parser.add_argument("filters", nargs="*", help="run the tests whose name contains one of these")
    parser.add_argument("--list", action="store_true", help="only print the names")
    parser.add_argument("--fast", action="store_true", help="the first row of each test, without the slow modules")
    parser.add_argument("--no-skips", action="store_true", help="a test that cannot be made here has failed")
    parser.add_argument("--workers", type=int, default=8, help="tests run at once (8)")
    arguments = parser.parse_args()

    tests = [t for t in discover(arguments.fast) if not arguments.filters or any(part in t[0] for part in arguments.filters)]
    if arguments.list:
        print("\n".join(name for name, _ in tests))
        return 0

    verdicts = []
    with ThreadPoolExecutor(arguments.workers) as workers:
        for name, seconds, verdict, why in workers.map(run, tests):
            if verdict == "skip" and arguments.no_skips:
                verdict = "FAIL"
            print(f"{verdict:<4} {seconds:6.1f} s  {name}", flush=True)
            if why is not None:
                print("       " + why.replace("\n", "\n       "), flush=True)
            verdicts.append(verdict)
    failed, skipped = verdicts.count("FAIL"), verdicts.count("skip")
    if not tests:
        print("no test has such a name")
    if skipped:
        print(f"{skipped} skipped: see above why")
    cpu = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{started['mpirun']} starts of mpirun, {started['alone']} without, {cpu.ru_utime + cpu.ru_stime:.0f} s of CPU")
    print(f"{len(tests) - failed - skipped} passed, {failed} failed")
    return 1 if failed or not tests else 0


if __name__ == "__main__":
    sys.exit(main())
