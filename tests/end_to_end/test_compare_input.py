"""What `tangram compare` reads, in any order of bytes and axes, and what it refuses in one line."""

import numpy

from bad_input_table import BAD_INPUT, IO, USAGE
from compare_net import DIFFERENT, EQUAL, Net
from harness import each, tangram

NPY = {"float32": lambda K: K.astype("f4"), "big-endian": lambda K: K.astype(">f8"), "column-major": numpy.asfortranarray,
       "column-major float32": lambda K: numpy.asfortranarray(K.astype("f4"))}


@each({label: (change,) for label, change in NPY.items()})
def test_npy_files_are_read_whatever_their_order(folder, change):
    net = Net(folder, [4, 6, 1])
    asymmetric = net.K.copy()
    asymmetric[3, 40] *= 1.01
    numpy.save(folder / "o.npy", change(asymmetric))
    run = tangram("compare", net.path, folder / "o.npy", ranks=2)
    assert run.code == DIFFERENT and "row 3, column 40" in run.stdout, run.stdout


def nan(folder, net):
    K = net.K.copy()
    K[5, 33] = numpy.nan
    numpy.save(folder / "o.npy", K)
    return folder / "o.npy"


def saved(values):
    def make_file(folder, net):
        numpy.save(folder / "o.npy", values(net.K))
        return folder / "o.npy"

    return make_file


def cut(folder, net):
    path = saved(lambda K: K)(folder, net)
    path.write_bytes(path.read_bytes()[:-9])
    return path


def text(folder, net):
    (folder / "o.npy").write_text("no numbers here, and more than twelve bytes")
    return folder / "o.npy"


REFUSED = {
    "a NaN": (nan, BAD_INPUT, "NaN at row 5, column 33"), "another size": (saved(lambda K: numpy.pad(K, 1)), BAD_INPUT, "(62, 62)"),
    "smaller, and no part": (saved(lambda K: K[:-1, :-1] + 1), BAD_INPUT, "no part of it"),
    "a vector": (saved(lambda K: K[0]), BAD_INPUT, "(60)"), "complex": (saved(lambda K: K + 1j), BAD_INPUT, "<c16"),
    "cut off": (cut, BAD_INPUT, "o.npy"), "text": (text, BAD_INPUT, "no format that is known here"),
    "no file": (lambda folder, net: folder / "none.npy", BAD_INPUT, "no such file"),
    "no dataset": (lambda folder, net: f"{net.path}:nothing", BAD_INPUT, "nothing"),
}


@each({f"{label}, {ranks} ranks": (*row, ranks) for label, row in REFUSED.items() for ranks in (1, 4)})
def test_another_kernel_that_cannot_be_one_is_refused(folder, make_other, code, word, ranks):
    net = Net(folder, [4, 6, 1])
    run = tangram("compare", net.path, make_other(folder, net), ranks=ranks)
    assert run.code == code and len(run.errors) == 1 and word in run.errors[0], run


@each({"no other": (["k.h5"], USAGE), "a tolerance below zero": (["k.h5", "o.npy", "--tolerance", "-1"], USAGE),
       "an unknown reduction": (["k.h5", "o.npy", "--like", "median"], USAGE), "no kernel file": (["none.h5", "o.npy"], IO)})
def test_wrong_options_are_refused(folder, words, code):
    run = tangram("compare", *words, ranks=2)
    assert run.code == code and len(run.errors) == 1, run


def test_a_kernel_file_of_ours_needs_no_dataset(folder):
    net = Net(folder, [4, 6, 1])
    run = tangram("compare", net.path, net.path)
    assert run.code == EQUAL and run.stdout.startswith("equal, to the last bit"), run
