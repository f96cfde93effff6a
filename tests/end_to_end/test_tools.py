"""The kernel file in the tools that people open it with, each the real one, and the scripts of jobs/ that read it."""

import re
import shutil
import struct
import subprocess
import sys

import h5py
import numpy

from bad_input_table import BAD_INPUT, IO, USAGE
from harness import JOBS, ROOT, Skip, each, kernel, read_safetensors, tangram

DIGITS = JOBS / "digits" / "digits.h5"
MODEL = JOBS / "digits" / "digits_mlp.safetensors"
SAMPLES = 40


def make(folder, *options, name="out.h5", precision="float32", **settings):
    """The path of a kernel file, several tiles, with labels."""
    with kernel(MODEL, f"{DIGITS}:x", folder / name, "--activation", "tanh", "--tile", 7, "--labels", f"{DIGITS}:y", "--rows",
                f"10:{10 + SAMPLES}", *options, ranks=2, precision=precision, **settings) as file:
        return file.filename


def need(module=None, program=None):
    """Skips the test where Debian's package is not installed."""
    if program and shutil.which(program) is None:
        raise Skip(f"no {program} here: jobs/install-packages.sh --tests")
    if module:
        try:
            return __import__(module)
        except ImportError:
            raise Skip(f"no {module} here: jobs/install-packages.sh --tests") from None
    return None


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


# ---- jobs/plot.py


def plot(*words):
    need("matplotlib")
    return subprocess.run([sys.executable, JOBS / "plot.py", *words], capture_output=True, text=True, timeout=120)


PLOTTED = {
    "labels": ([],), "reduction full": (["--reduction", "full"],), "no components": (["--components", "none"],),
    "unchecked": (["--check-samples", "0"],), "one logit": (["--logit", "3"],), "one sample": (["--rows", "3:4"],),
}


@each(PLOTTED)
def test_plot_makes_a_picture_of_any_kernel_file(folder, options):
    rows = [] if "--rows" in options else ["--rows", "0:30"]
    with kernel(MODEL, f"{DIGITS}:x", folder / "k.h5", "--activation", "tanh", "--labels", f"{DIGITS}:y", *rows, *options,
                precision="float32") as file:
        path = file.filename
    done = plot(path)
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr
    raw = (folder / "k.png").read_bytes()
    width, height = struct.unpack(">II", raw[16:24])
    assert raw.startswith(b"\x89PNG") and width >= 1500 and height >= 1000


def test_plot_draws_spectra(folder):
    path = make(folder)
    assert tangram("spectrum", path, "--of", "all", ranks=2).code == 0
    done = plot(folder / "out.spectrum.h5")
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert (folder / "out.spectrum.png").read_bytes().startswith(b"\x89PNG")


@each({"tensors of all sizes": ([],), "unchecked": (["--check-samples", "0"],)})
def test_plot_draws_the_gram_of_parameters(folder, options):
    model, data = folder / "m.safetensors", folder / "d.h5"
    assert tangram("init", "--widths", "5,40,1,3", "--output", model, "--samples", 50, "--data", data, ranks=0).code == 0
    kernel(model, f"{data}:x", folder / "k.h5", "--activation", "tanh", "--space", "params", *options, precision="float32").close()
    done = plot(folder / "k.h5", "--samples", "60")
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert (folder / "k.png").read_bytes().startswith(b"\x89PNG")


def test_plot_writes_vector_pictures_too(folder):
    path = make(folder)
    done = plot(path, "--output", folder / "figure.pdf", "--samples", "10")
    assert done.returncode == 0 and (folder / "figure.pdf").read_bytes().startswith(b"%PDF"), done.stderr


def test_plot_reads_only_a_part_of_a_large_kernel(folder):
    """1/10 of a kernel of 4000 samples; all of it would be 64 MB."""
    model, data = folder / "m.safetensors", folder / "d.h5"
    assert tangram("init", "--widths", "5,8,1", "--output", model, "--samples", 4000, "--data", data).code == 0
    with kernel(model, f"{data}:x", folder / "k.h5", "--activation", "tanh", "--components", "none", precision="float32") as file:
        path, whole = file.filename, file["ntk"].nbytes
    script = ("import sys, runpy; sys.argv = ['plot.py', *sys.argv[1:]]\n"
              "read = lambda: int([l for l in open('/proc/self/io') if l.startswith('rchar')][0].split()[1])\n"
              "import matplotlib.pyplot\n"
              f"module = runpy.run_path({str(JOBS / 'plot.py')!r}); from figures.kernel import Kernel\n"
              "file = module['open_file'](sys.argv[1]); before = read()\n"
              "kernel = Kernel(file, 200); part = kernel.part('ntk'); kernel.trace('ntk'); print(read() - before, part.shape)")
    need("matplotlib")
    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    read = int(done.stdout.split()[0])
    assert "(200, 200)" in done.stdout and read < whole / 8, (done.stdout, whole)


@each({"no such file": (None,), "no kernel": (b"no HDF5",)})
def test_plot_refuses_what_is_no_kernel_file(folder, content):
    if content:
        (folder / "k.h5").write_bytes(content)
    done = plot(folder / "k.h5")
    assert done.returncode == 2 and done.stderr.startswith("plot: error: ") and "k.h5" in done.stderr, done.stderr


# ---- jobs/to_safetensors.py


def convert(*words):
    return subprocess.run([sys.executable, JOBS / "to_safetensors.py", *map(str, words)], capture_output=True, text=True, timeout=120)


def network(torch, dtype="float32"):
    torch.manual_seed(3)
    model = torch.nn.Sequential(torch.nn.Linear(64, 9), torch.nn.Tanh(), torch.nn.Linear(9, 4)).to(getattr(torch, dtype))
    return model


@each({dtype: (dtype,) for dtype in ("float64", "float32", "float16", "bfloat16")})
def test_a_saved_state_dict_becomes_a_model_with_the_same_values(folder, dtype):
    torch = need("torch")
    model = network(torch, dtype)
    torch.save(model.state_dict(), folder / "m.pt")
    done = convert(folder / "m.pt", "--metadata", "activation=tanh")
    assert done.returncode == 0 and "4 tensors" in done.stdout, done.stderr
    if dtype != "bfloat16":
        for name, values in read_safetensors(folder / "m.safetensors").items():
            assert (values == model.state_dict()[name].double().numpy()).all(), name
    outputs = folder / "y.h5"
    with h5py.File(DIGITS) as file, h5py.File(outputs, "w") as expected:
        x = torch.tensor(file["x"][:20]).double()
        expected["y"] = model.double()(x).detach().numpy()
    kernel(folder / "m.safetensors", f"{DIGITS}:x", folder / "k.h5", "--rows", "0:20", "--expect-outputs", f"{outputs}:y").close()


def test_transposed_and_shared_tensors_are_written_as_they_read(folder):
    torch = need("torch")
    weight = torch.arange(12.0).reshape(3, 4)
    torch.save({"a.weight": weight.t(), "b.weight": weight[1:, :], "c.weight": weight}, folder / "m.pt")
    assert convert(folder / "m.pt", folder / "o.safetensors").returncode == 0
    found = read_safetensors(folder / "o.safetensors")
    assert (found["a.weight"] == weight.t().numpy()).all() and (found["b.weight"] == weight[1:, :].numpy()).all()


def save_whole_model(torch, path):
    torch.save(network(torch), path)


def save_code(torch, path):
    class Evil:
        def __reduce__(self):
            return (open, (str(path) + ".ran", "w"))

    torch.save({"fc.weight": Evil()}, path)


REFUSED = {
    "a whole model": (save_whole_model, BAD_INPUT, "state_dict"),
    "code": (save_code, BAD_INPUT, "state_dict"),
    "a checkpoint": (lambda torch, path: torch.save({"epoch": 3, "model": network(torch).state_dict()}, path), BAD_INPUT, "--entry"),
    "a number": (lambda torch, path: torch.save({"fc.weight": torch.ones(2, 2), "steps": 7}, path), BAD_INPUT, "steps is a int"),
    "one tensor": (lambda torch, path: torch.save(torch.ones(2, 2), path), BAD_INPUT, "Tensor, not a state_dict"),
    "complex numbers": (lambda torch, path: torch.save({"w": torch.ones(2, dtype=torch.complex64)}, path), BAD_INPUT, "w is no dense"),
    "a sparse tensor": (lambda torch, path: torch.save({"w": torch.eye(3).to_sparse()}, path), BAD_INPUT, "w"),
    "nothing": (lambda torch, path: torch.save({}, path), BAD_INPUT, "no tensors"),
    "no file of torch": (lambda torch, path: path.write_bytes(b"not a zip"), BAD_INPUT, "m.pt"),
    "no file": (lambda torch, path: None, IO, "m.pt"),
    "an output that is there": (lambda torch, path: (torch.save({"w": torch.ones(2)}, path),
                                                     path.with_suffix(".safetensors").write_bytes(b"x")), USAGE, "--overwrite"),
}


@each(REFUSED)
def test_what_is_no_state_dict_is_refused_in_one_line(folder, save, code, word):
    torch = need("torch")
    path = folder / "m.pt"
    save(torch, path)
    done = convert(path)
    assert done.returncode == code, done
    assert re.fullmatch(r"to_safetensors: error: .*\n", done.stderr) and word in done.stderr, done.stderr
    assert not (folder / "m.pt.ran").exists(), "it ran what was in the file"
    assert not list(folder.glob("*.partial"))


def test_a_state_dict_inside_a_checkpoint_is_named(folder):
    torch = need("torch")
    torch.save({"epoch": 3, "state": {"model": network(torch).state_dict()}}, folder / "m.pt")
    assert convert(folder / "m.pt", "--entry", "state.model").returncode == 0
    assert len(read_safetensors(folder / "m.safetensors")) == 4
    done = convert(folder / "m.pt", folder / "other.safetensors", "--entry", "state.ema")
    assert done.returncode == BAD_INPUT and "no entry ema" in done.stderr and "model" in done.stderr


# ---- the lines that README shows


def readme(language):
    """The code blocks of this language in README's section on tools."""
    section = (ROOT / "README.md").read_text().split("## In your tools")[1].split("\n## ")[0]
    blocks = re.findall(rf"^```{language}\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 1, f"README has {len(blocks)} blocks of {language}"
    return blocks[0]


def made_by_init(folder):
    """ntk.h5 of a network whose tensors are called as in README."""
    assert tangram("init", "--widths", "5,8,1", "--output", folder / "m.safetensors", "--samples", 120, "--data", folder / "d.h5").code == 0
    kernel(folder / "m.safetensors", f"{folder}/d.h5:x", folder / "ntk.h5", "--activation", "tanh", precision="float32").close()


LINES = {
    "python": ([sys.executable, "-c"], "python", "print(K.shape, len(names), block.shape, len(parts), float(total['ntk'].sum()) == float(total['ntk'].values.sum()))",
               "(120, 120) 4 (100, 100) 4 True"),
    "octave": (["octave", "--no-gui", "--quiet", "--norc", "--eval"], "matlab",
               "printf('%d %d %d', size(s.ntk), columns(s.components.fc1_weight))", "ans = 0\n120 120 120"),
    "r": (["Rscript", "-e"], "r", "cat(dim(K), dim(W), passed)", "120 120 120 120 1"),
}


@each(LINES)
def test_the_lines_of_readme_read_the_file(folder, program, language, last, expected):
    for module in ("xarray", "h5netcdf"):
        need(module)
    need(program=program[0])
    made_by_init(folder)
    lines = [line for line in readme(language).splitlines() if "h5read" not in line]  # MATLAB's own
    done = subprocess.run([*program, "\n".join([*lines, last])], cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == expected, done
