#!/usr/bin/env python3
"""A model of PyTorch as ONNX, with its samples and outputs, as `tangram kernel` takes them.

    jobs/export.py mymodel:make --checkpoint model.pt --samples x.npy --output net.onnx
    jobs/export.py mymodel:make --checkpoint model.pt --samples d.h5:x --labels d.h5:y --output net.onnx

or in Python, with jobs/ on its path: `from export import export; export(model, samples, "net.onnx", labels=y)`.

`mymodel:make` is a function of mymodel.py, in the current folder or installed, that makes the model; the checkpoint is its state_dict.
Written are net.onnx, the model in eval() with all its tensors under their own names, and net.samples.h5: samples, labels, and
the model's own outputs. The file's metadata `tangram.parameters` lists the tensors that have requires_grad: these are the kernel's
parameters, all others constants. A model that cannot be exported so is refused. Samples become the model's float32 or
float64; integers stay integers.

It was run with PyTorch 1.13. Later versions are asked for the same exporter by dynamo=False; that, and what is done where that exporter is
gone, is written by their documentation and was not run.
"""

import argparse
import inspect
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

try:
    import h5py
    import numpy
    import torch

    from checkpoints import output
    from checkpoints.refusal import BAD_INPUT, IO, USAGE, Refusal, shown
    from onnx_export import checks, exporter, loading, protobuf
except ImportError as error:
    if __name__ != "__main__":
        raise
    print(f"export: error: {error}: apt install python3-torch python3-h5py, or run this with your own Python, which has both", file=sys.stderr)
    sys.exit(4)

BATCH = 256  # samples at once


def as_inputs(samples, dtype, device):
    """The model's inputs, as tensors of its type where they are no integers."""
    parts = samples if isinstance(samples, tuple) else [samples]
    parts = [part if isinstance(part, torch.Tensor) else torch.as_tensor(numpy.asarray(part)) for part in parts]
    lengths = {len(part) if part.ndim else 0 for part in parts}
    if len(lengths) != 1 or 0 in lengths:
        raise Refusal(BAD_INPUT, f"samples of shapes {', '.join(str(tuple(part.shape)) for part in parts)}: as many of each, and one at least")
    return [part.detach().to(device, dtype if part.is_floating_point() else part.dtype) for part in parts]


def names_of(model, inputs):
    """Names of the inputs, as forward() has them, and of the output; no tensor of the model has them."""
    names = list(inspect.signature(model.forward).parameters)[:len(inputs)]
    names += [f"input_{place}" for place in range(len(names), len(inputs))]
    taken = {"samples", "labels", "outputs", *model.state_dict(), *dict(model.named_buffers())}
    for place, name in enumerate([*names, "output"]):
        while name in taken:
            name += "_"
        taken.add(name)
        names[place:place + 1] = [name]
    return names


def run(model, inputs):
    """Its output (N, ..) of these inputs."""
    try:
        value = model(*inputs)
    except Exception as error:  # whatever a model raises
        shapes = ", ".join(str(tuple(part.shape)) for part in inputs)
        raise Refusal(BAD_INPUT, f"the model does not take samples {shapes}, {inputs[0].dtype}: {type(error).__name__}: {shown(error, 300)}") from error
    if not isinstance(value, torch.Tensor) or value.ndim == 0 or len(value) != len(inputs[0]):
        what = f"a tensor {tuple(value.shape)}" if isinstance(value, torch.Tensor) else f"a {type(value).__name__}"
        raise Refusal(BAD_INPUT, f"the model gives {what} of {len(inputs[0])} samples: wrap it, so that it gives one tensor (N, outputs)")
    return value


def outputs_of(model, inputs):
    with torch.no_grad():
        return torch.cat([run(model, [part[first:first + BATCH] for part in inputs]) for first in range(0, len(inputs[0]), BATCH)])


def make(model, inputs, parameters, names):
    """(bytes of the file, outputs, notes) of a model in eval()."""
    checks.require_evaluation(model)
    first = [part[:1] for part in inputs]
    notes = checks.notes_on_gradients(lambda: run(model, first), parameters)
    data, traced = exporter.to_onnx(model, inputs, names)
    graph = protobuf.read_graph(data)
    checks.require_no_training(graph)
    checks.require_parameters(graph, parameters)
    outputs = outputs_of(model, inputs)
    checks.require_samples_apart(outputs, outputs_of(model, first))
    notes += traced + checks.notes_on_others(graph, model)
    ends = checks.probabilities(graph)
    if ends:
        notes.append(f"the model ends in {ends[0]}: the kernel is that of its (log-)probabilities; --value {shlex.quote(ends[1])}, without "
                     "--expect-outputs, gives that of the logits")
    return data + protobuf.metadata_entry("tangram.parameters", "\n".join(parameters)), outputs, notes


def write_samples(path, arrays, overwrite):
    """HDF5, under another name first."""
    output.require_absent(path, overwrite)
    partial = path.with_name(path.name + f".{os.getpid()}.partial")
    try:
        with h5py.File(partial, "w") as file:
            for name, values in arrays.items():
                file[name] = values
        partial.replace(path)
    except OSError as error:
        raise Refusal(IO, f"cannot write ({path}): {error}: choose another output") from None
    finally:
        partial.unlink(missing_ok=True)


def reads_names():
    """Whether the program here takes --data NAME=FILE; else the inputs are given in the model's order, which joins them."""
    built = Path(__file__).resolve().parents[1] / "build" / "release" / "tangram"
    program = os.environ.get("TANGRAM") or (str(built) if built.exists() else shutil.which("tangram"))
    return bool(program) and "NAME=FILE" in subprocess.run([program, "kernel", "--help"], capture_output=True, text=True).stdout


def command_line(path, samples, names, labels, dtype):
    """What to run; `names`: the datasets of the inputs."""
    named = len(names) > 1 and reads_names()
    words = ["tangram", "kernel", "--model", path]
    for name in names:
        words += ["--data", f"{name}={samples}:{name}" if named else f"{samples}:{name}"]
    words += ["--labels", f"{samples}:labels"] if labels else []
    words += ["--expect-outputs", f"{samples}:outputs", "--output", path.with_suffix(".kernel.h5")]
    words += ["--precision", "float64"] if dtype == torch.float64 else []
    return shlex.join(map(str, words))


def export(model, samples, path, labels=None, overwrite=False, tell=print):
    """Writes path (.onnx) and the .samples.h5 beside it; tells notes and the command line, and returns that. `samples`: a
    tensor or array (N, ..), or a tuple of them for a model of several inputs. The model's modes are left as they are."""
    path = Path(path)
    beside = path.with_suffix(".samples.h5")
    if path.suffix != ".onnx":
        raise Refusal(USAGE, f"the output is called .onnx ({path}): name it so")
    for each in (path, beside):
        output.require_absent(each, overwrite)
    parameters = checks.trainable(model)
    dtype = checks.model_type(parameters)
    inputs = as_inputs(samples, dtype, next(iter(parameters.values())).device)
    labels = None if labels is None else numpy.asarray(labels)
    if labels is not None and (not labels.ndim or len(labels) != len(inputs[0])):
        raise Refusal(BAD_INPUT, f"labels of shape {labels.shape} for {len(inputs[0])} samples: one each")
    names = names_of(model, inputs)
    modes = [(module, module.training) for module in model.modules()]
    try:
        data, outputs, notes = make(model.eval(), inputs, parameters, names)
    finally:
        for module, training in modes:
            module.training = training
    datasets = names[:-1] if len(inputs) > 1 else ["samples"]
    arrays = {name: part.cpu().numpy() for name, part in zip(datasets, inputs)} | {"outputs": outputs.reshape(len(outputs), -1).cpu().numpy()}
    write_samples(beside, arrays if labels is None else arrays | {"labels": labels}, overwrite)
    output.write(path, [data], overwrite)
    for note in notes:
        tell(f"note: {note}")
    counted = sum(tensor.numel() for tensor in parameters.values())
    tell(f"{counted} parameters in {len(parameters)} tensors in {path}; {len(outputs)} samples in {beside}")
    line = command_line(path, beside, datasets, labels is not None, dtype)
    tell(line)
    return line


def main():
    parser = argparse.ArgumentParser(description="A model of PyTorch as ONNX, with samples, for tangram kernel.")
    parser.add_argument("model", metavar="MODULE:FUNCTION", help="what makes the model")
    parser.add_argument("--checkpoint", metavar="FILE", help="its state_dict; without, the model as it is made")
    parser.add_argument("--samples", required=True, action="append", metavar="FILE[:NAME]", help=".npy, .npz, HDF5, .pt; repeated: one an input")
    parser.add_argument("--labels", metavar="FILE[:NAME]", help="the same kinds")
    parser.add_argument("--output", required=True, type=Path, metavar="NET.onnx")
    parser.add_argument("--overwrite", action="store_true", help="replace outputs that are there")
    arguments = parser.parse_args()
    try:
        model = loading.make_model(arguments.model)
        if arguments.checkpoint:
            loading.load_checkpoint(model, arguments.checkpoint)
        samples = tuple(loading.read_array(text) for text in arguments.samples)
        export(model, samples, arguments.output, arguments.labels and loading.read_array(arguments.labels), arguments.overwrite)
    except Refusal as refusal:
        print(f"export: error: {refusal}", file=sys.stderr)
        return refusal.code
    return 0


if __name__ == "__main__":
    sys.exit(main())
