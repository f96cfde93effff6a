#!/usr/bin/python3
"""Runs the end-to-end tests: every test_* function of the test_*.py files beside this one.

    tests/end_to_end/run.py [PART OF A NAME ..] [--list] [--workers 4]

A test takes an empty folder of its own, and fails by raising. One line a test; the last line is `N passed, M failed`.
The program tested is build/release/tangram, or what the environment variable TANGRAM names.
"""

import argparse
import importlib
import sys
import tempfile
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent


def discover():
    """[(name, function of a folder)], a test with a table once for each of its rows."""
    tests = []
    for path in sorted(HERE.glob("test_*.py")):
        module = importlib.import_module(path.stem)
        for name, test in vars(module).items():
            if not name.startswith("test_"):
                continue
            title = f"{path.stem[5:]}: {name[5:].replace('_', ' ')}"
            if hasattr(test, "table"):
                for label, row in test.table.items():
                    tests.append((f"{title} [{label}]", lambda folder, test=test, row=row: test(folder, *row)))
            else:
                tests.append((title, test))
    return tests


def run(item):
    """(name, seconds, what went wrong or None)"""
    name, test = item
    start = time.monotonic()
    problem = None
    with tempfile.TemporaryDirectory(prefix="tangram-test-") as folder:
        try:
            test(Path(folder))
        except Exception as error:  # a test may fail in any way; the others must still run
            where = traceback.extract_tb(error.__traceback__)[-1]
            problem = f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"
    return name, time.monotonic() - start, problem


def main():
    parser = argparse.ArgumentParser(description="Runs the end-to-end tests.")
    parser.add_argument("filters", nargs="*", help="run the tests whose name contains one of these")
    parser.add_argument("--list", action="store_true", help="only print the names")
    parser.add_argument("--workers", type=int, default=4, help="tests run at once (4)")
    arguments = parser.parse_args()

    sys.path.insert(0, str(HERE))
    tests = [t for t in discover() if not arguments.filters or any(part in t[0] for part in arguments.filters)]
    if arguments.list:
        print("\n".join(name for name, _ in tests))
        return 0

    failed = []
    with ThreadPoolExecutor(arguments.workers) as workers:
        for name, seconds, problem in workers.map(run, tests):
            print(f"{'ok  ' if problem is None else 'FAIL'} {seconds:6.1f} s  {name}", flush=True)
            if problem is not None:
                failed.append(name)
                print("       " + problem.replace("\n", "\n       "), flush=True)
    if not tests:
        print("no test has such a name")
    print(f"{len(tests) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed or not tests else 0


if __name__ == "__main__":
    sys.exit(main())
