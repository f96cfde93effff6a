"""jobs/export.py: models of PyTorch, whose kernels must be autograd's, tensor by tensor; and what it refuses."""

import copy
import importlib
import os
import shlex
import subprocess
import sys
import threading

import h5py
import numpy

from bad_input_table import USAGE
from converters import need_torch
from harness import JOBS, assert_close, difference, each, need, tangram

ONE_AT_A_TIME = threading.Lock()  # torch's exporter and its seed are the process's


def from_jobs(module):
    if str(JOBS) not in sys.path:
        sys.path.append(str(JOBS))
    return importlib.import_module(module)


def exported(model, samples, path, **more):
    """(the words to run, what was told)"""
    told = []
    with ONE_AT_A_TIME:
        from_jobs("export").export(model, samples, path, tell=told.append, **more)
    return shlex.split(told[-1], comments=True), told


def example(name):
    """A model and its samples."""
    need_torch()
    import exported_models

    with ONE_AT_A_TIME:
        make, samples = exported_models.MODELS[name]
        return make(), samples


def jacobians(torch, model, samples, of=lambda model: model):
    """{name: (N, outputs, entries)} in float64, one output after the other; `of(model)` gives the output."""
    model = copy.deepcopy(model).double().eval()
    parameters = {name: tensor for name, tensor in model.named_parameters() if tensor.requires_grad}
    rows = {name: [] for name in parameters}
    for x in samples.double():
        outputs = of(model)(x[None])[0]
        by_output = [torch.autograd.grad(y, list(parameters.values()), retain_graph=True) for y in outputs]
        for place, name in enumerate(parameters):
            rows[name].append(torch.stack([gradients[place].flatten() for gradients in by_output]))
    return {name: torch.stack(row).numpy() for name, row in rows.items()}


def run_words(words, *more):
    run = tangram(*words[1:], "--threads", 1, "--overwrite", *more)
    assert run.code == 0 and not run.errors, run
    return h5py.File(words[words.index("--output") + 1])


def assert_components(words, expected, precision, *more):
    """{name: kernel} and no others, and their sum."""
    with run_words(words, *more) as file:
        assert sorted(file["components"]) == sorted(expected), f"{sorted(file['components'])}, expected {sorted(expected)}"
        for name, kernel in expected.items():
            assert_close(file["components"][name][:], kernel, precision, name)
        assert_close(file["ntk"][:], sum(expected.values()), precision, "ntk")


def traces(rows):
    return {name: numpy.einsum("irp,jrp->ij", row, row) for name, row in rows.items()}


def assert_kernels(torch, model, samples, path, precision):
    """The trace; in float64 the kernel of one output too."""
    words, told = exported(model, samples.to(getattr(torch, precision)), path)
    assert not [line for line in told if "autograd" in line], told
    rows = jacobians(torch, model, samples.to(getattr(torch, precision)))
    assert_components(words, traces(rows), precision)
    if precision == "float64":
        assert_components(words, {name: row[:, 1] @ row[:, 1].T for name, row in rows.items()}, precision, "--logit", 1)


EXAMPLES = ["a CNN with fresh BatchNorm", "a CNN after some steps", "a frozen layer and Fourier features", "a tied weight",
            "a weight and its transpose", "softmax at the end", "SIREN", "squeeze-excite", "DenseNet with InstanceNorm", "a gated unit",
            "GroupNorm and PReLU", "attention"]


@each({name: (name,) for name in EXAMPLES})
def test_the_kernel_is_that_of_autograd(folder, name):
    torch = need_torch()
    model, samples = example(name)
    assert_kernels(torch, model, samples, folder / "single.onnx", "float32")
    assert_kernels(torch, model.double(), samples, folder / "double.onnx", "float64")


def test_the_kernel_of_the_logits(folder):
    torch = need_torch()
    model, samples = example("softmax at the end")
    words, told = exported(model.double(), samples, folder / "m.onnx", labels=range(9))
    (note,) = [line for line in told if "Softmax" in line]
    place = words.index("--expect-outputs")
    logits = shlex.split(note.partition("--value ")[2])[0].rstrip(",")
    assert_components(words[:place] + words[place + 2:], traces(jacobians(torch, model, samples, lambda model: model[:-1])), "float64",
                      "--value", logits)
    with h5py.File(folder / "m.samples.h5") as file:
        assert sorted(file) == ["labels", "outputs", "samples"] and file["labels"][:].tolist() == list(range(9))
        assert difference(file["outputs"][:], model(samples).detach()) == 0


def test_metadata_lists_the_trainable_tensors_and_onnx_reads_it(folder):
    onnx = need("onnx")
    model, samples = example("a frozen layer and Fourier features")
    model.train()
    model.last.eval()
    exported(model, samples, folder / "m.onnx")
    assert model.first.training and not model.last.training
    read = onnx.load(folder / "m.onnx")
    onnx.checker.check_model(read)
    (entry,) = [entry.value for entry in read.metadata_props if entry.key == "tangram.parameters"]
    assert entry.split("\n") == ["first.weight", "first.bias", "last.weight", "last.bias"]
    assert read.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "samples"


# ---- the command


MODULE = """
import torch
from torch import nn
from torch.nn import functional

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 3), nn.Linear(3, 2)

    def forward(self, x):
        return self.b(torch.tanh(self.a(x)))

class Two(Net):
    def forward(self, x, labels):
        return super().forward(x) * labels

class Random(Net):
    def forward(self, x):
        return functional.dropout(super().forward(x))

class Meeting(Net):
    def forward(self, x):
        return super().forward(x - x.mean(0))

class Unused(Net):
    def forward(self, x):
        return self.a(x)

class Detached(Net):
    def forward(self, x):
        return self.b(self.a(x).detach())

class Straight(Net):  # the gradient of the identity for that of tanh
    def forward(self, x):
        z = self.a(x)
        return self.b(z + (torch.tanh(z) - z).detach())

class Stuck(Net):
    def train(self, mode=True):
        super().train(mode)
        self.a.training = True
        return self

class Pair(Net):
    def forward(self, x):
        return self.a(x), x

class Copied(Net):  # what the exporter takes for numbers
    def forward(self, x):
        return self.b(x @ (self.a.weight.t() if not torch.onnx.is_in_onnx_export() else torch.tensor(self.a.weight.tolist()).t()) + self.a.bias)

class Comma(Net):
    def __init__(self):
        super().__init__()
        self.register_parameter("c,d", nn.Parameter(torch.ones(2)))

def batch_statistics():
    return nn.Sequential(nn.Conv1d(4, 3, 1), nn.BatchNorm1d(3, track_running_stats=False), nn.Flatten())

def frozen():
    return Net().requires_grad_(False)

def half():
    return Net().half()
"""


def command(folder, *words):
    environment = dict(os.environ, OMP_NUM_THREADS="1")
    return subprocess.run([sys.executable, JOBS / "export.py", *map(str, words)], cwd=folder, env=environment, capture_output=True, text=True,
                          timeout=120)


def nets(folder):
    """The module above, imported."""
    need_torch()
    (folder / "nets.py").write_text(MODULE)
    module = {"__name__": "nets"}
    exec(MODULE, module)
    return module


def test_a_checkpoint_and_samples_by_name(folder):
    torch = need_torch()
    model = nets(folder)["Net"]().double()
    samples = numpy.random.default_rng(2).normal(size=(6, 4))
    torch.save({"state_dict": {"module." + name: tensor for name, tensor in model.state_dict().items()}}, folder / "m.pt")
    with h5py.File(folder / "d.h5", "w") as file:
        file["train/x"], file["y"] = samples, numpy.arange(6)
    done = command(folder, "nets:Net", "--checkpoint", "m.pt", "--samples", "d.h5:train/x", "--labels", "d.h5:y", "--output", folder / "m.onnx")
    assert done.returncode == 0, done.stderr
    words = shlex.split(done.stdout.splitlines()[-1])
    assert_components(words, traces(jacobians(torch, model, torch.from_numpy(samples))), "float64")
    again = command(folder, "nets:Net", "--samples", "d.h5:x", "--output", folder / "m.onnx")
    assert again.returncode == USAGE and again.stderr == "export: error: no x (d.h5): name one of train/x, y, as FILE:NAME\n", again.stderr


def refused(call, word):
    """By one line with this in it."""
    try:
        call()
    except Exception as refusal:
        assert type(refusal).__name__ == "Refusal" and word in str(refusal) and "\n" not in str(refusal), repr(refusal)
    else:
        raise AssertionError(f"not refused: {word}")


def test_arrays_of_each_kind(folder):
    torch = need_torch()
    read_array = from_jobs("onnx_export.loading").read_array
    samples = numpy.random.default_rng(3).normal(size=(5, 4)).astype("f4")
    numpy.savez(folder / "d.npz", x=samples, y=numpy.arange(5))
    numpy.save(folder / "x:y.npy", samples)
    torch.save({"x": torch.from_numpy(samples), "y": torch.arange(5)}, folder / "d.pt")
    torch.save((torch.from_numpy(samples), torch.arange(5)), folder / "pair.pt")
    torch.save(torch.from_numpy(samples), folder / "x.pt")
    for name in ("d.npz:x", "x:y.npy", "d.pt:x", "pair.pt:0", "x.pt"):
        assert (numpy.asarray(read_array(f"{folder}/{name}")) == samples).all(), name
    refused(lambda: read_array(f"{folder}/d.npz"), "name one of x, y")
    refused(lambda: read_array(f"{folder}/d.pt:z"), "no z")
    refused(lambda: read_array(f"{folder}/none.npy"), "no such file")


def test_several_inputs_are_several_datasets(folder):
    torch = need_torch()
    model, x, scales = nets(folder)["Two"]().double(), torch.randn(5, 4).double(), torch.randn(5, 2).double()
    words, _ = exported(model, (x, scales), folder / "m.onnx")
    with h5py.File(folder / "m.samples.h5") as file:
        assert {name: file[name].shape for name in file} == {"x": (5, 4), "labels_": (5, 2), "outputs": (5, 2)}
    joined = torch.cat([x, scales], 1)
    assert_components(words, traces(jacobians(torch, model, joined, lambda model: lambda both: model(both[:, :4], both[:, 4:]))), "float64")


REFUSED = {
    "Random": "Dropout", "Meeting": "another output by itself", "Unused": "reaches b.weight, b.bias", "Detached": "reaches a.weight, a.bias",
    "Stuck": "eval(): a:", "Pair": "a tuple", "Copied": "a.weight is not in the file", "Comma": "rename", "batch_statistics": "BatchNorm without running statistics: 1",
    "frozen": "requires_grad", "half": "float16",
}


@each({name: (name, word) for name, word in REFUSED.items()})
def test_a_model_that_has_no_kernel_as_it_is_is_refused(folder, name, word):
    torch = need_torch()
    model = nets(folder)[name]()
    samples = torch.randn(5, 4, 3) if name == "batch_statistics" else torch.randn(5, 4)
    refused(lambda: exported(model, samples, folder / "m.onnx"), word)
    assert not list(folder.glob("m.*"))


def test_what_a_file_does_not_say_is_noted(folder):
    torch = need_torch()
    model = nets(folder)["Straight"]()
    before = copy.deepcopy(model.state_dict())
    with torch.no_grad():  # where people evaluate
        _, told = exported(model, 10 * torch.randn(5, 4), folder / "m.onnx")  # far enough that tanh is not the identity
    assert [line for line in told if "detaches" in line], told
    assert all((tensor == before[name]).all() for name, tensor in model.state_dict().items())


def test_files_that_are_not_the_model_s(folder):
    torch = need_torch()
    module = nets(folder)
    load = from_jobs("onnx_export.loading").load_checkpoint
    model, samples = module["Net"](), torch.ones(3, 4)
    torch.save({"c": torch.ones(2)}, folder / "other.pt")
    (folder / "no.pt").write_text("x")
    refused(lambda: load(model, folder / "other.pt"), "not this model's")
    refused(lambda: load(model, folder / "no.pt"), "torch does not read it")
    refused(lambda: exported(model, torch.ones(3, 5), folder / "m.onnx"), "does not take samples (1, 5)")
    refused(lambda: exported(model, samples, folder / "m.onnx", labels=range(4)), "one each")
    (folder / "m.onnx").write_text("mine")
    refused(lambda: exported(model, samples, folder / "m.onnx"), "--overwrite")
    assert (folder / "m.onnx").read_text() == "mine"
