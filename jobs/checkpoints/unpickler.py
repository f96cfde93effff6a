"""A stack machine for pickles (protocols 0 to 5) that imports nothing.

pickletools reads the instructions one after the other, and this carries them out on values of its own: numbers, strings,
containers, and what known.py builds. A class that is not there is passed over, and its name kept. Nothing here calls
itself for what is nested, nothing is allocated by a length or a number that a file names, and dictionaries take
only keys whose hash costs nothing, so that a file can take no more time and memory than its own length allows.
"""

import pickletools
import struct

from .known import KNOWN, build
from .values import Damaged, Name, PassedOver

MOST_INSTRUCTIONS = 20_000_000
FAULTS = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, struct.error, RecursionError, MemoryError)


class Reader:
    """A file to read, over bytes that lie in memory or in a mapped file: what pickletools and zipfile ask of one."""

    def __init__(self, data, position=0):
        self.data, self.position = memoryview(data), position

    def tell(self):
        return self.position

    def seek(self, place, of=0):
        place += (0, self.position, len(self.data))[of]
        if place < 0:
            raise OSError("before the beginning")
        self.position = place
        return place

    def read(self, count=None):
        start, end = self.position, len(self.data)
        self.position = max(start, end if count is None or count < 0 else min(start + count, end))
        return bytes(self.data[start:self.position])

    def readline(self):
        rest, window = len(self.data) - self.position, 256
        while True:
            found = bytes(self.data[self.position:self.position + window]).find(b"\n")
            if found >= 0:
                return self.read(found + 1)
            if window >= rest:
                raise Damaged("a line without an end")
            window *= 8


class Mark:
    """Where a run of elements begins on the stack."""


MARK = Mark()
SIMPLE_KEYS = (str, float, bytes, type(None))
LARGEST_KEY = 1 << 60  # integers below it have hashes of their own


class Machine:
    """One pickle. `persistent(id)` gives the storage that an id names, `nested(bytes)` reads a file within the file."""

    def __init__(self, reader, persistent=None, nested=None):
        self.reader, self.persistent, self.nested_reader = reader, persistent, nested
        self.stack, self.memo, self.passed_over = [], {}, {}
        self.left = 4 * len(reader.data) + 1024  # bytes that may be made of strings

    # -- what instructions need

    def pop(self):
        value = self.stack.pop()
        if value is MARK:
            raise Damaged("too few values")
        return value

    def pop_mark(self):
        """What was put on the stack since the last mark."""
        place = len(self.stack) - 1
        while self.stack[place] is not MARK:  # an empty stack is an IndexError
            place -= 1
            if place < 0:
                raise Damaged("no mark")
        values = self.stack[place + 1:]
        del self.stack[place:]
        return values

    def spend(self, count):
        self.left -= count
        if self.left < 0:
            raise Damaged("more bytes than the file has, made of the same string")

    def set_item(self, target, key, value):
        """An entry; a key that may be slow to hash is replaced by a thing of its own."""
        simple = isinstance(key, (*SIMPLE_KEYS, Name, PassedOver)) or isinstance(key, int) and abs(key) < LARGEST_KEY
        target[key if simple else PassedOver(type(key).__name__)] = value

    def nested(self, raw):
        if self.nested_reader is None or not isinstance(raw, bytes):
            raise Damaged("a file within a file within a file")
        return self.nested_reader(raw)

    def note(self, name):
        """A class that is passed over; how often."""
        if len(self.passed_over) < 1000 or name in self.passed_over:
            self.passed_over[name] = self.passed_over.get(name, 0) + 1

    def call(self, function, arguments):
        if not isinstance(arguments, tuple):
            raise Damaged("arguments that are no tuple")
        if not isinstance(function, Name):
            return PassedOver(function.text if isinstance(function, PassedOver) else "object", arguments)
        if function.text in KNOWN:
            return KNOWN[function.text](self, arguments)
        self.note(function.text)
        return PassedOver(function.text, arguments)

    # -- the run

    def run(self):
        """The value that the pickle is; the reader stands behind it."""
        for count, (instruction, argument, place) in enumerate(pickletools.genops(self.reader)):
            name = instruction.name
            if count > MOST_INSTRUCTIONS:
                raise Damaged(f"more than {MOST_INSTRUCTIONS} instructions")
            if name == "STOP":
                return self.pop()
            if name in CONSTANTS:
                self.stack.append(argument)
            elif name in INSTRUCTIONS:
                INSTRUCTIONS[name](self, argument)
            else:
                raise Damaged(f"the instruction {name} at byte {place}")
        raise Damaged("no end")


# ---- instructions: (machine, argument)


def push(make):
    return lambda machine, argument: machine.stack.append(make())


def take_tuple(count):
    def instruction(machine, argument):
        values = [machine.pop() for _ in range(count)]
        machine.stack.append(tuple(reversed(values)))

    return instruction


def append(machine, values):
    target = machine.stack[-1]
    if isinstance(target, PassedOver):
        target.elements = [] if target.elements is None else target.elements
        target.elements.extend(values)
    elif isinstance(target, list):
        target.extend(values)
    else:
        raise Damaged("elements for what is no list")


def set_items(machine, values):
    target = machine.stack[-1]
    if len(values) % 2 or not isinstance(target, (dict, PassedOver)):
        raise Damaged("entries for what is no dictionary")
    if isinstance(target, PassedOver):
        target.entries = {} if target.entries is None else target.entries
        target = target.entries
    for key, value in zip(values[::2], values[1::2]):
        machine.set_item(target, key, value)


def name_by_line(machine, argument):
    machine.stack.append(Name(argument.replace(" ", ".", 1)))


def name_by_stack(machine, argument):
    name, module = machine.pop(), machine.pop()
    if not isinstance(name, str) or not isinstance(module, str):
        raise Damaged("a name that is no string")
    machine.stack.append(Name(f"{module}.{name}"))


def reduce(machine, argument):
    arguments, function = machine.pop(), machine.pop()
    machine.stack.append(machine.call(function, arguments))


def new_object(machine, argument):
    arguments, cls = machine.pop(), machine.pop()
    machine.stack.append(machine.call(cls, arguments))


def new_object_with_keywords(machine, argument):
    machine.pop()
    new_object(machine, argument)


def old_object(machine, argument):
    """OBJ: a mark, the class, its arguments."""
    cls, *arguments = machine.pop_mark()
    machine.stack.append(machine.call(cls, tuple(arguments)))


def old_instance(machine, argument):
    """INST: the class by line, its arguments since the mark."""
    machine.stack.append(machine.call(Name(argument.replace(" ", ".", 1)), tuple(machine.pop_mark())))


def build_object(machine, argument):
    state = machine.pop()
    build(machine, machine.stack[-1], state)


def persistent_by_stack(machine, argument):
    name = machine.pop()
    if machine.persistent is None:
        raise Damaged("a storage outside the pickle")
    machine.stack.append(machine.persistent(name))


def put(machine, argument):
    place = len(machine.memo) if argument is None else argument
    if not 0 <= place < LARGEST_KEY:
        raise Damaged("a memo without a place")
    machine.memo[place] = machine.stack[-1]


def get(machine, argument):
    machine.stack.append(machine.memo[argument])


def extension(machine, argument):
    machine.stack.append(Name(f"extension {argument}"))


def nothing(machine, argument):
    """PROTO, FRAME: how it was written."""


CONSTANTS = {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES",
             "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "FLOAT",
             "BINFLOAT"}
INSTRUCTIONS = {
    "NONE": push(lambda: None), "NEWTRUE": push(lambda: True), "NEWFALSE": push(lambda: False), "MARK": push(lambda: MARK),
    "EMPTY_LIST": push(list), "EMPTY_TUPLE": push(tuple), "EMPTY_DICT": push(dict), "EMPTY_SET": push(list),
    "LIST": lambda machine, _: machine.stack.append(machine.pop_mark()),
    "TUPLE": lambda machine, _: machine.stack.append(tuple(machine.pop_mark())),
    "FROZENSET": lambda machine, _: machine.stack.append(machine.pop_mark()),
    "DICT": lambda machine, _: (lambda values: (machine.stack.append({}), set_items(machine, values)))(machine.pop_mark()),
    "TUPLE1": take_tuple(1), "TUPLE2": take_tuple(2), "TUPLE3": take_tuple(3),
    "APPEND": lambda machine, _: append(machine, [machine.pop()]), "APPENDS": lambda machine, _: append(machine, machine.pop_mark()),
    "ADDITEMS": lambda machine, _: append(machine, machine.pop_mark()),
    "SETITEM": lambda machine, _: set_items(machine, [machine.pop(), machine.pop()][::-1]),
    "SETITEMS": lambda machine, _: set_items(machine, machine.pop_mark()),
    "POP": lambda machine, _: machine.stack.pop(), "POP_MARK": lambda machine, _: machine.pop_mark(),
    "DUP": lambda machine, _: machine.stack.append(machine.stack[-1]),
    "PUT": put, "BINPUT": put, "LONG_BINPUT": put, "MEMOIZE": put, "GET": get, "BINGET": get, "LONG_BINGET": get,
    "GLOBAL": name_by_line, "STACK_GLOBAL": name_by_stack, "REDUCE": reduce, "BUILD": build_object, "INST": old_instance,
    "OBJ": old_object, "NEWOBJ": new_object, "NEWOBJ_EX": new_object_with_keywords, "BINPERSID": persistent_by_stack,
    "EXT1": extension, "EXT2": extension, "EXT4": extension, "PROTO": nothing, "FRAME": nothing,
}


def unpickle(reader, persistent=None, nested=None):
    """(value, {class passed over: how often}) of the pickle at which the reader stands."""
    machine = Machine(reader, persistent, nested)
    start = reader.tell()
    try:
        return machine.run(), machine.passed_over
    except FAULTS as fault:
        reason = str(fault) if isinstance(fault, Damaged) else type(fault).__name__
        raise Damaged(f"the pickle at byte {start} is damaged near byte {reader.tell()}: {reason}") from None
