"""The kernel file in the tools that people open it with, each the real one, and the lines for them that the docs show."""

import os
import shutil
import subprocess
import sys
import tempfile

import h5py
import numpy

from digits_kernel import SAMPLES, make
from docs_pages import as_repository, blocks_of, smaller
from harness import Skip, each, environment, kernel, need, tangram

SLOW = True


def datasets(file):
    found = {}
    file.visititems(lambda name, item: found.update({name: item}) if isinstance(item, h5py.Dataset) else None)
    return found


# ---- h5py

NUMBERS = {"i8", "u8", "f4", "f8"}


@each({"trace": ("trace",), "full": ("full",)})
def test_every_dataset_is_of_a_type_of_the_schema_and_has_named_dimensions(folder, reduction):
    with h5py.File(make(folder, "--reduction", reduction)) as file:
        for name, dataset in datasets(file).items():
            text = h5py.check_string_dtype(dataset.dtype)
            if text is not None:
                assert text.encoding == "utf-8" and text.length is None, f"{name} is {dataset.dtype}"
            else:
                assert dataset.dtype.newbyteorder("=") in [numpy.dtype(kind) for kind in NUMBERS] and dataset.dtype.byteorder in "<=", \
                    f"{name} is {dataset.dtype}"
            if dataset.attrs.get("CLASS") == b"DIMENSION_SCALE":
                assert dataset.ndim == 1, name
                continue
            for axis in range(dataset.ndim):
                scales = dataset.dims[axis].values()
                assert len(scales) == 1, f"axis {axis} of {name} has {len(scales)} scales"
                assert scales[0].shape == (dataset.shape[axis],), f"{name}: {scales[0].name} is of another length"


def test_every_attribute_is_text_or_a_number(folder):
    with h5py.File(make(folder)) as file:
        items = {"/": file, **{name: file[name] for name in ["checks", "checksums", "timing", "provenance", "components"]},
                 **datasets(file)}
        of_dimensions = {"CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST"}
        seen = 0
        for name, item in items.items():
            for attribute in set(item.attrs) - of_dimensions:
                value = item.attrs[attribute]
                kind = item.attrs.get_id(attribute).dtype
                text = h5py.check_string_dtype(kind)
                assert (text is not None and text.length is None and text.encoding == "utf-8") or kind in ("i8", "u8", "f8"), \
                    f"{attribute} of {name} is {value!r}"
                seen += 1
        assert seen > 80


def test_rows_and_columns_say_which_samples_they_are_of(folder):
    with h5py.File(make(folder, "--reduction", "full")) as file:
        rows = numpy.arange(10, 10 + SAMPLES)
        assert (file["samples"][:] == rows).all()
        for scale in ("row", "column"):
            assert (file[scale][:] == numpy.repeat(rows, 10)).all()
            assert (file["sample_" + scale][:] == rows).all()
        assert (file["checks/row"][:] == numpy.repeat(rows[file["checks/samples"][:]], 10)).all()
        assert (file["checksums/tile_row"][:] == [0, 7, 14, 21, 28, 35]).all()


# ---- xarray, netCDF


@each({"h5netcdf": ("h5netcdf",), "netCDF4": ("netCDF4",)})
def test_xarray_reads_every_group(folder, engine):
    xarray = need("xarray")
    need(engine)
    path = make(folder)
    with h5py.File(path) as file:
        groups = [None, *(name for name, item in file.items() if isinstance(item, h5py.Group)), "checksums/components"]
        for group in groups:
            with xarray.open_dataset(path, engine=engine.lower(), group=group) as found:
                there = file if group is None else file[group]
                names = {name for name, item in there.items() if isinstance(item, h5py.Dataset)}
                assert names <= set(found.variables), names - set(found.variables)
                for name in names:
                    values = there[name].asstr()[:] if h5py.check_string_dtype(there[name].dtype) else there[name][:]
                    assert (found[name].values == values).all(), f"{group}/{name}"
        with xarray.open_dataset(path, engine=engine.lower()) as found:
            assert found["ntk"].dims == ("row", "column") and found["outputs"].dims == ("samples", "output")
            assert found["labels"].dims == ("samples",)
            picked = found["ntk"].sel(row=12, column=49)
            assert picked.item() == file["ntk"][2, 39]
            assert found.attrs["reduction"] == "trace" and found.attrs["n_samples"] == SAMPLES
        with xarray.open_dataset(path, engine=engine.lower(), group="components") as found:
            assert all(variable.dims == ("row", "column") for variable in found.variables.values())
            assert sorted(found.variables) == sorted(file["components"])
            assert found["2.weight"].attrs["fan_in"] == 128


def test_netcdf4_lists_dimensions_and_variables(folder):
    netCDF4 = need("netCDF4")
    path = make(folder)
    with netCDF4.Dataset(path) as file:
        assert file["ntk"].dimensions == file["components/0.bias"].dimensions == ("row", "column")
        assert file["conjugate_kernels/4"].dimensions == ("row", "column")
        assert file.dimensions["row"].size == SAMPLES
        assert file["checks/component"][:].tolist()[0] == "0.weight" and file["checks"].passed == 1
        assert file["timing/seconds"].dimensions == ("phase", "rank")


# ---- Octave, R, h5dump


def test_octave_reads_kernel_and_components(folder):
    need(program="octave")
    path = make(folder)
    script = folder / "read.m"
    script.write_text(f"s = load('{path}', 'ntk', 'components', 'outputs', 'samples');\n"
                      "printf('%d %d %d\\n', size(s.ntk), isequal(s.ntk, s.ntk'));\n"
                      "printf('%.9g\\n', s.ntk(2, 5), sum(diag(s.components._0_weight)), s.outputs(3, 1), s.samples(4));\n"
                      "printf('%s\\n', strjoin(fieldnames(s.components), ' '));\n")
    done = subprocess.run(["octave", "--no-gui", "--quiet", "--norc", script], capture_output=True, text=True, timeout=120, cwd=folder)
    words = done.stdout.split()
    with h5py.File(path) as file:
        trace = numpy.trace(file["components/0.weight"][:].astype("f8"))
        expected = [file["ntk"][1, 4], trace, file["outputs"][0, 2], file["samples"][3]]  # Octave has rows and columns swapped
        assert words[:3] == [str(SAMPLES), str(SAMPLES), "1"], done
        assert numpy.allclose([float(word) for word in words[3:7]], expected, rtol=1e-6), (words, expected)
    assert sorted(words[7:]) == ["_0_bias", "_0_weight", "_2_bias", "_2_weight", "_4_bias", "_4_weight"], words


def test_r_reads_kernel_components_and_attributes(folder):
    need(program="Rscript")
    if subprocess.run(["Rscript", "-e", "library(hdf5r)"], capture_output=True).returncode != 0:
        raise Skip("no hdf5r here: jobs/install-packages.sh --tests")
    path = make(folder)
    script = folder / "read.R"
    script.write_text(f"library(hdf5r)\nf <- H5File$new('{path}', mode = 'r')\nK <- f[['ntk']][, ]\n"
                      "cat(dim(K), isSymmetric(K), h5attr(f, 'status'), format(K[2, 5], digits = 9), '\\n')\n"
                      "cat(names(f[['components']]), '\\n')\ncat(f[['checks/component']][], '\\n')\n")
    done = subprocess.run(["Rscript", script], capture_output=True, text=True, timeout=120)
    first, names, checked = [line.split() for line in done.stdout.splitlines()]
    with h5py.File(path) as file:
        assert first[:4] == [str(SAMPLES), str(SAMPLES), "TRUE", "complete"], done
        assert numpy.isclose(float(first[4]), file["ntk"][1, 4], rtol=1e-6)
        assert names == sorted(file["components"]) and checked == file["checks/component"].asstr()[:].tolist()


def test_h5dump_prints_every_value(folder):
    done = subprocess.run(["h5dump", make(folder)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and not done.stderr, done.stderr
    for word in ('DATASET "ntk"', 'DATASET "0.weight"', 'ATTRIBUTE "DIMENSION_LIST"', '"0.weight", "0.bias"'):
        assert word in done.stdout, word


# ---- the lines that the docs show


def shown(language, word):
    """The block of this language in the page on the kernel file that has this word in it."""
    blocks = [block.text for block in blocks_of("docs/kernel-file.md", language) if word in block.text]
    assert len(blocks) == 1, f"{len(blocks)} blocks of {language} with {word}"
    return blocks[0]


def made_by_init(folder):
    """ntk.h5 as the page makes it."""
    assert tangram("init", "--widths", "5,8,1", "--output", folder / "m.safetensors", "--samples", 120, "--data", folder / "d.h5").code == 0
    kernel(folder / "m.safetensors", f"{folder}/d.h5:x", folder / "ntk.h5", "--activation", "tanh", precision="float32").close()


LINES = {
    "python": ([sys.executable, "-c"], "python", "xarray.open", "print(K.shape, len(names), block.shape, len(parts), float(total['ntk'].sum()) == float(total['ntk'].values.sum()))",
               "(120, 120) 4 (100, 100) 4 True"),
    "octave": (["octave", "--no-gui", "--quiet", "--norc", "--eval"], "matlab", "h5read",
               "printf('%d %d %d', size(s.ntk), columns(s.components.fc1_weight))", "ans = 0\n120 120 120"),
    "r": (["Rscript", "-e"], "r", "hdf5r", "cat(dim(K), dim(W), passed)", "120 120 120 120 1"),
}


@each(LINES)
def test_the_lines_of_the_docs_read_the_file(folder, program, language, word, last, expected):
    for module in ("xarray", "h5netcdf"):
        need(module)
    need(program=program[0])
    made_by_init(folder)
    lines = [line for line in shown(language, word).splitlines() if "h5read" not in line]  # MATLAB's own
    done = subprocess.run([*program, "\n".join([*lines, last])], cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == expected, done


def test_the_c_program_of_the_docs_reads_the_file(folder):
    compiler = next((name for name in ("h5pcc", "h5pcc.openmpi", "h5cc") if shutil.which(name)), None)
    if compiler is None:
        raise Skip("no compiler of HDF5 here: jobs/install-packages.sh")
    made_by_init(folder)
    (folder / "read.c").write_text(shown("c", "hdf5.h"))
    done = subprocess.run([compiler, "-Wall", "-Werror", "-o", "read", "read.c"], cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    done = subprocess.run(["./read"], cwd=folder, capture_output=True, text=True, timeout=60)
    with h5py.File(folder / "ntk.h5") as file:
        rows, columns, trace = done.stdout.split()
        assert (rows, columns) == ("120", "120") and numpy.isclose(float(trace), numpy.trace(file["ntk"][:].astype("f8")), rtol=1e-8), done


def test_the_cross_kernel_of_the_docs_predicts_the_test_digits(folder):
    """The shell's lines on fewer samples, then Python's as they stand."""
    shell = next(block.text for block in blocks_of("docs/kernels.md", "sh") if "cross.h5" in block.text)
    python = next(block.text for block in blocks_of("docs/kernels.md", "python") if "cross.h5" in block.text)
    as_repository(folder)
    with tempfile.TemporaryDirectory(prefix="ompi-") as session:
        done = subprocess.run(["bash", "-ec", smaller(shell)], cwd=folder, capture_output=True, text=True, timeout=120,
                              env=environment(session) | {"PATH": f"{folder}/bin:{os.environ['PATH']}", "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    last = "print(K.shape, k.shape, f.shape, variance.min() > 0, (variance < cross['diagonal'][:]).all())"
    done = subprocess.run([sys.executable, "-c", python + last], cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    score, shapes = done.stdout.splitlines()
    assert float(score.removeprefix("right:")) > 0.9, score
    assert shapes == "(120, 120) (40, 120) (40, 10) True True", shapes
