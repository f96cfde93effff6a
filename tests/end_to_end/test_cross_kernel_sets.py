"""Test and training samples of `tangram kernel --test` keep apart: rows, labels, outputs and dimensions are each of their own set."""

import numpy

from cross_job import BAD_INPUT, CHECK_FAILED, REDUCTIONS, Job, assert_is_reference, make_job
from harness import Skip, each, tangram, write_h5


def test_chosen_rows_labels_scales_and_expected_outputs_are_of_their_own_set(folder):
    job = make_job(folder, 9, 23)
    indices = numpy.array([7, 2, 2, 5])
    write_h5(folder / "i.h5", i=indices)
    (folder / "scaled").mkdir()
    scaled = Job(folder / "scaled", job.train[3:12] / 2 + 1, job.test[indices] / 2 + 1)
    write_h5(folder / "f.h5", train=scaled.outputs(scaled.train), test=scaled.outputs(scaled.test))
    options = ["--rows", "3:12", "--test-indices", f"{folder}/i.h5:i", "--data-scale", 0.5, "--data-shift", 1, "--labels", job.at("train_y"),
               "--test-labels", job.at("test_y"), "--expect-outputs", f"{folder}/f.h5:train", "--expect-test-outputs", f"{folder}/f.h5:test"]
    with job.kernel("out.h5", *options) as file:
        assert_is_reference(file, scaled, "trace", "float64")
        assert (file["samples"][:] == range(3, 12)).all() and (file["test_samples"][:] == indices).all()
        assert (file["row"][:] == indices).all() and (file["column"][:] == range(3, 12)).all()
        assert (file["labels"][:] == numpy.arange(3, 12) % 3).all() and (file["test_labels"][:] == indices % 2).all()
        checks = file["checks"].attrs
        assert max(checks["outputs_error"], checks["test_outputs_error"]) < 1e-12
        for name, set_ in (("accuracy", "outputs"), ("test_accuracy", "test_outputs")):
            labels = file[set_.replace("outputs", "labels")][:]
            assert abs(checks[name] - (file[set_][:].argmax(axis=1) == labels).mean()) < 1e-12, name


def test_wrong_expected_test_outputs_fail_the_checks_by_name(folder):
    job = make_job(folder)
    write_h5(folder / "f.h5", f=job.outputs(job.test) * 1.01)
    run = tangram(*job.words("out.h5", "--expect-outputs", job.at("train_f"), "--expect-test-outputs", f"{folder}/f.h5:f", "--threads", 1))
    assert run.code == CHECK_FAILED and len(run.errors) == 1 and "expected test outputs" in run.errors[0], run
    assert (folder / "out.h5.failed").exists() and not (folder / "out.h5").exists()


def test_equal_hashes_are_equal_samples(folder):
    job = make_job(folder, 9, 23)
    test = job.test.copy()
    test[2], test[6], test[8] = job.train[20], job.train[0], test[1]
    job = Job(folder, job.train, test)
    with job.kernel("out.h5") as file:
        together = numpy.concatenate([file["sample_hashes"][:], file["test_sample_hashes"][:]])
        samples = numpy.concatenate([job.train, job.test])
        same = (samples[:, None, :] == samples[None, :, :]).all(axis=2)
        assert ((together[:, None] == together[None, :]) == same).all() and same.sum() == len(samples) + 6


@each({"trace": ("trace", ()), "full": ("full", ("output_row", "output_column"))})
def test_xarray_knows_the_dimensions(folder, reduction, of_diagonal):
    try:
        import h5netcdf  # noqa: F401  (what xarray reads with)
        import xarray
    except ImportError:
        raise Skip("no xarray or h5netcdf here: jobs/install-packages.sh --tests") from None
    job = make_job(folder, 9, 23)
    job.kernel("out.h5", *REDUCTIONS[reduction], "--labels", job.at("train_y"), "--test-labels", job.at("test_y")).close()
    with xarray.open_dataset(folder / "out.h5", engine="h5netcdf") as file:
        assert file["ntk"].dims == ("row", "column")
        assert file["outputs"].dims == ("samples", "output") and file["test_outputs"].dims == ("test_samples", "output")
        assert file["test_labels"].dims == file["test_sample_hashes"].dims == ("test_samples",) and file["labels"].dims == ("samples",)
        assert file["diagonal"].dims == ("test_samples", *of_diagonal)
    with xarray.open_dataset(folder / "out.h5", engine="h5netcdf", group="components") as parts:
        assert all(part.dims == ("row", "column") for part in parts.variables.values())


def test_strings_of_both_sets_are_numbered_alike(folder):
    job = make_job(folder, 3, 4)
    save = lambda name, labels: numpy.save(folder / name, numpy.array(labels)) or folder / name  # noqa: E731
    train, test = save("train.npy", list("dbcb")), save("test.npy", list("cbd"))
    with job.kernel("out.h5", "--labels", train, "--test-labels", test) as file:
        assert file["labels"][:].tolist() == [2, 0, 1, 0] and file["test_labels"][:].tolist() == [1, 0, 2]
    for name, labels, what in (("new.npy", list("cab"), "'a'"), ("numbers.npy", [1, 0, 2], "numbers")):
        run = tangram(*job.words("other.h5", "--labels", train, "--test-labels", save(name, labels)), ranks=2)
        assert run.code == BAD_INPUT and len(run.errors) == 1 and what in run.errors[0] and name in run.errors[0], run
