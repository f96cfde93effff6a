"""Options and samples that `tangram kernel --test` refuses, in one line and before it computes."""

import shutil

import numpy

from cross_job import BAD_INPUT, USAGE, make_job
from harness import each, tangram, write_h5


@each({"parameters": (["--space", "params"], "--space"), "rows and indices": (["--test-rows", "0:2", "--test-indices", "i.h5"], "--test-indices")})
def test_options_that_contradict_test_samples_are_refused(folder, options, says):
    job = make_job(folder)
    run = tangram(*job.words("out.h5", *options))
    assert run.code == USAGE and len(run.errors) == 1 and says in run.errors[0] and "--test" in run.errors[0], run
    assert not (folder / "out.h5").exists()


@each({option: (option,) for option in ("--test-rows", "--test-indices", "--test-labels", "--expect-test-outputs")})
def test_options_of_test_samples_need_some(folder, option):
    run = tangram("kernel", "--model", "m.safetensors", "--data", "d.h5:x", "--output", folder / "o.h5", option, "0:2")
    assert run.code == USAGE and len(run.errors) == 1 and option in run.errors[0] and "--test" in run.errors[0], run


def test_test_samples_of_another_width_are_refused_by_name(folder):
    job = make_job(folder)
    write_h5(folder / "narrow.h5", x=numpy.zeros((4, 5)))
    run = tangram(*job.words("out.h5")[:7], "--test", f"{folder}/narrow.h5:x", "--output", folder / "out.h5", ranks=3)
    assert run.code == BAD_INPUT and len(run.errors) == 1 and "narrow.h5" in run.errors[0], run


@each({what: (what,) for what in ("--data", "--test")})
def test_a_path_that_no_record_can_hold_is_refused_at_once(folder, what):
    job = make_job(folder, 4, 3)
    shutil.copy(folder / "d.h5", folder / "two\nlines.h5")
    run = tangram(*job.words("out.h5", what, f"{folder}/two\nlines.h5:train"))
    assert run.code == USAGE and len(run.errors) == 1 and "line break" in run.errors[0], run


@each({"no integers": ([0.0, 1.5, 2.0], "no integers"), "negative numbers": ([0, -1, 2], "negative"), "integers as floats": ([0.0, 1.0, 2.0], "")})
def test_test_labels_that_are_no_classes_of_the_training_samples_are_refused(folder, labels, what):
    job = make_job(folder, 3, 4)
    numpy.save(folder / "train.npy", numpy.array([0, 1, 2, 1]))
    numpy.save(folder / "test.npy", numpy.array(labels))
    run = tangram(*job.words("out.h5", "--labels", folder / "train.npy", "--test-labels", folder / "test.npy"))
    if not what:
        assert run.code == 0, run
        return
    assert run.code == BAD_INPUT and len(run.errors) == 1 and what in run.errors[0] and "test.npy" in run.errors[0], run
