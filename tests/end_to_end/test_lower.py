"""--store lower: the tiles on and below the diagonal alone; half the bytes, and every command says what it says of the square file."""

import re

import h5py
import numpy

from harness import JOBS, each, tangram, write_h5
from scripts import script
from test_measures import STOPPED, USAGE, network, run

N, TILE = 350, 32  # 11 panels
SAID = re.compile(r"(/[\w./-]+\.h5(\.\w+)?)|([\d.]+ ?(s|GF/s|kB|MB)\b)")


def both(folder, *more, **options):
    words, rows = network(folder, n=N, **options)
    words[words.index("--tile") + 1] = TILE
    square = run([*words, *more], folder / "square.h5")
    lower = run([*words, *more, "--store", "lower"], folder / "lower.h5", ranks=3)
    return words, rows, square, lower


def whole(dataset):
    K = dataset[:]  # what docs/measures.md says: the lower tiles are there, the others read as zero
    return numpy.tril(K) + numpy.tril(K, -1).T


def matrices_of(file):
    names = []
    file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) and "symmetric" in item.attrs else None)
    return names


def test_half_the_bytes_the_same_entries_and_the_same_words_of_every_command(folder):
    _, rows, square, lower = both(folder)
    assert square.attrs.get("store") is None and lower.attrs["store"] == "lower"
    names = matrices_of(square)
    assert names == matrices_of(lower) and len(names) == 6, names
    for name in names:
        K = square[name][:]
        assert (whole(lower[name]) == K).all(), name
        tiles = range(0, N, TILE)
        for i in tiles:
            for j in (j for j in tiles if j > i):
                assert not lower[name][i:i + TILE, j:j + TILE].any()
        half = lower[name].id.get_storage_size() / square[name].id.get_storage_size()
        assert half == 66 / 121, half
        lower_tiles = numpy.tril_indices(11)
        assert (lower[f"checksums/{name}"][:][lower_tiles] == square[f"checksums/{name}"][:][lower_tiles]).all()
    sizes = [(folder / f"{which}.h5").stat() for which in ("lower", "square")]
    for attribute in ("st_size", "st_blocks"):
        assert 0.5 < getattr(sizes[0], attribute) / getattr(sizes[1], attribute) < 0.6
    for file in (square, lower):
        assert file["checks"].attrs["passed"] == 1
        file.close()
    other = write_h5(folder / "other.h5", K=2.0 * whole(h5py.File(folder / "lower.h5")["ntk"]))
    numbers = f"{folder / 'x.h5'}:numbers"
    for command in (["check"], ["compare", f"{other}:K"], ["spectrum", "--output", "OUT", "--overwrite"],
                    ["regress", "--targets", numbers, "--ridge", "1e-3,1", "--output", "OUT", "--overwrite"]):
        said, numbers_of = [], []
        for which in ("square", "lower"):
            words = [folder / f"{which}-{command[0]}.h5" if word == "OUT" else word for word in command]
            done = tangram(words[0], folder / f"{which}.h5", *words[1:], ranks=2)
            assert done.code == (5 if command[0] == "compare" else 0), done  # twice the kernel is another
            said.append(SAID.sub("", done.stdout))
            if "OUT" in command:
                with h5py.File(folder / f"{which}-{command[0]}.h5") as file:
                    found = {}
                    file.visititems(lambda name, item: found.update({name: item[:]}) if isinstance(item, h5py.Dataset) and item.shape and item.dtype == "f8" else None)
                    numbers_of.append(found)
        unlike = [pair for pair in zip(*(text.splitlines() for text in said)) if pair[0] != pair[1]]
        assert not unlike, unlike
        if numbers_of:
            assert numbers_of[0].keys() == numbers_of[1].keys() and numbers_of[0]
            for name, values in numbers_of[0].items():
                assert numpy.array_equal(values, numbers_of[1][name], equal_nan=True), name
    done = tangram("verify", folder / "lower.h5", ranks=2)
    assert done.code == 0 and re.search(r"/ntk +66 +0 ", done.stdout), done


def test_a_changed_byte_is_found_by_its_tile(folder):
    *_, lower = both(folder)
    with lower:
        offset = lower["components/0.weight"].id.get_chunk_info_by_coord((4 * TILE, 2 * TILE)).byte_offset
    with open(folder / "lower.h5", "r+b") as file:
        file.seek(offset + 100)
        byte = file.read(1)
        file.seek(offset + 100)
        file.write(bytes([byte[0] ^ 1]))
    told = tangram("verify", folder / "lower.h5")
    assert told.code == 5 and "0.weight, rows 128:160, columns 64:96" in told.stderr, told


def test_a_stopped_run_goes_on_to_the_same_bytes_and_neighbours(folder):
    words, _, square, lower = both(folder, "--top-neighbours", 3)
    told = run([*words, "--top-neighbours", 3, "--store", "lower"], folder / "k.h5", "--stop-after-tiles", 20, ranks=2, code=STOPPED)
    assert "stopped with 20 of 66 tiles on disk" in told.stderr, told
    told = run([*words, "--top-neighbours", 3], folder / "k.h5", "--resume", code=USAGE)
    assert "matrices differs" in told.errors[0], told
    with run([*words, "--top-neighbours", 3, "--store", "lower"], folder / "k.h5", "--resume", ranks=3) as file:
        for name in matrices_of(lower):
            assert (file[name][:] == lower[name][:]).all(), name
        for name in ("largest", "largest_columns", "smallest", "smallest_columns"):
            assert (file["neighbours"][name][:] == square["neighbours"][name][:]).all(), name


@each({"full": (["--reduction", "full"], 1), "parameters": (["--space", "params"], 3), "float32": ([], 2)})
def test_every_symmetric_matrix(folder, more, ranks):
    words, _ = network(folder, n=45)
    words = words if more else words[:words.index("--precision")]
    square = run([*words, *more], folder / "square.h5")
    with run([*words, *more, "--store", "lower"], folder / "lower.h5", ranks=ranks) as lower:
        for name in matrices_of(square):
            assert (whole(lower[name]) == square[name][:]).all(), name
        assert lower["checks"].attrs["passed"] == 1
    for command in ("verify", "check"):
        assert tangram(command, folder / "lower.h5", ranks=ranks).code == 0


def test_the_plot_draws_it(folder):
    words, _ = network(folder, n=45)
    run([*words, "--store", "lower"], folder / "lower.h5")
    run(words, folder / "square.h5")
    pictures = []
    for which in ("square", "lower"):
        (folder / which).mkdir()
        (folder / f"{which}.h5").rename(folder / which / "k.h5")
        done = script(JOBS / "plot.py", folder / which / "k.h5", "--output", folder / f"{which}.svg", uses=("matplotlib.pyplot",))
        assert done.returncode == 0, done
        pictures.append(re.findall(r"data:image/png;base64,[^\"]*", (folder / f"{which}.svg").read_text()))
    assert pictures[0] == pictures[1] and len(pictures[0]) > 1


def test_a_rectangle_has_no_lower_half(folder):
    words, _ = network(folder)
    told = run([*words, "--store", "lower", "--test", f"{folder / 'x.h5'}:x"], folder / "k.h5", code=USAGE)
    assert "half of a symmetric matrix" in told.errors[0], told
