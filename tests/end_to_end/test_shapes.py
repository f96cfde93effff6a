"""Sizes at the edges: one sample, one panel, more ranks than panels, prime counts of both."""

import h5py
import numpy

from harness import DATA, JOBS, assert_close, assert_kernel, each, kernel

REFERENCES = DATA / "references.h5"
DIGITS = [JOBS / "digits" / "digits_mlp.safetensors", f"{JOBS}/digits/digits.h5:x"]
WIDE = [f"{REFERENCES}:wide/model", f"{REFERENCES}:wide/x"]


@each({f"{ranks} ranks": (ranks,) for ranks in (1, 2, 3)})
def test_one_sample_gives_a_1_by_1_kernel(folder, ranks):
    with h5py.File(REFERENCES) as file:
        expected = file["wide/expected/trace"]
        with kernel(*WIDE, folder / "out.h5", "--activation", "leaky_relu:0.2", "--rows", "0:1", ranks=ranks) as out:
            assert out["ntk"].shape == (1, 1)
            assert abs(out["ntk"][0, 0] / expected["ntk"][0, 0] - 1) < 1e-12


@each({f"{ranks} ranks, tile {tile}": (ranks, tile) for ranks, tile in ((5, 4), (7, 5), (8, 64), (8, 1))})
def test_more_ranks_than_panels_and_prime_rank_counts(folder, ranks, tile):
    with h5py.File(REFERENCES) as file:
        with kernel(*WIDE, folder / "out.h5", "--activation", "leaky_relu:0.2", "--tile", tile, ranks=ranks) as out:
            assert_kernel(out, file["wide/expected/trace"], "float64")


def test_chosen_tile_of_a_whole_data_set_passes_its_own_checks(folder):
    with kernel(JOBS / "digits" / "digits_mlp.safetensors", f"{JOBS}/digits/digits.h5:x", folder / "out.h5",
                "--activation", "tanh", "--labels", f"{JOBS}/digits/digits.h5:y", ranks=2, threads=2,
                precision="float32") as out:
        assert out["ntk"].shape == (1797, 1797)
        assert out["checks"].attrs["passed"] == 1
        assert out["checks"].attrs["accuracy"] > 0.95
        rows = numpy.arange(0, 1797, 97)
        total = sum(component[:][numpy.ix_(rows, rows)].astype("f8") for component in out["components"].values())
        assert numpy.abs(total - out["ntk"][:][numpy.ix_(rows, rows)]).max() < 1e-5 * total.max()


@each({f"{reduction}, tile {tile}": (reduction, rows, tile)
       for reduction, rows, tile in (("trace", 400, 150), ("trace", 301, 200), ("full", 40, 15))})
def test_tiles_that_are_no_whole_pages_are_written_where_they_belong(folder, reduction, rows, tile):
    with kernel(*DIGITS, folder / "out.h5", "--activation", "tanh", "--rows", f"0:{rows}", "--tile", tile, "--reduction",
                reduction, ranks=2, precision="float32") as odd, \
         kernel(*DIGITS, folder / "even.h5", "--activation", "tanh", "--rows", f"0:{rows}", "--reduction", reduction,
                precision="float64") as even:
        assert_close(odd["ntk"][:], even["ntk"][:], "float32", "ntk")
