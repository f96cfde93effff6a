#!/usr/bin/env python3
"""A PyTorch state_dict (.pt, .pth) as safetensors, which `tangram kernel --model` reads.

    jobs/to_safetensors.py model.pt                        writes model.safetensors
    jobs/to_safetensors.py checkpoint.pt m.safetensors --entry model_state_dict
    jobs/to_safetensors.py model.pt --metadata activation=tanh --metadata parameterization=standard

Needs PyTorch 1.13 or newer, and no safetensors package. Only weights are unpickled, never code, and whatever is not a
dense tensor is refused by name. Metadata named like the options of `tangram kernel` become their defaults.
"""

import argparse
import json
import os
import struct
import sys
from pathlib import Path

USAGE, BAD_INPUT, IO = 2, 3, 6


class Refusal(Exception):
    """What is wrong, and what to do; with the exit code."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def load(path):
    """What torch.save put there, weights only."""
    import torch  # late: it takes seconds, and --help needs none of it

    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise Refusal(IO, f"cannot read ({path}): {error.strerror or error}: name a file that can be read") from None
    except Exception as error:  # torch raises many kinds at what is no file of its own
        # Of what torch says, the reason; not its advice to load whatever it is.
        reason = " ".join(str(error).split("WeightsUnpickler error:")[-1].split()) or type(error).__name__
        raise Refusal(BAD_INPUT, f"not a file of weights alone ({path}; torch {torch.__version__}: {reason}): save the "
                                 "state_dict by itself, torch.save(model.state_dict(), FILE)") from None


def choose_entry(loaded, entry, path):
    """The state_dict in what was loaded: all of it, or the entry a.b.c of nested dictionaries."""
    for name in entry.split(".") if entry else []:
        if not isinstance(loaded, dict) or name not in loaded:
            there = ", ".join(map(str, loaded)) if isinstance(loaded, dict) else type(loaded).__name__
            raise Refusal(BAD_INPUT, f"no entry {name} ({path}): there is {there}")
        loaded = loaded[name]
    if not isinstance(loaded, dict):
        raise Refusal(BAD_INPUT, f"a {type(loaded).__name__}, not a state_dict ({path}): save model.state_dict()")
    return loaded


def require_tensors(state, path):
    import torch

    if not state:
        raise Refusal(BAD_INPUT, f"no tensors ({path}): save model.state_dict()")
    nested = [name for name, value in state.items() if isinstance(value, dict)]
    for name, value in state.items():
        if not isinstance(name, str):
            raise Refusal(BAD_INPUT, f"an entry named {name!r}, not by a string ({path}): save model.state_dict()")
        if not isinstance(value, torch.Tensor):
            hint = f"name the dictionary that has them with --entry ({', '.join(map(str, nested))}?)" if nested else \
                "save model.state_dict() by itself"
            raise Refusal(BAD_INPUT, f"{name} is a {type(value).__name__}, not a tensor ({path}): {hint}")
        if value.layout != torch.strided or value.is_quantized or value.is_complex() or value.device.type == "meta":
            raise Refusal(BAD_INPUT, f"{name} is no dense tensor of real numbers ({path}): convert it before saving")


def dtype_names():
    import torch

    return {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64",
            torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL"}


def to_bytes(tensor):
    """Row-major, little-endian, whatever this machine is."""
    import torch

    tensor = tensor.detach().contiguous()
    values = (tensor.view(torch.int16) if tensor.dtype == torch.bfloat16 else tensor).numpy()
    return values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()


def to_safetensors(state, metadata, path):
    """{name: tensor} in the format of huggingface/safetensors: u64 length, JSON, then the data without holes."""
    names = dtype_names()
    header, data = {}, []
    if metadata:
        header["__metadata__"] = metadata
    end = 0
    for name, tensor in sorted(state.items()):
        if tensor.dtype not in names:
            raise Refusal(BAD_INPUT, f"{name} is of {tensor.dtype}, which safetensors has not ({path}): convert it")
        data.append(to_bytes(tensor))
        header[name] = {"dtype": names[tensor.dtype], "shape": list(tensor.shape),
                        "data_offsets": [end, end + len(data[-1])]}
        end += len(data[-1])
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(data)


def write(path, content, overwrite):
    """Under another name first, so that a file of this name is whole."""
    if path.exists() and not overwrite:
        raise Refusal(USAGE, f"the output is there already ({path}): name another, or give --overwrite")
    partial = path.with_name(path.name + f".{os.getpid()}.partial")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise Refusal(IO, f"cannot write ({path}): {error.strerror}: choose another output") from None


def parse_metadata(entries):
    metadata = {}
    for entry in entries:
        key, equals, value = entry.partition("=")
        if not key or not equals:
            raise Refusal(USAGE, f"--metadata '{entry}' is not KEY=VALUE")
        metadata[key] = value
    return metadata


def main():
    parser = argparse.ArgumentParser(description="A PyTorch state_dict as safetensors.")
    parser.add_argument("input", type=Path, metavar="MODEL.pt")
    parser.add_argument("output", type=Path, nargs="?", metavar="MODEL.safetensors")
    parser.add_argument("--entry", default="", metavar="NAME", help="the state_dict's name in a checkpoint; a.b for nested ones")
    parser.add_argument("--metadata", action="append", default=[], metavar="KEY=VALUE", help="may be repeated")
    parser.add_argument("--overwrite", action="store_true", help="replace an output that is there")
    arguments = parser.parse_args()
    output = arguments.output or arguments.input.with_suffix(".safetensors")
    try:
        metadata = parse_metadata(arguments.metadata)
        state = choose_entry(load(arguments.input), arguments.entry, arguments.input)
        require_tensors(state, arguments.input)
        write(output, to_safetensors(state, metadata, arguments.input), arguments.overwrite)
    except Refusal as refusal:
        print(f"to_safetensors: error: {refusal}", file=sys.stderr)
        return refusal.code
    for name, tensor in state.items():
        print(f"{name:<30} {str(tensor.dtype)[6:]:<9} {' x '.join(map(str, tensor.shape))}")
    print(f"{len(state)} tensors in {output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
