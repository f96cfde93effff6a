"""`tangram bench` and the job that makes a table of it: that they run and add up. Nothing here depends on a time."""

import json
import os
import subprocess

from harness import JOBS, STARTS_FAST, TANGRAM, each, tangram

SLOW = True

PROBLEM = ["--samples", 96, "--widths", "20,30,3", "--tile", 16, "--threads", 1, "--gemm-seconds", 0.001]

RATES = ["gemm_peak_gflops", "features_samples_per_second", "exchange_seconds", "assembly_gflops",
         "assembly_fraction_of_peak", "assembly_without_writing_gflops", "assembly_without_writing_fraction_of_peak",
         "tile_write_gbytes_per_second", "plain_write_gbytes_per_second"]


def bench(folder, *options, ranks):
    """The JSON of a bench that must end well and leave nothing behind."""
    run = tangram("bench", *PROBLEM, "--directory", folder, "--json", *options, ranks=ranks)
    assert run.code == 0 and not run.errors, run
    assert list(folder.iterdir()) == []
    return json.loads(run.stdout)


@each({f"{options} on {ranks} ranks": (options.split(), ranks) for options, ranks in (
    ("--components all", 1), ("--components all", 2), ("--precision float64", 3), ("--reduction full --components all", 4))})
def test_the_numbers_add_up(folder, options, ranks):
    rounds = 2 if ranks == 2 else 1
    numbers = bench(folder, *options, "--repeat", rounds, ranks=ranks)
    assert (numbers["ranks"], numbers["threads"], numbers["samples"], numbers["tile"]) == (ranks, 1, 96, 16)
    assert numbers["widths"] == [20, 30, 3] and numbers["parameters"] == 723 and numbers["rounds"] == rounds
    assert numbers["blas_kernel"] and numbers["blas_library"]
    for key in RATES:
        assert 0 < numbers[f"{key}_least"] <= numbers[key] <= numbers[f"{key}_most"], (key, numbers)
    full, double = "full" in options, "float64" in options
    pairs = 9 if full else 3
    assert numbers["operations"] == 96**2 * (20 + 30 + pairs * 30)
    assert numbers["matrices"] == (1 if double else 6)  # the kernel, four components, one conjugate kernel
    entries = 5 * 9 + 1 if full else numbers["matrices"]  # of each pair of samples
    assert numbers["write_bytes"] == (8 if double else 4) * entries * 96**2
    assert numbers["peak_memory_bytes"] > 1e6
    share = 1 / numbers["grid_rows"] + 1 / numbers["grid_columns"] - 2 / ranks
    assert abs(numbers["exchange_formula_bytes"] - 96 * (20 + 30 + 3 * 30) * share * (8 if double else 4)) < 1
    if ranks == 1:
        assert numbers["exchange_bytes_per_rank"] == 0 and numbers["exchange_ratio"] == 1
    else:
        assert 1 <= numbers["exchange_ratio"] <= 1.1, numbers


@each({f"{ranks} ranks": (ranks,) for ranks in (1, 3)})
def test_the_table_says_the_same(folder, ranks):
    run = tangram("bench", *PROBLEM, "--repeat", 1, "--directory", folder, ranks=ranks)
    assert run.code == 0 and not run.errors, run
    assert list(folder.iterdir()) == []
    assert f"{ranks} rank{'' if ranks == 1 else 's'} x 1 thread on 1 node" in run.stdout, run.stdout
    for words in ("BLAS", "20-30-3", "96 samples, trace, float32", "gemm peak", "features", "exchange",
                  "assembly with writing", "assembly without writing", "tile writes", "plain write", "resident memory"):
        assert words in run.stdout, (words, run.stdout)


def test_ranks_without_panels_take_part(folder):
    run = tangram("bench", "--samples", 3, "--widths", "2,3", "--tile", 2, "--repeat", 1, "--threads", 1, "--gemm-seconds", 0.001,
                  "--directory", folder, "--json", ranks=5)
    assert run.code == 0 and not run.errors, run
    assert json.loads(run.stdout)["ranks"] == 5 and list(folder.iterdir()) == []


@each({"no rounds": (["--repeat", 0], "--repeat is 0"), "one width": (["--widths", "3"], "--widths names 1 width"),
       "a width of 0": (["--widths", "3,0"], "--widths has a 0"), "no samples": (["--samples", 0], "--samples is 0"),
       "an unknown reduction": (["--reduction", "logit"], "'logit' of --reduction"),
       "an unknown precision": (["--precision", "float16"], "'float16' of --precision: use float32, float64"),
       "unknown components": (["--components", "some"], "'some' of --components"), "no threads": (["--threads", 0], "--threads is 0"),
       "no time for products": (["--gemm-seconds", 0], "--gemm-seconds is 0"), "an unknown option": (["--sampels", 3], "'--sampels'"),
       "tiles that are too large": (["--tile", 9000, "--samples", 9000], "tiles of 9000 x 9000")})
def test_a_problem_that_cannot_be_measured_is_refused_before_it_is_made(folder, options, says):
    run = tangram("bench", "--directory", folder, *options, seconds=60)
    assert run.code == 2 and len(run.errors) == 1 and says in run.errors[0], run
    assert list(folder.iterdir()) == []


def test_a_directory_that_is_not_there_is_named(folder):
    run = tangram("bench", "--directory", folder / "absent", ranks=2, seconds=60)
    assert run.code == 6 and len(run.errors) == 1 and "absent" in run.errors[0], run


def test_the_benchmark_job_prints_every_row_and_removes_its_files(folder):
    done = subprocess.run([JOBS / "benchmark.sh"], cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          env=dict(os.environ, TANGRAM=str(TANGRAM), TMPDIR=str(folder), QUICK="1", **STARTS_FAST), timeout=600)
    assert done.returncode == 0, done.stderr
    rows = [line.split(" | ")[0] for line in done.stdout.splitlines() if line.startswith("| ")]
    assert rows[2:] == [f"| {name}" for name in "aaabbbccccccddefgh"], done.stdout
    assert list(folder.iterdir()) == []
