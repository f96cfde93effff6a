"""A model as the bytes of an ONNX file, whole: nothing folded, every tensor under its own name.

PyTorch's older exporter traces the model; 1.13 has it, and later versions have it as dynamo=False. Where it is gone, the newer one is
asked to leave the graph as it is: that part was written by its documentation and was not run.
"""

import inspect
import io
import warnings
from pathlib import Path

import torch

from checkpoints.refusal import BAD_INPUT, Refusal, shown

# The newest that 1.13 knows; without a LayerNormalization of their own, norms are written out, where it cannot be used: it has no
# place for one that has no weight.
OPSETS = (17, 16)


def by_tracing(model, inputs, names, known, opset):
    """Traced with one sample, for a number that the model takes from the size of its batch is then right for one."""
    buffer = io.BytesIO()
    later = {"dynamo": False} if "dynamo" in known else {}
    torch.onnx.export(model, tuple(part[:1] for part in inputs), buffer, training=torch.onnx.TrainingMode.PRESERVE,
                      do_constant_folding=False, opset_version=opset, input_names=names[:-1], output_names=names[-1:],
                      dynamic_axes={name: {0: "samples"} for name in names}, **later)
    return buffer.getvalue()


def by_dynamo(model, inputs, names):
    """Not run here. Two samples, for this exporter takes a size of one as fixed."""
    axes = tuple({0: torch.export.Dim("samples")} for _ in inputs)
    pair = tuple(torch.cat([part, part])[:2] for part in inputs)
    program = torch.onnx.export(model, pair, dynamo=True, optimize=False, opset_version=OPSETS[0], dynamic_shapes=axes,
                                input_names=names[:-1], output_names=names[-1:])
    return program.model_proto.SerializeToString()


def by_any_opset(model, inputs, names, known):
    for opset in OPSETS[:-1]:
        try:
            return by_tracing(model, inputs, names, known, opset)
        except Exception as error:  # exporters raise whatever they meet
            if "LayerNormalization" not in str(error):
                raise
    return by_tracing(model, inputs, names, known, OPSETS[-1])


def to_onnx(model, inputs, names):
    """(bytes, notes). `names`: those of the inputs, then the output's."""
    known = inspect.signature(torch.onnx.export).parameters
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            data = by_any_opset(model, inputs, names, known) if "training" in known else by_dynamo(model, inputs, names)
        except Exception as error:  # exporters raise whatever they meet
            raise Refusal(BAD_INPUT, f"torch cannot export the model: {type(error).__name__}: {shown(error, 300)}") from error
    own = str(Path(torch.__file__).parent)  # what torch's layers do while they are traced is no news
    traced = {str(w.message).splitlines()[0]: None for w in caught
              if issubclass(w.category, torch.jit.TracerWarning) and not w.filename.startswith(own)}
    return data, [f"torch, while it traced the first sample: {shown(text, 200)}" for text in traced]
