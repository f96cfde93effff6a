"""jobs/plot.py makes a picture of any kernel file and of spectra, reads only what it draws, and says in one line why it cannot."""

import itertools
import struct
import subprocess
import sys
import threading
from contextlib import contextmanager

import h5py
import numpy

from digits_kernel import DIGITS, MODEL, make
from harness import DATA, JOBS, ROOT, Skip, each, kernel, need, tangram, write_h5
from scripts import script

SLOW = True
DRAWING = threading.Lock()


def plot(*words):
    need("matplotlib")
    return script(JOBS / "plot.py", *words, uses=["matplotlib.pyplot"])


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


def test_plot_makes_a_picture_of_any_regression_and_of_spectra_with_targets(folder):
    common = ["--activation", "tanh", "--rows", "0:30"]
    kernel(MODEL, f"{DIGITS}:x", folder / "k.h5", *common, precision="float32").close()
    kernel(MODEL, f"{DIGITS}:x", folder / "x.h5", *common, "--test", f"{DIGITS}:x", "--test-rows", "100:117", precision="float32").close()
    numbers = write_h5(folder / "t.h5", t=numpy.sin(numpy.arange(300.0)).reshape(30, 10), half=numpy.arange(30) % 2)
    test = ["--test", folder / "x.h5", "--test-targets", f"{DIGITS}:y"]
    runs = {"grid": ["--targets", f"{DIGITS}:y", *test], "one": ["--targets", f"{DIGITS}:y", "--ridge", "1"],
            "times": ["--targets", f"{DIGITS}:y", *test, "--times", "0,1,inf"], "both": ["--targets", f"{numbers}:t", "--ridge", "0.1,1", "--times", "1"],
            "scores": ["--targets", f"{numbers}:t", "--ridge", "1", "--scores", "likelihood"]}
    for name, words in runs.items():
        run = tangram("regress", folder / "k.h5", *words, "--output", folder / f"{name}.h5")
        assert run.code == 0, run
        done = plot(folder / f"{name}.h5")
        assert done.returncode == 0 and not done.stderr, (name, done.stderr)
        assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    run = tangram("spectrum", folder / "k.h5", "--of", "all", "--targets", f"{DIGITS}:y", "--output", folder / "s.h5")
    assert run.code == 0, run
    done = plot(folder / "s.h5")
    assert done.returncode == 0 and not done.stderr, done.stderr


@each({"both sets with labels": (["--labels", f"{DIGITS}:y", "--test-labels", f"{DIGITS}:y"],), "reduction full": (["--reduction", "full"],),
       "one test sample": (["--test-rows", "5:6", "--test-labels", f"{DIGITS}:y"],), "no components": (["--components", "none"],)})
def test_plot_makes_a_picture_of_any_kernel_of_test_samples(folder, options):
    rows = [] if "--test-rows" in options else ["--test-rows", "100:117"]
    kernel(MODEL, f"{DIGITS}:x", folder / "k.h5", "--activation", "tanh", "--rows", "0:30", "--test", f"{DIGITS}:x", *rows, *options,
           precision="float32").close()
    done = plot(folder / "k.h5")
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert (folder / "k.png").read_bytes().startswith(b"\x89PNG")


def test_the_rows_of_a_plot_are_test_samples_by_their_labels(folder):
    """What is drawn is the kernel with its rows in the order of the test labels, its columns in that of the training labels."""
    need("matplotlib")
    with kernel(MODEL, f"{DIGITS}:x", folder / "k.h5", "--activation", "tanh", "--rows", "0:30", "--labels", f"{DIGITS}:y", "--test",
                f"{DIGITS}:x", "--test-rows", "100:117", "--test-labels", f"{DIGITS}:y", "--check-samples", "0") as file:
        sys.path.insert(0, str(JOBS))
        from figures.kernel import Kernel
        from tangram_file import KernelFile
        drawn = Kernel(KernelFile(file), 400)
        rows, columns = (numpy.argsort(file[name][:], kind="stable") for name in ("test_labels", "labels"))
        assert (drawn.part("ntk") == file["ntk"][:][rows][:, columns]).all()
        assert abs(drawn.trace("ntk") - sum(drawn.trace(name) for name in drawn.components)) < 1e-9 * drawn.trace("ntk")


def test_the_figure_of_performance_is_of_the_numbers_of_its_page(folder):
    """Drawn anew it has the bytes of the one in docs, by the Matplotlib that drew that."""
    drawn = need("matplotlib").__version__
    done = script(JOBS / "figures/performance.py", ROOT / "docs/performance.md", folder / "p.svg", uses=["matplotlib.pyplot"])
    assert done.returncode == 0 and not done.stderr, done.stderr
    committed = (ROOT / "docs/figures/performance.svg").read_bytes()
    if f"Matplotlib v{drawn}".encode() not in committed:
        raise Skip(f"Matplotlib {drawn} is not the one that drew the figure: jobs/docs_figures.sh")
    assert (folder / "p.svg").read_bytes() == committed


def test_plot_draws_spectra(folder):
    path = make(folder)
    assert tangram("spectrum", path, "--of", "all", ranks=2).code == 0
    done = plot(folder / "out.spectrum.h5")
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert (folder / "out.spectrum.png").read_bytes().startswith(b"\x89PNG")


@each({"tensors of all sizes": ([],), "unchecked": (["--check-samples", "0"],)})
def test_plot_draws_the_gram_of_parameters(folder, options):
    model, data = folder / "m.safetensors", folder / "d.h5"
    assert tangram("init", "--widths", "5,40,1,3", "--output", model, "--samples", 50, "--data", data).code == 0
    kernel(model, f"{data}:x", folder / "k.h5", "--activation", "tanh", "--space", "params", *options, precision="float32").close()
    done = plot(folder / "k.h5", "--samples", "60")
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert (folder / "k.png").read_bytes().startswith(b"\x89PNG")


@contextmanager
def figure_of(path):
    """As jobs/plot.py draws it, in this process, with its texts where they will stand. Matplotlib draws in one thread at a time."""
    need("matplotlib").use("Agg")
    sys.path.insert(0, str(JOBS))
    from figures import kernel as of_samples, parameter_gram as of_parameters
    from tangram_file import open_kernel
    with DRAWING, open_kernel(path) as file:
        figure = (of_parameters if "parameter_gram" in file.hdf5 else of_samples).draw(file, 400)
        figure.canvas.draw()
        yield figure
        of_samples.pyplot.close(figure)


def texts_of(figure):
    """[(text, box in pixels)] of all that is written in it."""
    texts = list(figure.texts)
    for axes in figure.axes:
        texts += [*axes.texts, axes.title, axes._left_title, axes.xaxis.label, axes.yaxis.label]
        texts += [cell.get_text() for table in axes.tables for cell in table.get_celld().values()]
        for axis in (axes.xaxis, axes.yaxis) if axes.axison else ():
            low, high = sorted(axis.get_view_interval())
            texts += [label for place, label in zip(axis.get_ticklocs(), axis.get_ticklabels()) if low <= place <= high]
    return [(text.get_text(), text.get_window_extent()) for text in texts if text.get_text().strip()]


def assert_legible(figure):
    """Nothing is written over something else, over a matrix, a bar of colors, or out of the picture."""
    texts = texts_of(figure)
    for text, box in texts:
        assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 and figure.bbox.y0 <= box.y0 and box.y1 <= figure.bbox.y1, text
    boxes = texts + [("a matrix or a bar of colors", axes.bbox) for axes in figure.axes if axes.images or axes.collections]
    for (text, box), (other, other_box) in itertools.combinations(boxes, 2):
        width = min(box.x1, other_box.x1) - max(box.x0, other_box.x0)
        height = min(box.y1, other_box.y1) - max(box.y0, other_box.y0)
        assert width <= 1 or height <= 0.25 * min(box.height, other_box.height), (text, other)


GRAPHS = DATA / "onnx"
MANY_TENSORS = {"samples": ("resnet",), "all pairs of outputs": ("resnet", "--reduction", "full"),
                "parameters": ("resnet", "--space", "params"), "a transformer": ("encoder", "--check-tolerance", "1e-7"),
                "test samples": ("resnet", "--test", f"{GRAPHS}/resnet.h5:x", "--test-rows", "0:3"),
                "unchecked": ("resnet", "--check-samples", "0"), "few tensors": ("lenet",), "a chain in a graph": ("bn_mlp",)}


@each({name: (words,) for name, words in MANY_TENSORS.items()})
def test_a_plot_of_many_tensors_is_legible(folder, words):
    name, *options = words
    kernel(GRAPHS / f"{name}.onnx", f"{GRAPHS / name}.h5:x", folder / "k.h5", *options).close()
    with figure_of(folder / "k.h5") as figure:
        assert_legible(figure)


def test_a_plot_of_a_deep_network_is_legible(folder):
    """40 layers, which names of two parts do not put together."""
    model, data = folder / "m.safetensors", folder / "d.h5"
    assert tangram("init", "--widths", ",".join(["3"] * 41), "--output", model, "--samples", 9, "--data", data).code == 0
    kernel(model, f"{data}:x", folder / "k.h5", "--activation", "tanh").close()
    with figure_of(folder / "k.h5") as figure:
        assert_legible(figure)
        headings = [axes.get_title(loc="left") for axes in figure.axes]
    assert "fc1 .. fc2\n4 tensors" in headings and "fc39 .. fc40\n4 tensors" in headings, headings


def test_the_panels_and_bars_of_a_plot_of_many_tensors_are_sums(folder):
    kernel(GRAPHS / "resnet.onnx", f"{GRAPHS}/resnet.h5:x", folder / "k.h5").close()
    with figure_of(folder / "k.h5") as figure:
        titled = {axes.get_title(loc="left"): axes for axes in figure.axes}
    with h5py.File(folder / "k.h5") as file:
        total, components = file["ntk"][:], {name: values[:] for name, values in file["components"].items()}
    panels = {heading: axes.images[0].get_array() for heading, axes in titled.items() if "tensor" in heading}
    assert len(panels) == 19 and sum(int(heading.split()[-2]) for heading in panels) == len(components) == 29, list(panels)
    assert abs(panels["layer1.bn1\n2 tensors"] - components["layer1.bn1.weight"] - components["layer1.bn1.bias"]).max() < 1e-15
    assert abs(sum(panels.values()) - total).max() < 1e-12
    weights, biases = titled["share of each layer (weights blue, biases orange)"].containers
    shares = [sum(bar.get_width() for bar in bars) / 100 for bars in (weights, biases)]
    expected = sum(values.trace() for name, values in components.items() if name.endswith("bias")) / total.trace()
    assert abs(shares[1] - expected) < 1e-12 and abs(sum(shares) - 1) < 1e-12, (shares, expected)
    assert [bar.get_x() for bar in biases] == [bar.get_width() for bar in weights]


def of_layers(*layers):
    return [f"{layer}.{kind}" for layer in layers for kind in ("weight", "bias")]


BLOCKS = [f"layer{k // 2}.{k % 2}" for k in range(2, 10)]
GROUPS = {
    "as many as are shown each": (of_layers(*"abcdef"), of_layers(*"abcdef")),
    "layers": (of_layers("a.x", "a.y", "b.x", "b.y", "c", "d", "e"), ["a.x", "a.y", "b.x", "b.y", "c", "d", "e"]),
    "blocks of too many layers": (of_layers("conv1", *(f"{block}.{part}" for block in BLOCKS for part in ("conv1", "bn1", "conv2"))),
                                  ["conv1", *BLOCKS]),
    "neighbours of one module": (of_layers(*(f"net.{k}" for k in range(25))),
                                 [*(f"net.{k} .. net.{k + 1}" for k in range(0, 24, 2)), "net.24"]),
    "names of one part": ([f"W{k}" for k in range(22)], [f"W{k} .. W{k + 1}" for k in range(0, 22, 2)]),
    "one module of tensors": ([f"net.w{k}" for k in range(13)], [f"net.w{k}" for k in range(13)]),
}


@each(GROUPS)
def test_tensors_of_a_plot_go_together_by_their_names(folder, names, expected):
    sys.path.insert(0, str(JOBS))
    from figures.groups import grouped
    groups = grouped(names)
    assert [group.name for group in groups] == expected, [group.name for group in groups]
    assert sorted(name for group in groups for name in group.tensors) == sorted(names)


def test_a_bias_is_told_by_its_name(folder):
    sys.path.insert(0, str(JOBS))
    from tangram_file import is_named_bias
    biases = ["bias", "fc.bias", "attn.in_proj_bias", "norm.beta", "dense/beta", "fc1.b", "b", "fc_b", "Conv.B"]
    weights = ["fc.weight", "b.weight", "norm.gamma", "emb", "bias.weight", "a.w", "thumb"]
    assert [name for name in biases + weights if is_named_bias(name)] == biases


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
    code = ("import sys, runpy; sys.argv = ['plot.py', *sys.argv[1:]]\n"
              "read = lambda: int([l for l in open('/proc/self/io') if l.startswith('rchar')][0].split()[1])\n"
              "import matplotlib.pyplot\n"
              f"module = runpy.run_path({str(JOBS / 'plot.py')!r}); from figures.kernel import Kernel\n"
              "file = module['open_file'](sys.argv[1]); before = read()\n"
              "kernel = Kernel(file, 200); part = kernel.part('ntk'); kernel.trace('ntk'); print(read() - before, part.shape)")
    need("matplotlib")
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    read = int(done.stdout.split()[0])
    assert "(200, 200)" in done.stdout and read < whole / 8, (done.stdout, whole)


@each({"no such file": (None,), "no kernel": (b"no HDF5",)})
def test_plot_refuses_what_is_no_kernel_file(folder, content):
    if content:
        (folder / "k.h5").write_bytes(content)
    done = plot(folder / "k.h5")
    assert done.returncode == 2 and done.stderr.startswith("plot: error: ") and "k.h5" in done.stderr, done.stderr


def test_plot_without_its_modules_says_what_to_install(folder):
    done = subprocess.run([sys.executable, "-S", JOBS / "plot.py", "k.h5"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "apt-get install python3-h5py python3-matplotlib" in done.stderr, done.stderr


@each({"a kind that is none": ("p.xyz", ".png"), "a folder that is not there": ("none/p.png", "No such file")})
def test_plot_says_in_one_line_where_it_cannot_write(folder, output, says):
    path = make(folder)
    done = plot(path, "--output", folder / output, "--samples", "10")
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and says in done.stderr, done.stderr


@each({"samples, not compared": ((), True), "samples, compared": (("--expect-outputs",), False),
       "parameters, not compared": (("--space", "params", "--logit", "0"), True)})
def test_a_plot_says_that_no_outputs_were_compared(folder, options, says):
    need("matplotlib")
    model, data = folder / "m.safetensors", folder / "d.h5"
    assert tangram("init", "--widths", "5,4,3", "--output", model, "--samples", 20, "--data", data).code == 0
    words = [model, f"{data}:x", folder / "k.h5", "--activation", "tanh"]
    if "--expect-outputs" in options:
        with kernel(*words) as file, h5py.File(folder / "y.h5", "w") as mine:
            mine["y"] = file["outputs"][:]
        options = (*options, f"{folder}/y.h5:y", "--overwrite")
    kernel(*words, *options).close()
    with figure_of(folder / "k.h5") as figure:
        told = " ".join(text.get_text() for text in figure.texts)
    assert ("was not checked" in told and "--expect-outputs" in told) == says, told
