"""What a run takes, known before it starts: --dry-run, --memory, refusals for memory and disk; and its progress."""

import re

import h5py

from harness import JOBS, each, kernel, once, tangram

DIGITS = ["--model", JOBS / "digits" / "digits_mlp.safetensors", "--data", f"{JOBS}/digits/digits.h5:x", "--activation",
          "tanh"]


def wide_network(folder, samples):
    """A network whose features outweigh everything else in memory, and its samples."""
    run = tangram("init", "--widths", "512,512,1", "--fan-in", "--output", folder / "wide.safetensors", "--samples", samples,
                  "--data", folder / "wide.h5")
    assert run.code == 0, run
    return folder / "wide.safetensors", f"{folder}/wide.h5:x"


def megabytes(text, what):
    """The number of a line of the dry run, in MB."""
    number, unit = re.search(rf"{what} +([0-9.]+) (kB|MB|GB)", text).groups()
    return float(number) * {"kB": 1e-3, "MB": 1.0, "GB": 1e3}[unit]


def test_a_plan_for_ranks_that_are_not_there_is_that_of_as_many_ranks(folder):
    words = ["kernel", *DIGITS, "--output", folder / "out.h5", "--dry-run", "--memory", 2, "--threads", 1]
    there, planned = tangram(*words, ranks=3), tangram(*words, "--ranks", 3)
    assert there.code == 0 and planned.code == 0, planned

    def lines(text):
        kept = [line for line in text.splitlines() if not re.match(r"  (program|peak)|(gemm|time) ", line)]
        assert any("received by a rank" in line for line in kept) and any("3 ranks as 1 x 3" in line for line in kept), text
        return kept

    assert lines(there.stdout) == lines(planned.stdout)
    refused = tangram(*[word for word in words if word != "--dry-run"], "--ranks", 3)
    assert refused.code == 2 and len(refused.errors) == 1 and "--dry-run" in refused.errors[0], refused


@each({f"{ranks} ranks": (ranks,) for ranks in (1, 3)})
def test_a_dry_run_says_what_the_run_would_take_and_leaves_nothing(folder, ranks):
    run = tangram("kernel", *DIGITS, "--output", folder / "out.h5", "--dry-run", ranks=ranks)
    assert run.code == 0 and not run.errors, run
    for word in ("panels", "tiles", "peak", "disk", "operations", "GF/s", "time"):
        assert word in run.stdout, f"no {word} in:\n{run.stdout}"
    assert f"{ranks} rank" in run.stdout
    assert not list(folder.iterdir()), list(folder.iterdir())


def test_the_plan_of_a_dry_run_is_that_of_the_file_and_holds(folder):
    run = tangram("kernel", *DIGITS, "--output", folder / "out.h5", "--dry-run", "--threads", 1, ranks=2)
    assert run.code == 0, run
    with kernel(DIGITS[1], DIGITS[3], folder / "out.h5", "--activation", "tanh", ranks=2, precision="float32") as out:
        timing = out["timing"]
        planned = int(timing.attrs["planned_memory"])
        assert abs(planned / 1e6 - megabytes(run.stdout, "peak")) < 0.1 * planned / 1e6 + 5
        assert (timing["peak_memory"][:] <= 1.1 * planned + 200 * 2**20).all(), (timing["peak_memory"][:], planned)
        assert timing.attrs["bytes_written"] >= sum(d.size * d.dtype.itemsize for d in [out["ntk"], *out["components"].values()])


@each({f"{ranks} ranks": (ranks,) for ranks in (3,)})
def test_less_memory_than_the_features_need_gives_the_same_bits(folder, ranks):
    model, data = wide_network(folder, 3500)
    options = ["--activation", "tanh", "--components", "none", "--tile", 64, "--rows", "0:3487"]
    with kernel(model, data, folder / "all.h5", *options, ranks=ranks, precision="float32") as out:
        expected = out["ntk"][:].tobytes()
        received = int(out["timing"].attrs["bytes_received"])
    command = ["kernel", "--model", model, "--data", data, "--output", folder / "few.h5", *options, "--threads", 1]
    plan = tangram(*command, "--dry-run", ranks=ranks)
    assert "all at once" in plan.stdout, plan.stdout
    room = max(megabytes(plan.stdout, "program and network") + megabytes(plan.stdout, "tiles under way")
               + 0.7 * megabytes(plan.stdout, "features for its tiles") + 6,
               megabytes(plan.stdout, "program and network") + megabytes(plan.stdout, "samples and outputs")
               + megabytes(plan.stdout, "its own features") + megabytes(plan.stdout, "scratch of the features") + 2)
    limit = ["--memory", room * 1e6 / 2**30]
    plan = tangram(*command, *limit, "--dry-run", ranks=ranks)
    assert "slices" in plan.stdout, f"{plan}\n{plan.stdout}"
    with kernel(model, data, folder / "few.h5", *options, *limit, ranks=ranks, precision="float32") as out:
        assert out["ntk"][:].tobytes() == expected
        assert int(out["timing"].attrs["bytes_received"]) > received


@each({f"{ranks} ranks": (ranks,) for ranks in (1, 4)})
def test_too_little_memory_is_refused_before_anything_is_written(folder, ranks):
    run = tangram("kernel", *DIGITS, "--output", folder / "out.h5", "--memory", 0.01, ranks=ranks)
    assert run.code == 4, run
    assert len(run.errors) == 1 and "GiB needed" in run.errors[0] and "--memory" in run.errors[0], run.errors
    assert not list(folder.iterdir()), list(folder.iterdir())


@each({f"{ranks} ranks, {'dry' if dry else 'real'}": (ranks, dry) for ranks in (1, 4) for dry in (False, True)})
def test_a_kernel_that_the_disk_cannot_hold_is_refused_with_the_bytes_needed(folder, ranks, dry):
    samples = 4_000_000
    with h5py.File(folder / "many.h5", "w") as file:
        file.create_dataset("x", (samples, 1), "f4", fillvalue=0.5)
    run = tangram("init", "--widths", "1,1", "--output", folder / "tiny.safetensors")
    assert run.code == 0, run
    run = tangram("kernel", "--model", folder / "tiny.safetensors", "--data", f"{folder}/many.h5:x", "--components", "none",
                  "--tile", 4096, "--output", folder / "out.h5", *(["--dry-run"] if dry else []), ranks=ranks)
    assert run.code == 4, run
    assert len(run.errors) == 1, run.errors
    wanted = int(re.search(r"([0-9]+) bytes", run.errors[0]).group(1))
    assert 4 * samples**2 <= wanted <= 1.01 * 4 * samples**2, run.errors
    assert sorted(path.name for path in folder.iterdir()) == ["many.h5", "tiny.safetensors"]


DISKS = {
    "one sample more than a tile": (["--rows", "0:65", "--tile", 64],),
    "tiles of 32": (["--rows", "0:1000", "--tile", 32],),
    "the tile of itself": ([],),
    "float64, no components": (["--precision", "float64", "--components", "none"],),
    "reduction full": (["--rows", "0:131", "--reduction", "full", "--tile", 30],),
    "conjugate kernels": (["--rows", "0:700", "--conjugate-kernels", "all", "--tile", 300],),
    "one sample": (["--rows", "0:1"],),
    "all samples checked": (["--rows", "0:120", "--check-samples", 120, "--tile", 119],),
    "test samples": (["--rows", "0:300", "--test", DIGITS[3], "--test-rows", "300:399", "--tile", 64],),
    "test samples, full": (["--rows", "0:60", "--test", DIGITS[3], "--test-rows", "300:399", "--reduction", "full"],),
}


def assert_disk_as_planned(folder, *words):
    """Edge tiles are stored whole, and what is no tile counts too."""
    words = ["kernel", *words, "--output", folder / "out.h5"]
    plan = tangram(*words, "--dry-run")
    assert plan.code == 0, plan
    run = tangram(*words)
    assert run.code == 0, run
    planned, taken = 1e6 * megabytes(plan.stdout, "disk"), (folder / "out.h5").stat().st_size
    assert 0.999 * taken <= planned <= 1.05 * taken + 1e5, (planned, taken)  # 0.999: the plan prints three digits or four


@each(DISKS)
def test_the_disk_of_the_plan_is_that_of_the_file(folder, options):
    assert_disk_as_planned(folder, *DIGITS, "--labels", f"{JOBS}/digits/digits.h5:y", *options)


@each({f"tiles of {tile}": (tile,) for tile in (50, 180)})
def test_the_disk_of_the_plan_is_that_of_the_gram_of_parameters(folder, tile):
    run = tangram("init", "--widths", "7,19,3", "--output", folder / "m.safetensors", "--samples", 40, "--data", folder / "d.h5")
    assert run.code == 0, run
    assert_disk_as_planned(folder, "--model", folder / "m.safetensors", "--data", f"{folder}/d.h5:x", "--activation", "tanh", "--space",
                           "params", "--tile", tile)


@once
def kernel_of_300(folder):
    """The words that make k.h5, without --output, and it."""
    run = tangram("init", "--widths", "6,5,3", "--output", folder / "m.safetensors", "--samples", 300, "--data", folder / "d.h5")
    assert run.code == 0, run
    made = ["kernel", "--model", folder / "m.safetensors", "--data", f"{folder}/d.h5:x", "--activation", "tanh", "--threads", 2]
    run = tangram(*made, "--output", folder / "k.h5")
    assert run.code == 0, run
    return made, folder / "k.h5"


@each({f"{what}, {mib} MiB": (what, mib) for what in ("kernel", "dry run", "bench", "check", "compare", "spectrum")
       for mib in (200, 250, 300, 350, 400, 500, 600, 900, 1500)})
def test_where_there_is_no_room_for_the_buffers_of_blas_nothing_hangs(folder, what, mib):
    """OpenBLAS tries for ever to map its buffers: it must not come to that."""
    made, path = kernel_of_300()
    words = {"kernel": [*made, "--output", folder / "out.h5"], "dry run": [*made, "--output", folder / "out.h5", "--dry-run"],
             "bench": ["bench", "--samples", 100, "--widths", "6,5,3", "--repeat", 1, "--gemm-seconds", 0.05, "--threads", 2, "--directory", folder],
             "check": ["check", path], "compare": ["compare", path, f"{path}:ntk"],
             "spectrum": ["spectrum", path, "--output", folder / "s.h5"]}[what]
    run = tangram(*words, prefix=["bash", "-c", f"ulimit -v {1024 * mib}; exec \"$@\"", "-"], seconds=60, launcher={})
    assert run.code in (0, 4), run
    if run.code == 4:
        assert len(run.errors) == 1 and not (folder / "out.h5.lock").exists(), run
    assert run.code == 0 or mib < 1500, run


@each({name: (name,) for name in ("nothing", "0", "-1", "nan", "1e9")})
def test_a_memory_that_is_no_memory_is_refused(folder, name):
    run = tangram("kernel", *DIGITS, "--output", folder / "out.h5", "--memory", name)
    assert run.code == 2 and len(run.errors) == 1, run


def test_a_bar_is_drawn_where_it_is_asked_for_and_the_summary_is_untouched(folder):
    run = tangram("kernel", *DIGITS, "--output", folder / "out.h5", "--progress", "bar", ranks=2)
    assert run.code == 0, run
    assert "\033[K" in run.stderr and "\033[K" not in run.stdout
    assert "passed" in run.stdout
    quiet = tangram("kernel", *DIGITS, "--output", folder / "out.h5", "--overwrite", "--progress", "off", ranks=2)
    assert quiet.code == 0 and "\033[K" not in quiet.stderr, quiet
    wrong = tangram("kernel", *DIGITS, "--output", folder / "out.h5", "--overwrite", "--progress", "often")
    assert wrong.code == 2 and len(wrong.errors) == 1 and "lines" in wrong.errors[0], wrong
