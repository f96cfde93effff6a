"""The file of `tangram kernel --test` after its run: resumed on other ranks, verified, checked, and no use to a spectrum."""

import shutil

import h5py

from cross_job import BAD_INPUT, CHECK_FAILED, STOPPED, TILE, USAGE, bits, make_job
from harness import tangram


def test_a_stopped_run_goes_on_with_other_ranks_to_the_same_bits_and_with_no_other_test_samples(folder):
    job = make_job(folder, 19, 34)
    job.kernel("whole.h5").close()
    options = ["--precision", "float64", "--threads", 1]
    run = tangram(*job.words("out.h5", *options, "--stop-after-tiles", 17), ranks=3)
    assert run.code == STOPPED and (folder / "out.h5.partial").exists(), run
    resume = job.words("out.h5", *options, "--resume")
    for other, field in (([*resume, "--test-rows", "0:18"], "selection of test samples"),
                         ([job.at("train") if word == job.at("test") else word for word in resume], "test dataset")):
        run = tangram(*other)
        assert run.code == USAGE and len(run.errors) == 1 and field in run.errors[0], run
    run = tangram(*(word for word in resume if word not in ("--test", job.at("test"))))
    assert run.code == USAGE and len(run.errors) == 1 and "product" in run.errors[0], run
    run = tangram(*resume, ranks=2)
    assert run.code == 0 and "17 of" in run.stderr, run
    assert bits(folder / "out.h5") == bits(folder / "whole.h5")


def test_verify_finds_a_flipped_byte_and_check_finds_moved_samples(folder):
    job = make_job(folder, 9, 23)
    job.kernel("out.h5").close()
    path = folder / "out.h5"
    run = tangram("verify", path, ranks=2)
    assert run.code == 0 and "9 x 23, trace" in run.stdout, run.stdout
    run = tangram("check", path, "--all")
    assert run.code == 0 and "9 of 9 test samples" in run.stdout, run
    moved = folder / "moved"
    moved.mkdir()
    shutil.move(folder / "d.h5", moved / "d.h5")
    run = tangram("check", path)
    assert run.code == BAD_INPUT and len(run.errors) == 1, run
    run = tangram("check", path, "--data", moved / "d.h5", "--test", moved / "d.h5", ranks=2)
    assert run.code == 0, run
    with h5py.File(path) as file:
        position = file["components/fc2.weight"].id.get_chunk_info_by_coord((TILE, 2 * TILE)).byte_offset
    with open(path, "r+b") as file:
        file.seek(position + 3)
        byte = file.read(1)[0]
        file.seek(position + 3)
        file.write(bytes([byte ^ 0x10]))
    run = tangram("verify", path)
    assert run.code == CHECK_FAILED and len(run.errors) == 1, run
    for word in ("components/fc2.weight", "rows 4:8", "columns 8:12"):
        assert word in run.errors[0], run


def test_a_wrong_entry_fails_the_checks_again(folder):
    """Of a row that no check sample has, so that the probe alone can see it."""
    job = make_job(folder, 40, 23)
    job.kernel("out.h5", "--components", "none", "--conjugate-kernels", "none").close()
    with h5py.File(folder / "out.h5", "r+") as file:
        file["ntk"][17, 5] *= 1.01
    run = tangram("check", folder / "out.h5", "--samples", 2, "--seed", 4)
    assert run.code == CHECK_FAILED and "probe" in run.errors[0], run


def test_a_spectrum_is_refused_by_name(folder):
    job = make_job(folder)
    job.kernel("out.h5", "--check-samples", 0).close()
    run = tangram("spectrum", folder / "out.h5", ranks=2)
    assert run.code == BAD_INPUT and len(run.errors) == 1 and "test samples" in run.errors[0] and "out.h5" in run.errors[0], run
    assert not list(folder.glob("*spectrum*"))
