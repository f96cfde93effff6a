"""Every activation, by every name it has, against float64 autograd run here; and what is said of names that are none.

The network 3-5-4-2 has the activation after both hidden layers. Its samples meet all pieces of those that are made of pieces.
"""

import numpy

from converters import need_torch
from harness import assert_close, each, kernel, tangram, write_h5, write_safetensors

WIDTHS = [3, 5, 4, 2]
USAGE = 2


def functions(torch):
    """{name on the command line: the function in PyTorch}"""
    f = torch.nn.functional

    def log_cosh(z):
        return torch.log(torch.cosh(z))

    def gelu_tanh(z):
        return 0.5 * z * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (z + 0.044715 * z**3)))

    def hardsigmoid(z):  # PyTorch's own has a slope of 1/6 in float32, whatever the tensor
        return torch.clamp(z / 6 + 0.5, 0, 1)

    def relu_normalized(z):  # as docs/inputs.md has it
        return (2 * torch.pi / (torch.pi - 1)) ** 0.5 * (f.relu(z) - 1 / (2 * torch.pi) ** 0.5)

    return {
        "mish": f.mish, "softsign": f.softsign, "cos": torch.cos, "sin": torch.sin, "hardtanh": f.hardtanh, "relu6": f.relu6,
        "hardswish": f.hardswish, "hardsigmoid": hardsigmoid, "log_cosh": log_cosh, "celu": f.celu, "celu:0.5": lambda z: f.celu(z, 0.5),
        "swish": f.silu, "silu": f.silu, "linear": lambda z: z, "none": lambda z: z, "identity": lambda z: z, "gelu": f.gelu,
        "gelu_new": gelu_tanh, "gelu_pytorch_tanh": gelu_tanh, "gelu_tanh": gelu_tanh, "relu": f.relu, "leaky_relu": f.leaky_relu,
        "leaky_relu:0.2": lambda z: f.leaky_relu(z, 0.2), "elu": f.elu, "elu:0.3": lambda z: f.elu(z, 0.3), "selu": f.selu,
        "tanh": torch.tanh, "sigmoid": torch.sigmoid, "erf": torch.erf, "softplus": f.softplus,
        "softplus:2": lambda z: f.softplus(z, 2), "relu_normalized": relu_normalized,
        "softmax": lambda z: f.softmax(z, -1), "log_softmax": lambda z: f.log_softmax(z, -1),
    }


NAMES = ["mish", "softsign", "cos", "sin", "hardtanh", "relu6", "hardswish", "hardsigmoid", "log_cosh", "celu", "celu:0.5", "swish", "silu",
         "linear", "none", "identity", "gelu", "gelu_new", "gelu_pytorch_tanh", "gelu_tanh", "relu", "leaky_relu", "leaky_relu:0.2", "elu",
         "elu:0.3", "selu", "tanh", "sigmoid", "erf", "softplus", "softplus:2", "relu_normalized"]


def network():
    """(tensors, samples): preactivations between -9 and 9, so that relu6 is met at its top and hardswish on all its pieces."""
    rng = numpy.random.default_rng(7)
    tensors = {}
    for layer, (before, after) in enumerate(zip(WIDTHS, WIDTHS[1:])):
        tensors[f"{layer}.weight"] = rng.normal(size=(after, before)) * 1.5
        tensors[f"{layer}.bias"] = rng.normal(size=after)
    return tensors, rng.normal(size=(12, 3)) * 1.7


def autograd(torch, tensors, samples, hidden, last):
    """(kernel, outputs): trace over the outputs of J J^T, one row of J after the other."""
    parameters = {name: torch.tensor(values, dtype=torch.float64, requires_grad=True) for name, values in tensors.items()}
    rows, outputs = [], []
    for x in torch.tensor(samples, dtype=torch.float64):
        for layer in range(len(WIDTHS) - 1):
            x = parameters[f"{layer}.weight"] @ x + parameters[f"{layer}.bias"]
            x = last(x) if layer == len(WIDTHS) - 2 else hidden(x)
        outputs.append(x.detach().numpy())
        for output in x:
            gradients = torch.autograd.grad(output, list(parameters.values()), retain_graph=True)
            rows.append(numpy.concatenate([gradient.numpy().ravel() for gradient in gradients]))
    jacobian = numpy.array(rows).reshape(len(outputs), len(outputs[0]), -1)
    return numpy.einsum("irp,jrp->ij", jacobian, jacobian), numpy.array(outputs)


def assert_is_autograd(folder, hidden, last, *options):
    torch = need_torch()
    tensors, samples = network()
    right, outputs = autograd(torch, tensors, samples, functions(torch)[hidden], functions(torch)[last])
    write_safetensors(folder / "m.safetensors", tensors, "F64")
    write_h5(folder / "x.h5", x=samples, y=outputs)
    with kernel(folder / "m.safetensors", folder / "x.h5:x", folder / "out.h5", *options, "--expect-outputs", folder / "x.h5:y") as out:
        assert_close(out["outputs"][:], outputs, "float64", "outputs")
        assert_close(out["ntk"][:], right, "float64", "ntk")


@each({name: (name,) for name in NAMES})
def test_the_kernel_is_that_of_autograd(folder, name):
    assert_is_autograd(folder, name, "identity", "--activation", name)


@each({name: (name,) for name in ("sigmoid", "tanh", "hardsigmoid", "log_cosh", "none", "softsign", "celu:0.5", "softmax", "log_softmax")})
def test_an_activation_at_the_output(folder, name):
    assert_is_autograd(folder, "tanh", name, "--activation", "tanh", "--output-activation", name)


# Functions of PyTorch, TensorFlow, JAX and of papers that the program has not.
OTHERS = ["softmin", "Softmin", "tanhshrink", "logsigmoid", "LogSigmoid", "rrelu", "prelu", "PReLU", "glu", "GLU", "hardshrink", "softshrink",
          "threshold", "softmax2d", "normalize", "relu1", "relu2", "crelu", "sinh", "cosh", "tan", "atan", "atanh", "arctan",
          "asin", "acos", "sinc", "exp", "expm1", "log", "sqrt", "square", "abs", "erfc", "erfinv", "logit", "sign", "ceil", "maxout",
          "swiglu", "reglu", "geglu", "quick_gelu", "squareplus", "snake", "elish", "lisht", "serf", "gaussian", "sparse_sigmoid",
          "exponential", "log_sigmoid", "hard_sigmoid", "bent_identity", "isrlu", "smelu", "xielu", "telu", "gish"]
MISSPELT = {"rlu": "relu", "Relu": "relu", "ReLU": "relu", "relu_": "relu", "tahn": "tanh", "Tanh": "tanh", "sigmiod": "sigmoid",
            "leakyrelu": "leaky_relu", "LeakyReLU": "leaky_relu", "softpuls": "softplus", "hard_swish": "hardswish", "hard_tanh": "hardtanh",
            "GELU": "gelu", "logcosh": "log_cosh", "soft_sign": "softsign", "identiy": "identity", "SiLU": "silu", "Hardtanh": "hardtanh"}


def refusal(name):
    """The one line about a name that is none; no file is looked at before."""
    done = tangram("kernel", "--model", "m.safetensors", "--data", "x.npy", "--output", "out.h5", "--activation", name)
    assert done.code == USAGE, done
    (line,) = done.errors
    return line


@each({name: (name,) for name in OTHERS})
def test_another_function_is_no_misspelling(_, name):
    line = refusal(name)
    assert "did you mean" not in line and "cannot be computed" in line, line


@each({name: (name, meant) for name, meant in MISSPELT.items()})
def test_a_misspelling_is_understood(_, name, meant):
    assert refusal(name).endswith(f"did you mean {meant}?"), refusal(name)


@each({name: (name,) for name in ("softmax", "log_softmax", "LogSoftmax")})
def test_softmax_of_a_hidden_layer_is_refused_and_says_where_it_may_be(_, name):
    assert "end of a network" in refusal(name) and "--output-activation softmax or log_softmax" in refusal(name), refusal(name)
