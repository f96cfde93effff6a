"""The table of bad input: a case is a row with a label, the exit code, what the line must say, and a function of the folder
that makes the files and returns the options that differ from a good run's (None: left out; FLAG: without a value)."""

from harness import JOBS

MODEL = JOBS / "digits" / "digits_mlp.safetensors"
DIGITS = f"{JOBS}/digits/digits.h5"
USAGE, BAD_INPUT, NO_RESOURCES, IO = 2, 3, 4, 6
FLAG = object()

CASES = {}
FORBIDDEN = {}  # those that permission bits must stop


def case(label, code, *says, table=CASES, ranks=(1,)):
    """Registers a function of the folder as a row of the table, once for each of these numbers of ranks."""

    def register(make):
        for count in ranks:
            row = f"{label}, {count} ranks" if count > 1 else label
            assert row not in table, row
            table[row] = (make, code, says, count)
        return make

    return register


def case_of_ranks(*words, **settings):
    """A case that several ranks see, or one of them alone: in the samples that it reads, in what it computes, on its disk; and
    one case of every way that an error takes before. It is tried on 4 ranks too."""
    return case(*words, **settings, ranks=(1, 4))
