"""`tangram verify` calls a whole file whole, and finds changed tiles and wrong numbers behind right checksums: each at 1 and 3 ranks,
with the same words."""

import h5py
import numpy

from harness import each, tangram
from verified_kernel import CHECK_FAILED, PARTS, SAMPLES, TILE, change, flip, forget_contents, make, tile_bytes, verify_everywhere


# ---- whole files


@each({"float32": ([],), "float64": (["--precision", "float64"],), "full": (["--reduction", "full"],),
       "one logit": (["--logit", 1],), "no components": (["--components", "none"],),
       "all conjugate kernels": (["--conjugate-kernels", "all"],), "one tile": (["--tile-of-all"],),
       "checks not run": (["--check-samples", 0],)})
def test_a_whole_file_is_called_whole(folder, options):
    if options == ["--tile-of-all"]:
        path = make(folder, "--rows", f"0:{TILE}")
    else:
        path = make(folder, *options)
    said = verify_everywhere(path, 0, "verdict     whole", "/ntk", "as they were written")
    assert "FAILED" not in said, said
    assert ("not run" in said) == ("--check-samples" in options), said
    assert ("no components" in said) == ("none" in options), said


def test_the_number_of_threads_changes_nothing(folder):
    path = make(folder)
    flip(path, tile_bytes(path, PARTS[3], 2, 0)[0])
    runs = [tangram("verify", path, "--threads", threads, ranks=ranks) for threads in (1, 3) for ranks in (1, 3)]
    assert {run.code for run in runs} == {CHECK_FAILED} and len({run.errors[0] for run in runs}) == 1, runs


def test_a_file_of_an_older_program_has_no_checksum_of_its_contents(folder):
    path = make(folder)
    forget_contents(path)
    verify_everywhere(path, 0, "not recorded", "verdict     whole")


def test_a_file_that_has_lost_the_checksum_of_its_contents_is_not_whole(folder):
    path = make(folder)
    with h5py.File(path, "r+") as file:
        del file["checksums"].attrs["contents"]
        file["outputs"][0, 0] += 1
    verify_everywhere(path, CHECK_FAILED, "attribute contents")


# ---- changed tiles


@each({f"{name}, tile {row}, {column}": (name, row, column) for name, row, column in
       [(PARTS[0], 0, 0), (PARTS[1], 3, 1), (PARTS[2], 1, 3), (PARTS[4], 3, 3), (PARTS[5], 0, 2), (PARTS[5], 2, 0)]})
def test_a_flipped_bit_in_a_tile_is_found_and_named(folder, name, row, column):
    path = make(folder)
    begin, size = tile_bytes(path, name, row, column)
    last = min(SAMPLES - column * TILE, TILE) - 1  # in the first row; beyond it a chunk holds nothing
    flip(path, begin + 4 * last, bits=1)
    rows, columns = (f"{panel * TILE}:{min(SAMPLES, panel * TILE + TILE)}" for panel in (row, column))
    verify_everywhere(path, CHECK_FAILED, f"({path}:/{name}, rows {rows}, columns {columns})", "its checksum is",
                      "all other tiles are good")


def test_rows_of_a_full_kernel_are_rows_of_the_matrix(folder):
    path = make(folder, "--reduction", "full")
    with h5py.File(path, "r") as file:
        begin = file["ntk"].id.get_chunk_info_by_coord((3 * TILE, 3 * 3 * TILE)).byte_offset
    flip(path, begin)
    verify_everywhere(path, CHECK_FAILED, ":/ntk, rows 36:72, columns 108:120)")


def test_the_first_of_several_bad_tiles_is_named(folder):
    path = make(folder)
    for name, row, column in [(PARTS[5], 0, 0), (PARTS[3], 3, 3), (PARTS[3], 1, 2), (PARTS[3], 2, 1), (PARTS[4], 0, 0)]:
        flip(path, tile_bytes(path, name, row, column)[0] + 3)
    verify_everywhere(path, CHECK_FAILED, f":/{PARTS[3]}, rows 12:24, columns 24:36)", "the first of 5 bad tiles")


# ---- tiles whose checksums are right, and whose numbers are not


def raise_one(values):
    values[30, 5] *= 1.5


def raise_both(values):
    values[30, 5] *= 1.5
    values[5, 30] *= 1.5


def spoil_diagonal(values):
    values[13, 13] = -values[13, 13]


def spoil_number(values):
    values[39, 0] = numpy.nan


def make_infinite(values):
    values[0, 39] = numpy.inf


@each({"a NaN": ("ntk", spoil_number, "no number", "rows 36:40, columns 0:12"),
       "an infinity in a component": (PARTS[0], make_infinite, "no number", "rows 0:12, columns 36:40"),
       "a negative diagonal": (PARTS[2], spoil_diagonal, "negative diagonal", "rows 12:24, columns 12:24"),
       "an entry unlike its mirror image": (PARTS[3], raise_one, "not symmetric", "rows 24:36, columns 0:12"),
       "a kernel that is not the sum": ("ntk", raise_both, "sum of its components", "rows 24:36, columns 0:12"),
       "a component that does not add up": (PARTS[1], raise_both, "sum of its components", "rows 24:36, columns 0:12")})
def test_wrong_numbers_are_found_behind_right_checksums(folder, name, edit, says, where):
    path = make(folder)
    change(path, name, edit)
    named = "ntk" if "sum" in says else name
    verify_everywhere(path, CHECK_FAILED, says, f"({path}:/{named}, {where})")


def test_failed_checks_of_the_run_are_told(folder):
    path = make(folder, "--check-tolerance", "1e-300", code=CHECK_FAILED)
    verify_everywhere(path, CHECK_FAILED, ":/checks", "its own checks failed")
