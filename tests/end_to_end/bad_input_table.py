"""The table of bad input: a case is a row with a label, the exit code, what the line must say, and a function of the folder
that makes the files and returns the options that differ from a good run's (None: left out; FLAG: without a value)."""

from harness import JOBS

MODEL = JOBS / "digits" / "digits_mlp.safetensors"
DIGITS = f"{JOBS}/digits/digits.h5"
USAGE, BAD_INPUT, NO_RESOURCES, IO = 2, 3, 4, 6
FLAG = object()

CASES = {}
FORBIDDEN = {}  # those that permission bits must stop


def case(label, code, *says, table=CASES):
    """Registers a function of the folder as a row of the table."""

    def register(make):
        assert label not in table, label
        table[label] = (make, code, says)
        return make

    return register
