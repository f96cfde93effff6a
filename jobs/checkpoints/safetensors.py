"""{name: Tensor} in the format of huggingface/safetensors: u64 length, JSON, then the data without holes."""

import json
import struct

import numpy

from .output import blocks
from .refusal import BAD_INPUT, Refusal, shown
from .values import DTYPES


def require_names(tensors, path):
    """Names that the format keeps for itself, or that no line of text can show, would be read as something else."""
    for name in tensors:
        reason = ("it is empty" if not name else "the format keeps it for itself" if name == "__metadata__" else
                  "it has line breaks or other control characters" if any(ord(letter) < 32 or 127 <= ord(letter) < 160 or letter in "\u2028\u2029"
                                                                         for letter in name) else "")
        if reason:
            raise Refusal(BAD_INPUT, f"a tensor cannot be named '{shown(name)}' in safetensors ({path}): {reason}: rename it where the "
                                     "state_dict is made")


def header(tensors, metadata):
    entries, end = {"__metadata__": metadata} if metadata else {}, 0
    for name, tensor in sorted(tensors.items()):
        element, dtype = DTYPES[tensor.dtype]
        length = tensor.size * numpy.dtype(element).itemsize
        entries[name] = {"dtype": dtype, "shape": list(tensor.shape), "data_offsets": [end, end + length]}
        end += length
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text


def contents(tensors, metadata):
    yield header(tensors, metadata)
    for _, tensor in sorted(tensors.items()):
        yield from blocks(tensor.view())
