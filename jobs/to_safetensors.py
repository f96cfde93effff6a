#!/usr/bin/env python3
"""A checkpoint of PyTorch (.pt, .pth, .ckpt, ..) as safetensors, which `tangram kernel --model` reads.

    jobs/to_safetensors.py model.pt                        writes model.safetensors
    jobs/to_safetensors.py checkpoint.pt m.safetensors --key model_state_dict
    jobs/to_safetensors.py model.pt --metadata activation=tanh --metadata parameterization=standard

Reads what torch.save (any version), pickle.dump and numpy.savez wrote, with NumPy alone: PyTorch need not be there. Nothing in
the file is run or imported; classes that are not known are passed over and named. Which dictionary is the state_dict is told by what
is in it; where several may be, they are named and --key chooses. Metadata named like the options of `tangram kernel` become
their defaults.

Tensors that share memory in the checkpoint (tied weights) are written once where they are the same, and the metadata
`tangram.shared`, a JSON list of lists of names, says which belong together, so that nobody counts their gradients apart.
"""

import argparse
import json
import sys
from pathlib import Path

try:
    from checkpoints import choose, output, safetensors, sharing
    from checkpoints.archives import read_checkpoint
    from checkpoints.refusal import BAD_INPUT, USAGE, Refusal, listed, shown
except ImportError as error:
    print(f"to_safetensors: error: {error}: apt install python3-numpy, and run this with /usr/bin/python3", file=sys.stderr)
    sys.exit(4)


def parse_metadata(entries):
    metadata = {}
    for entry in entries:
        key, equals, value = entry.partition("=")
        if not key or not equals:
            raise Refusal(USAGE, f"--metadata '{entry}' is not KEY=VALUE")
        metadata[key] = value
    return metadata


def without_copies(state, metadata):
    """Leaves out what is written under another name already, and records which tensors belong together."""
    shared = sharing.groups(state.tensors)
    left_out = sharing.written_once(state.tensors, shared)
    for group in shared:
        again = [name for name in group if name in left_out]
        state.notes.append(f"{listed(group)} share their values" + (f"; written once, as {left_out[again[0]]}" if again else "")
                           + ": the kernel of a tied tensor needs the sum of its gradients, which a state_dict does not tell (ONNX does: jobs/export.py)")
    if shared:
        metadata["tangram.shared"] = json.dumps(shared)
    state.tensors = {name: tensor for name, tensor in state.tensors.items() if name not in left_out}


def convert(arguments, path):
    """Reads, chooses and writes; the State that was written."""
    metadata = parse_metadata(arguments.metadata)
    checkpoint = read_checkpoint(arguments.input)
    state = choose.choose(checkpoint.value, arguments.key, arguments.input)
    choose.require_readable(state, arguments.input)
    choose.with_dots(state)
    choose.without_prefixes(state)
    without_copies(state, metadata)
    unknown = [name for name in checkpoint.passed_over if not name.startswith(("torch.nn.", "__torch__."))]
    if unknown:
        state.notes.append(f"classes passed over: {listed(unknown)}")
    safetensors.require_names(state.tensors, arguments.input)
    try:
        output.write(path, safetensors.contents(state.tensors, metadata), arguments.overwrite)
    except UnicodeEncodeError:
        raise Refusal(BAD_INPUT, f"a tensor's name is no text ({arguments.input}): rename it") from None
    return state


def main():
    parser = argparse.ArgumentParser(description="A checkpoint of PyTorch as safetensors.")
    parser.add_argument("input", type=Path, metavar="MODEL.pt")
    parser.add_argument("output", type=Path, nargs="?", metavar="MODEL.safetensors")
    parser.add_argument("--key", "--entry", default="", metavar="NAME", help="the state_dict's name in a checkpoint; a.b for nested ones")
    parser.add_argument("--metadata", action="append", default=[], metavar="KEY=VALUE", help="may be repeated")
    parser.add_argument("--overwrite", action="store_true", help="replace an output that is there")
    arguments = parser.parse_args()
    path = arguments.output or arguments.input.with_suffix(".safetensors")
    try:
        state = convert(arguments, path)
    except Refusal as refusal:
        print(f"to_safetensors: error: {refusal}", file=sys.stderr)
        return refusal.code
    for name, tensor in state.tensors.items():
        print(f"{shown(name):<30} {tensor.dtype:<9} {' x '.join(map(str, tensor.shape))}")
    for note in state.notes:
        print(f"note: {note}")
    print(f"{len(state.tensors)} tensors in {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
