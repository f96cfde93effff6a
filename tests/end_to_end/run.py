#!/usr/bin/python3
"""Runs the end-to-end tests: every test_* function of the test_*.py files beside this one.

    tests/end_to_end/run.py [PART OF A NAME ..] [--list] [--fast] [--workers 4] [--no-skips]

A test takes an empty folder of its own, and fails by raising. One line a test, as it ends, with its seconds and those of CPU
time; the last line is `N passed, M failed`. A worker is a process. Modules that say MOSTLY_WAITS are begun first, each in one
worker, whose threads share what the tests need; finish() of such a module is called at the end. A test that cannot be made
here, for want of a tool or a right, says why and counts as neither; with --no-skips it fails. --fast is for the inner loop: of
a test with a table the first row only, and no module that says SLOW.
The program tested is build/release/tangram, or what the environment variable TANGRAM names.
"""

import argparse
import importlib
import multiprocessing
import os
import resource
import sys
import tempfile
import time
import traceback
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

# Threads of NumPy's BLAS would wait beside the tests, and take their time. It is read as the library is loaded; programs do not see it.
os.environ["OPENBLAS_NUM_THREADS"] = "1"
from harness import SHARED, Skip, started  # noqa: E402

del os.environ["OPENBLAS_NUM_THREADS"]

HERE = Path(__file__).resolve().parent
SIDE_BY_SIDE = 8  # tests of a module that mostly waits, unless it says another number
WORKERS = 2 * (os.cpu_count() or 1)  # more only wait for each other, and what has a time limit with them


@dataclass
class Group:
    """What one worker runs: a test, or those of a module that mostly waits."""

    tests: list  # of (name, function of a folder)
    module: object = None


@dataclass
class Result:
    name: str
    verdict: str = "ok"  # or "skip" or "FAIL"
    why: str = ""
    seconds: float = 0.0
    cpu: float = 0.0  # of a group's tests, each an equal share
    started: Counter = field(default_factory=Counter)


def discover(fast):
    """[(module, [(name, function of a folder)])], a test with a table once for each of its rows, or for the first."""
    found = []
    modules = [importlib.import_module(path.stem) for path in sorted(HERE.glob("test_*.py"))]
    if fast:
        modules = [module for module in modules if not getattr(module, "SLOW", False)]
    for module in modules:
        tests = []
        for name, test in vars(module).items():
            if not name.startswith("test_"):
                continue
            title = f"{module.__name__[5:]}: {name[5:].replace('_', ' ')}"
            if hasattr(test, "table"):
                for label, row in list(test.table.items())[:1 if fast else None]:
                    tests.append((f"{title} [{label}]", lambda folder, test=test, row=row: test(folder, *row)))
            else:
                tests.append((title, test))
        found.append((module, tests))
    return found


def groups_of(found, filters):
    """What mostly waits first: others run meanwhile."""
    groups = []
    for module, tests in found:
        tests = [test for test in tests if not filters or any(part in test[0] for part in filters)]
        if not getattr(module, "MOSTLY_WAITS", False):
            groups += [Group([test]) for test in tests]
        elif tests:
            groups.insert(0, Group(tests, module))
    return groups


def run(item):
    name, test = item
    result, start = Result(name), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tangram-test-") as folder:
        try:
            test(Path(folder))
        except Skip as reason:
            result.verdict, result.why = "skip", str(reason)
        except Exception as error:  # a test may fail in any way; the others must still run
            where = traceback.extract_tb(error.__traceback__)[-1]
            result.verdict, result.why = "FAIL", f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"
    result.seconds = time.monotonic() - start
    return result


def cpu_seconds():
    """Of this process and of what it started and has waited for."""
    uses = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in uses)


def run_group(group):
    cpu = cpu_seconds()
    started.clear()
    if group.module is None:
        results = [run(test) for test in group.tests]
    else:
        try:
            with ThreadPoolExecutor(getattr(group.module, "SIDE_BY_SIDE", SIDE_BY_SIDE)) as threads:
                results = list(threads.map(run, group.tests))
        finally:
            group.module.finish()
    for result in results:
        result.cpu = (cpu_seconds() - cpu) / len(results)
    results[0].started = Counter(started)
    return results


GROUPS = []  # what a worker is forked with: a table's row cannot be sent to it


def run_number(number):
    return run_group(GROUPS[number])


def run_all(groups, workers):
    """Each Result as it comes."""
    GROUPS[:] = groups
    with tempfile.TemporaryDirectory(prefix="tangram-shared-") as shared:
        os.environ[SHARED] = shared
        with ProcessPoolExecutor(workers, multiprocessing.get_context("fork")) as pool:
            for done in as_completed([pool.submit(run_number, number) for number in range(len(groups))]):
                yield from done.result()


def main():
    parser = argparse.ArgumentParser(description="Runs the end-to-end tests.")
    parser.add_argument("filters", nargs="*", help="run the tests whose name contains one of these")
    parser.add_argument("--list", action="store_true", help="only print the names")
    parser.add_argument("--fast", action="store_true", help="the first row of each test, without the slow modules")
    parser.add_argument("--no-skips", action="store_true", help="a test that cannot be made here has failed")
    parser.add_argument("--workers", type=int, default=WORKERS, help=f"tests run at once ({WORKERS})")
    arguments = parser.parse_args()

    groups = groups_of(discover(arguments.fast), arguments.filters)
    if arguments.list:
        print("\n".join(name for group in groups for name, _ in group.tests))
        return 0

    count, starts, cpu = Counter(), Counter(), 0.0
    for result in run_all(groups, arguments.workers):
        if result.verdict == "skip" and arguments.no_skips:
            result.verdict = "FAIL"
        print(f"{result.verdict:<4} {result.seconds:6.1f} s {result.cpu:6.2f} s CPU  {result.name}", flush=True)
        if result.why:
            print("       " + result.why.replace("\n", "\n       "), flush=True)
        count[result.verdict] += 1
        starts += result.started
        cpu += result.cpu
    if not groups:
        print("no test has such a name")
    if count["skip"]:
        print(f"{count['skip']} skipped: see above why")
    print(f"{starts['mpirun']} starts of mpirun, {starts['alone']} without, {cpu:.0f} s of CPU")
    print(f"{count['ok']} passed, {count['FAIL']} failed")
    return 1 if count["FAIL"] or not groups else 0


if __name__ == "__main__":
    sys.exit(main())
