"""What a kernel needs: a model that gives each sample its own output, always the same, and a file that has all its parameters."""

import torch

from checkpoints.refusal import BAD_INPUT, Refusal, listed, shown

PROBABILITIES = {"Softmax", "LogSoftmax", "Sigmoid"}
ARRANGING = {"Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze"}
SAME = {torch.float32: 1e-4, torch.float64: 1e-9}  # of the largest output
STEPS = {torch.float32: 1e-3, torch.float64: 1e-6}  # of differences, relative to the parameters


def trainable(model):
    """{name: tensor}; a tied tensor once, under its first name."""
    found = {name: tensor for name, tensor in [*model.named_parameters(), *model.named_buffers()] if tensor.requires_grad}
    if not found:
        raise Refusal(BAD_INPUT, "no tensor of the model has requires_grad: nothing to take a kernel of")
    for name in found:
        if "," in name or "\n" in name:  # the list in the file has them between names
            raise Refusal(BAD_INPUT, f"the name of {shown(name)} has a comma or a line end: rename it")
    return found


def model_type(parameters):
    """float32 or float64"""
    types = {tensor.dtype for tensor in parameters.values()}
    if len(types) != 1 or not types <= set(SAME):
        raise Refusal(BAD_INPUT, f"the parameters are {listed(sorted(map(str, types)))}: export model.float(), or model.double()")
    return types.pop()


def require_evaluation(model):
    """For a model after eval()."""
    training = [name or type(model).__name__ for name, module in model.named_modules() if module.training]
    if training:
        raise Refusal(BAD_INPUT, f"still in training mode after eval(): {listed(training)}: let its eval() or train() pass the mode on")
    without = [name for name, module in model.named_modules() if isinstance(module, torch.nn.modules.batchnorm._BatchNorm)
               and module.running_mean is None]
    if without:
        raise Refusal(BAD_INPUT, f"BatchNorm without running statistics: {listed(without)}: samples would meet in it: train with "
                                 "track_running_stats=True")


def gradients_of(value, parameters):
    """[gradient]: autograd must find its way to every parameter."""
    gradients = [None] * len(parameters)
    if value.requires_grad:
        gradients = torch.autograd.grad(value, list(parameters.values()), allow_unused=True)
    without = [name for name, gradient in zip(parameters, gradients) if gradient is None]
    if without:
        raise Refusal(BAD_INPUT, f"no gradient of the output reaches {listed(without)}: freeze it (requires_grad_(False)), or mend the model")
    return gradients


def waves(like, pace):
    """Numbers of mean size one half, of no order that a model would have."""
    return torch.cos(pace * torch.arange(like.numel(), dtype=like.dtype, device=like.device)).reshape(like.shape)


def moved(value_of, parameters, directions, step):
    """The value with the parameters a step further; they are put back."""
    with torch.no_grad():
        before = [tensor.clone() for tensor in parameters]
        try:
            for tensor, direction in zip(parameters, directions):
                tensor.add_(direction, alpha=step)
            return value_of()
        finally:
            for tensor, values in zip(parameters, before):
                tensor.copy_(values)


def notes_on_gradients(output_of, parameters):
    """Autograd's derivative along a direction of each tensor against a difference: an ONNX file does not say what was detached."""

    def terms():
        output = output_of()
        return output * waves(output, 2.3)

    def value_of():
        return terms().sum()

    with torch.enable_grad():
        gradients = gradients_of(value_of(), parameters)
    step = STEPS[gradients[0].dtype]
    # A deep network's outputs are off by more than the last digit.
    rounding = 8 * torch.finfo(gradients[0].dtype).eps * terms().abs().sum().item() / step
    for (name, tensor), gradient in zip(parameters.items(), gradients):
        direction = waves(tensor, 1.7) * tensor.detach().abs().mean().clamp(min=1e-2)
        ahead, behind = (moved(value_of, [tensor], [direction], sign * step) for sign in (1, -1))
        difference, parts = (ahead - behind).item() / (2 * step), gradient * direction
        if abs(difference - parts.sum().item()) > 0.1 * parts.norm().item() + rounding:
            return [f"along one direction of {shown(name)} autograd's derivative is {parts.sum().item():.3g}, a difference of outputs "
                    f"{difference:.3g}: if the model detaches a value (detach, no_grad, a backward of its own), the file does not say so, "
                    "and the kernel is that of all derivatives"]
    return []


def require_parameters(graph, parameters):
    """In the file, by name and value."""
    for name, tensor in parameters.items():
        if name not in graph.initializers:
            raise Refusal(BAD_INPUT, f"the parameter {shown(name)} is not in the file: the exporter has folded or renamed it: the model must "
                                     "use it as it is (there are " + listed(graph.initializers) + ")")
        held = graph.initializers[name]
        if held is not None and bytes(held) != tensor.detach().cpu().contiguous().numpy().tobytes():
            raise Refusal(BAD_INPUT, f"the parameter {shown(name)} has other values in the file than in the model: the exporter has fused it")


def notes_on_others(graph, model):
    """A part of a parameter's use may have been folded into a tensor of the exporter's."""
    own = {*model.state_dict(), *(name for name, _ in model.named_buffers())}
    others = [name for name in graph.initializers if name not in own]
    return [f"tensors in the file that the model has not: {listed(others)}: constants, or parameters that were folded"] if others else []


def require_no_training(graph):
    """A layer of evaluation leaves no Dropout in the file."""
    for node in graph.nodes:
        if node.op_type == "Dropout" or node.op_type == "BatchNormalization" and node.integers.get("training_mode"):
            raise Refusal(BAD_INPUT, f"{node.op_type} {shown(node.outputs[0])} is in training mode after eval(): the model calls it so "
                                     "(training=True)")


def require_samples_apart(output, alone):
    """The first sample's output among the others, and by itself."""
    away = (output[:1] - alone).abs().max()
    if not away <= SAME[output.dtype] * output.abs().max():
        raise Refusal(BAD_INPUT, "the first sample has another output by itself than among the others: the model is random (Dropout), or "
                                 "its samples meet (statistics of the batch)")


def probabilities(graph):
    """(operator, the logits' name) of a model that ends so; None of others."""
    makers = {name: node for node in graph.nodes for name in node.outputs}
    node = makers.get(graph.outputs[0])
    while node and node.op_type in ARRANGING:
        node = makers.get(node.inputs[0])
    return (node.op_type, node.inputs[0]) if node and node.op_type in PROBABILITIES else None
