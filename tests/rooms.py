#!/usr/bin/python3
"""Fails where an include in src/ or include/ goes up or across: a room of the code includes itself and what is below it.

    tests/rooms.py [ROOT]      ROOT: the project's folder (this one)
    tests/rooms.py --self-test  spoils a copy in every way that counts and expects to be told

A fault is one line: file, line, and the rule that it breaks.
"""

import re
import shutil
import sys
import tempfile
from pathlib import Path

TOWERS = ["support", "grid", "file", "life", "network", "input", "tangent", "tangent/reference", "product"]
USES = ["checks", "compare", "spectrum", "regression", "matrix_free"]  # of a product's matrices: none knows another

MAY_INCLUDE = {
    "support": [],
    "grid": ["support"],
    "file": ["support", "grid"],
    "life": ["support", "grid", "file"],
    "network": ["support"],
    "input": ["support", "network"],
    "tangent": ["support", "network"],
    "tangent/reference": ["support", "network"],  # it is what the others are checked against
    "product": ["support", "grid", "network", "tangent", "tangent/reference"],
    **{room: TOWERS for room in USES},
    "run": TOWERS + USES,
    "commands": TOWERS + USES + ["run"],
    "main.cpp": ["support", "commands"],
    "manual": ["support", "file", "network", "commands"],  # a program of the build
}

INCLUDE = re.compile(r'^\s*#\s*include\s*["<]([^">]+)[">]')


def room_of(path):
    """The room that a path below src/ or include/tangram/ lies in; the deepest one that has rules."""
    folders = path.parts[:-1] or path.parts
    for depth in range(len(folders), 0, -1):
        room = "/".join(folders[:depth])
        if room in MAY_INCLUDE:
            return room
    return folders[0]


def target(root, source, included):
    """What an include names, relative to src/ or include/tangram/; None for what is not the project's."""
    if included.startswith("tangram/"):
        return Path(included).relative_to("tangram")
    for folder in (source.parent, root / "src"):
        if (folder / included).is_file():
            return (folder / included).resolve().relative_to(root / "src")
    return None


def faults_in(root, source, room):
    found = []
    for number, line in enumerate(source.read_text().splitlines(), 1):
        include = INCLUDE.match(line)
        named = include and target(root, source, include[1])
        if not named:
            continue
        other = room_of(named)
        if other == room or other in MAY_INCLUDE.get(room, []):
            continue
        allowed = ", ".join(MAY_INCLUDE.get(room, [])) or "no other room"
        found.append(f"{source.relative_to(root)}:{number}: {room} includes {named}: {room} may include {allowed}")
    return found


def faults(root):
    found = []
    for top in (root / "include" / "tangram", root / "src"):
        for source in sorted(path for suffix in ("hpp", "cpp") for path in top.rglob(f"*.{suffix}")):
            room = room_of(source.relative_to(top))
            if room not in MAY_INCLUDE:
                found.append(f"{source.relative_to(root)}:1: {room} is no room: give it a line in tests/rooms.py")
            found += faults_in(root, source, room)
    return found


SPOILED = {
    "upward": ("include/tangram/support/spoiled.hpp", '#include "tangram/file/schema.hpp"', "support may include no other room"),
    "across the towers": ("src/grid/spoiled.cpp", '#include "tangram/network/network.hpp"', "grid may include support"),
    "between two uses": ("src/checks/spoiled.cpp", '  #  include "tangram/spectrum/spectrum.hpp"', "checks may include"),
    "the reference to what it checks": ("src/tangent/reference/spoiled.cpp", '#include "tangram/tangent/panel.hpp"',
                                        "tangent/reference may include support, network"),
    "a folder of the reference": ("src/tangent/reference/spoiled/spoiled.cpp", '#include "tangram/tangent/panel.hpp"',
                                  "tangent/reference may include support, network"),
    "with angle brackets": ("src/life/spoiled.cpp", "#include <tangram/run/options.hpp>", "life may include"),
    "by a relative path": ("src/support/spoiled.cpp", '#include "../file/private.hpp"', "support may include"),
    "from main": ("src/main.cpp", '#include "tangram/run/inputs.hpp"', "main.cpp may include support, commands"),
    "a room without rules": ("src/attic/spoiled.cpp", "", "attic is no room"),
}


def self_test(root):
    """Each spoiled copy has exactly the faults of the tree and one more, which names file, line and rule."""
    before = faults(root)
    for what, (name, line, rule) in SPOILED.items():
        with tempfile.TemporaryDirectory(prefix="tangram-rooms-") as folder:
            copy = Path(folder).resolve()
            for top in ("include", "src"):
                shutil.copytree(root / top, copy / top)
            (copy / "src" / "file" / "private.hpp").write_text("#pragma once\n")
            path = copy / name
            path.parent.mkdir(parents=True, exist_ok=True)
            lines = path.read_text().splitlines() if path.exists() else []
            path.write_text("\n".join([*lines, line]) + "\n")
            more = [fault for fault in faults(copy) if fault not in before]
            assert len(more) == 1 and more[0].startswith(f"{name}:{len(lines) + 1}: ") and rule in more[0], f"{what}: {more}"


def main():
    arguments = sys.argv[1:]
    root = Path(__file__).resolve().parents[1]
    if arguments == ["--self-test"]:
        self_test(root)
        return 0
    found = faults(Path(arguments[0]).resolve() if arguments else root)
    for fault in found:
        print(fault)
    print(f"rooms: {len(found)} includes go up or across" if found else "rooms: no include goes up or across")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
