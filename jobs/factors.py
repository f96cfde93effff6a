#!/usr/bin/env python3
"""The gradients of a PyTorch model as factors, which `tangram kernel --factors` takes: of each weight its inputs x and sensitivities s,
of what is no such weight the gradients themselves.

    jobs/factors.py mymodel:make --checkpoint model.pt --samples x.npy --output factors.h5

or in Python, with jobs/ on its path: `from factors import write; write(model, samples, "factors.h5")`, for whatever runs in PyTorch and
no file describes: `loss=lambda outputs, i: ..` takes the gradient of a number of sample i in place of those of all outputs.

Hooks on Linear and Conv layers (of one group) see x on the way forward and s on the way back; a layer that is applied to several positions, or a
convolution by its patches, has x (N, T, d_in) and s (N, R, T, d_out). A tensor that is used elsewhere too, and all others, are written as g (N, R, ..).
Each sample goes through alone, in eval(), so that no batch can mix them, and in the model's precision: make it double() for 1e-12.

JAX, by its documentation (not run here): g of one sample is `jax.jacrev(f)(params, x)`, of N `jax.vmap(..., in_axes=(None, 0))`; x and s of a Dense layer
are its input and the `jax.vjp` of what follows it with the R unit vectors. Write them with h5py as below: a group a tensor.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path

try:
    import h5py
    import torch

    from checkpoints.refusal import BAD_INPUT, USAGE, Refusal
    from onnx_export import loading
except ImportError as error:
    if __name__ != "__main__":
        raise
    print(f"factors: error: {error}: apt install python3-torch python3-h5py, or run this with your own Python, which has both", file=sys.stderr)
    sys.exit(4)


class Watched:
    """A layer whose weight is multiplied with vectors: what it saw of one sample."""

    def __init__(self, name, layer):
        self.weight, self.bias = (f"{name}.{tensor}" if name else tensor for tensor in ("weight", "bias"))
        self.layer, self.calls = layer, 0
        self.hook = layer.register_forward_hook(self.see)

    def see(self, layer, inputs, output):
        self.calls += 1
        self.x, self.z = inputs[0].detach(), output

    def inputs(self):
        """x (T, d_in)"""
        if isinstance(self.layer, torch.nn.Linear):
            return self.x.reshape(-1, self.x.shape[-1])
        conv = self.layer
        return torch.nn.functional.unfold(self.x, conv.kernel_size, conv.dilation, conv.padding, conv.stride)[0].T

    def sensitivities(self, gradient):
        """s (T, d_out) of a gradient of the output"""
        return gradient.reshape(-1, gradient.shape[-1]) if isinstance(self.layer, torch.nn.Linear) else gradient[0].flatten(1).T


def can_be_watched(layer):
    if isinstance(layer, torch.nn.Linear):
        return True
    return isinstance(layer, torch.nn.Conv2d) and layer.groups == 1 and layer.padding_mode == "zeros" and not isinstance(layer.padding, str)


def watched_layers(model, first_sample):
    """Those whose weight is theirs alone and that are applied once."""
    owners = Counter(id(tensor) for module in model.modules() for tensor in module._parameters.values() if tensor is not None)
    found = [Watched(name, module) for name, module in model.named_modules()
             if can_be_watched(module) and module.weight.requires_grad and owners[id(module.weight)] == 1]
    model(*first_sample)
    for layer in found:
        if layer.calls != 1:
            layer.hook.remove()
    return [layer for layer in found if layer.calls == 1]


class Store:
    """The file, a dataset made when its first sample comes."""

    def __init__(self, file, count):
        self.file, self.count = file, count

    def put(self, path, i, values):
        values = values.detach().cpu().numpy()
        if path not in self.file:
            self.file.create_dataset(path, (self.count, *values.shape), values.dtype)
        if self.file[path].shape[1:] != values.shape:
            raise Refusal(BAD_INPUT, f"{path} of sample {i} is {values.shape}, of others {self.file[path].shape[1:]}: give samples of one shape")
        self.file[path][i] = values


def write_sample(store, i, rows, watched, others):
    """Factors of one sample's rows."""
    wanted = [layer.z for layer in watched] + list(others.values())
    s, g = {layer.weight: [] for layer in watched}, {name: [] for name in others}
    for row in rows:
        gradients = torch.autograd.grad(row, wanted, retain_graph=True, allow_unused=True)
        gradients = [torch.zeros_like(of) if found is None else found for of, found in zip(wanted, gradients)]
        for layer, found in zip(watched, gradients):
            s[layer.weight].append(layer.sensitivities(found))
        for name, found in zip(others, gradients[len(watched):]):
            g[name].append(found)
    for layer in watched:
        x, own = layer.inputs(), torch.stack(s[layer.weight])
        one_position = len(x) == 1
        store.put(f"{layer.weight}/x", i, x[0] if one_position else x)
        store.put(f"{layer.weight}/s", i, own[:, 0] if one_position else own)
    for name in others:
        store.put(f"{name}/g", i, torch.stack(g[name]))


def share_biases(file, watched, parameters):
    """The gradient of a bias on one position is the weight's s, and needs no place of its own."""
    for layer in watched:
        if layer.bias in parameters and file[f"{layer.weight}/x"].ndim == 2:
            del file[layer.bias]
            file[f"{layer.bias}/s"] = file[f"{layer.weight}/s"]


def write(model, samples, path, loss=None, overwrite=False):
    """Writes the factors of all tensors that have requires_grad; rows are all outputs, or one number, `loss(outputs (1, ..), i)`."""
    parameters = {name: tensor for name, tensor in model.named_parameters() if tensor.requires_grad}
    if not parameters:
        raise Refusal(BAD_INPUT, "no tensor of the model has requires_grad: nothing to take gradients of")
    if Path(path).exists() and not overwrite:
        raise Refusal(USAGE, f"the output is there already ({path}): choose another, or give --overwrite")
    kind = next(iter(parameters.values()))
    inputs = [torch.as_tensor(part) for part in (samples if isinstance(samples, tuple) else (samples,))]
    inputs = [part.to(kind.device, kind.dtype) if part.is_floating_point() else part.to(kind.device) for part in inputs]
    model.eval()
    watched = watched_layers(model, [part[:1] for part in inputs])
    of_products = {layer.weight for layer in watched}
    others = {name: tensor for name, tensor in parameters.items() if name not in of_products}
    try:
        with h5py.File(path, "w") as file:
            store = Store(file, len(inputs[0]))
            for i in range(len(inputs[0])):
                outputs = model(*[part[i:i + 1] for part in inputs])
                write_sample(store, i, [loss(outputs, i)] if loss else list(outputs.reshape(-1)), watched, others)
            share_biases(file, watched, parameters)
            file.attrs["tensors"] = list(parameters)
    finally:
        for layer in watched:
            layer.hook.remove()


def main():
    parser = argparse.ArgumentParser(description="The gradients of a PyTorch model as factors, for tangram kernel --factors.")
    parser.add_argument("model", metavar="MODULE:FUNCTION", help="what makes the model")
    parser.add_argument("--checkpoint", metavar="FILE", help="its state_dict; without, the model as it is made")
    parser.add_argument("--samples", required=True, action="append", metavar="FILE[:NAME]", help=".npy, .npz, HDF5, .pt; repeated: one an input")
    parser.add_argument("--output", required=True, type=Path, metavar="FACTORS.h5")
    parser.add_argument("--double", action="store_true", help="in float64")
    parser.add_argument("--overwrite", action="store_true", help="replace an output that is there")
    arguments = parser.parse_args()
    try:
        model = loading.make_model(arguments.model)
        if arguments.checkpoint:
            loading.load_checkpoint(model, arguments.checkpoint)
        model = model.double() if arguments.double else model
        write(model, tuple(loading.read_array(text) for text in arguments.samples), arguments.output, overwrite=arguments.overwrite)
    except Refusal as refusal:
        print(f"factors: error: {refusal}", file=sys.stderr)
        return refusal.code
    return 0


if __name__ == "__main__":
    sys.exit(main())
