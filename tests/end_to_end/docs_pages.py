"""The pages that people read, their blocks of code, and a folder in which these can be run."""

import re
from dataclasses import dataclass

import h5py

from harness import BUILD, JOBS, ROOT, TANGRAM

PAGES = {path.relative_to(ROOT).as_posix(): path for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]}
NOT_RUN = re.compile(r"^# not run by the tests: \S.*$")

# The commands of the pages on fewer samples: a digits.h5 of SAMPLES rows, and ranges of rows that fit it; and fewer random vectors.
SAMPLES = 160
SMALLER = {"1000:1797": "120:160", "0:1000": "0:120", "0:1797": "0:60", "--estimate 16": "--estimate 2"}


@dataclass
class Block:
    language: str
    text: str
    line: int  # of its fence

    @property
    def is_run(self):
        return not NOT_RUN.match(self.text.split("\n", 1)[0])


def blocks_of(page, *languages):
    """The page's blocks of code in these languages, in their order."""
    text = PAGES[page].read_text()
    found = [Block(match[1], match[2], text.count("\n", 0, match.start()) + 1)
             for match in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)]
    return [block for block in found if block.language in languages]


def smaller(shell):
    for rows, fewer in SMALLER.items():
        shell = shell.replace(rows, fewer)
    return shell


def as_repository(folder):
    """Makes the folder what the pages' commands are run from: jobs with fewer digits, the build, and in bin/ `tangram` and an `mpirun`
    that starts one rank, plainly: what each command says is tried here, ranks are elsewhere."""
    (folder / "jobs/digits").mkdir(parents=True)
    for path in [*JOBS.iterdir(), *(JOBS / "digits").iterdir()]:
        if path.name not in ("digits", "digits.h5"):
            (folder / "jobs" / path.relative_to(JOBS)).symlink_to(path)
    with h5py.File(JOBS / "digits/digits.h5") as all_of_them, h5py.File(folder / "jobs/digits/digits.h5", "w") as few:
        for name in all_of_them:
            few[name] = all_of_them[name][:SAMPLES]
    (folder / "build").symlink_to(BUILD.parent)
    (folder / "bin").mkdir()
    (folder / "bin/tangram").symlink_to(TANGRAM)
    (folder / "bin/mpirun").write_text('#!/bin/sh\n[ "$1" = -n ] || exit 2\nshift 2\nexec "$@"\n')
    (folder / "bin/mpirun").chmod(0o755)
