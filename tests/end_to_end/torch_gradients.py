"""What losses of a network are differentiated by: float64 autograd of PyTorch, of a fully connected network or of the few operators
that the ONNX fixtures are made of. No code of the program's."""

import numpy
import onnx
from onnx import helper, numpy_helper
import torch
from torch.nn import functional

torch.set_num_threads(1)


def attributes_of(node):
    """Numbers as they were before the file made them float32: 1e-5, not 9.99999974e-06."""
    values = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    return {name: float(str(numpy.float32(value))) if isinstance(value, float) else value for name, value in values.items()}


def pads(a):
    assert a["pads"][:2] == a["pads"][2:], a
    return a["pads"][:2]


OPERATORS = {
    "Conv": lambda a, x, w, b=None: functional.conv2d(x, w, b, a["strides"], pads(a), a["dilations"], a["group"]),
    "MaxPool": lambda a, x: functional.max_pool2d(x, a["kernel_shape"], a["strides"], pads(a), ceil_mode=bool(a["ceil_mode"])),
    "GlobalAveragePool": lambda a, x: x.mean((2, 3), keepdim=True),
    "BatchNormalization": lambda a, x, w, b, mean, var: functional.batch_norm(x, mean, var, w, b, eps=a["epsilon"]),
    "LayerNormalization": lambda a, x, w, b: functional.layer_norm(x, w.shape, w, b, a["epsilon"]),
    "Gemm": lambda a, x, w, b: x @ w.T + b,
    "MatMul": lambda a, x, y: x @ y,
    "Transpose": lambda a, x: x.permute(a["perm"]),
    "Flatten": lambda a, x: x.flatten(1),
    "Relu": lambda a, x: torch.relu(x),
    "Tanh": lambda a, x: torch.tanh(x),
    "Softplus": lambda a, x: functional.softplus(x),
    "Add": lambda a, x, y: x + y,
    "Mul": lambda a, x, y: x * y,
}


def graph(path):
    """({name: parameter}, x -> outputs) of an ONNX file."""
    model = onnx.load(path).graph
    tensors = {i.name: torch.from_numpy(numpy_helper.to_array(i).astype("f8")) for i in model.initializer}
    parameters = {name: value.requires_grad_() for name, value in tensors.items() if "running" not in name}

    def f(x):
        values = dict(tensors, **{model.input[0].name: x})
        for node in model.node:
            values[node.output[0]] = OPERATORS[node.op_type](attributes_of(node), *[values[name] for name in node.input])
        return values[model.output[0].name]

    return parameters, f


def chain(tensors, activation):
    """The same of layers "0.weight", "0.bias", .."""
    parameters = {name: torch.tensor(value, dtype=torch.float64).requires_grad_() for name, value in tensors.items()}
    layers = len(tensors) // 2

    def f(x):
        for layer in range(layers):
            x = x @ parameters[f"{layer}.weight"].T + parameters[f"{layer}.bias"]
            x = getattr(torch, activation)(x) if layer + 1 < layers else x
        return x

    return parameters, f


def gradients(network, x, scalars):
    """{name: (N, R, P_t)}: of the R scalars that `scalars(i, y)` makes of the outputs y of sample i."""
    parameters, f = network
    names = list(parameters)
    rows = {name: [] for name in names}
    for i in range(len(x)):
        made = scalars(i, f(torch.from_numpy(x[i:i + 1]))[0])
        by_row = [torch.autograd.grad(s, [parameters[n] for n in names], retain_graph=True) for s in made]
        for k, name in enumerate(names):
            rows[name].append(numpy.stack([g[k].numpy().ravel() for g in by_row]))
    return {name: numpy.stack(of) for name, of in rows.items()}


def cross_entropy(labels):
    return lambda i, y: [functional.cross_entropy(y[None], torch.tensor([int(labels[i])]))]


def soft_cross_entropy(targets):
    return lambda i, y: [functional.cross_entropy(y[None], torch.from_numpy(targets[i:i + 1]))]


def mse(targets):
    return lambda i, y: [functional.mse_loss(y, torch.from_numpy(targets[i]))]


def margin(labels):
    def of(i, y):
        others = torch.ones(len(y), dtype=bool)
        others[int(labels[i])] = False
        return [y[int(labels[i])] - torch.logsumexp(y[others], 0)]

    return of


def outputs(i, y):
    return list(y)


def roots(i, y):
    """sqrt(p_r) log p_r, with sqrt(p_r) held."""
    p = torch.softmax(y, 0).detach()
    return list(p.sqrt() * torch.log_softmax(y, 0))


def trace(J, other=None):
    """(M, N) of (M, R, P) and (N, R, P)."""
    return numpy.einsum("irp,jrp->ij", J, J if other is None else other, optimize=True)


def hessians(network, x):
    """(N, C, C): of the cross-entropy with respect to the outputs, by autograd."""
    _, f = network
    found = []
    for i in range(len(x)):
        y = f(torch.from_numpy(x[i:i + 1]))[0].detach()
        found.append(torch.autograd.functional.hessian(lambda z: functional.cross_entropy(z[None], torch.tensor([0])), y).numpy())
    return numpy.stack(found)
