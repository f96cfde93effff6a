"""What the command line names: a function that makes the model, its checkpoint, samples and labels."""

import importlib
import os
import sys
from pathlib import Path

import h5py
import numpy
import torch

from checkpoints.refusal import BAD_INPUT, IO, USAGE, Refusal, listed, shown

HOLDERS = ("state_dict", "model_state_dict", "model")


def make_model(text):
    """The model of MODULE:FUNCTION; modules of the current folder come first."""
    module, colon, function = text.partition(":")
    if not colon:
        raise Refusal(USAGE, f"'{text}' is not MODULE:FUNCTION")
    sys.path.insert(0, os.getcwd())
    try:
        model = getattr(importlib.import_module(module), function)()
    except (ImportError, AttributeError) as error:
        raise Refusal(USAGE, f"cannot make the model ({shown(text)}): {error}") from error
    if not isinstance(model, torch.nn.Module):
        raise Refusal(BAD_INPUT, f"{shown(text)} gave a {type(model).__name__}, no torch.nn.Module")
    return model


def torch_load(path):
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise Refusal(IO, f"cannot read ({path}): {error.strerror}: name a file that can be read") from None
    except Exception as error:  # whatever a file that is none makes of it
        raise Refusal(BAD_INPUT, f"torch does not read it ({path}): {shown(error, 200)}: save tensors only, as model.state_dict()") from error


def load_checkpoint(model, path):
    """Puts a state_dict into the model, which becomes float64 where all of that is."""
    state = torch_load(path)
    for name in HOLDERS:
        state = state[name] if isinstance(state, dict) and isinstance(state.get(name), dict) else state
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise Refusal(BAD_INPUT, f"no state_dict ({path}): torch.save(model.state_dict(), ..)")
    if {value.dtype for value in state.values() if value.is_floating_point()} == {torch.float64}:
        model.double()
    torch.nn.modules.utils.consume_prefix_in_state_dict_if_present(state, "module.")
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise Refusal(BAD_INPUT, f"the checkpoint is not this model's ({path}): {shown(' '.join(str(error).split()), 400)}") from None


def by_name(found, name, path):
    """The array that is asked for, of {name: array}; the only one where none is."""
    if name in found:
        return found[name]
    if name or len(found) != 1:
        raise Refusal(USAGE, f"{'no ' + shown(name) if name else 'several arrays'} ({path}): name one of {listed(found)}, as FILE:NAME")
    return next(iter(found.values()))


def read_hdf5(path, name):
    with h5py.File(path, "r") as file:
        found = {}
        file.visititems(lambda key, item: found.update({key: item}) if isinstance(item, h5py.Dataset) else None)
        return by_name(found, name.strip("/"), path)[()]


def read_array(text):
    """The array of FILE or FILE:NAME."""
    path, name = (text, "") if Path(text).exists() else (text.rpartition(":")[0] or text, text.rpartition(":")[2] if ":" in text else "")
    if not Path(path).exists():
        raise Refusal(IO, f"no such file ({path}): name one that is there")
    if h5py.is_hdf5(path):
        return read_hdf5(path, name)
    try:
        read = numpy.load(path, allow_pickle=False) if Path(path).suffix in (".npy", ".npz") else torch_load(path)
    except ValueError as error:
        raise Refusal(BAD_INPUT, f"numpy does not read it ({path}): {shown(error, 200)}") from None
    if isinstance(read, (numpy.ndarray, torch.Tensor)):
        return read
    items = read.items() if hasattr(read, "items") else enumerate(read)
    return by_name({str(key): value for key, value in items}, name, path)
