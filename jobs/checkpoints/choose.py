"""Which of the dictionaries in a checkpoint is the state_dict, and what its tensors are called.

Told by what is in it, not by its name: a dictionary of tensors by strings, at least one of them a floating matrix. What an optimizer
keeps (a dictionary beside param_groups) has the shapes of the weights and is none.
"""

import re
from dataclasses import dataclass, field

from .refusal import BAD_INPUT, Refusal, listed, shown, two_lines
from .values import DTYPES, FLOATING, PassedOver, as_tensor, kind

PREFIXES = ("module.", "_orig_mod.", "model.")
DEEPEST = 40
MOST_PLACES = 1_000_000
MOST_MODULES = 100_000
ALL = "."  # the name of the outermost dictionary


@dataclass
class State:
    """Tensors by name, what in the same dictionary is none, and how all this was found."""

    tensors: dict
    others: dict = field(default_factory=dict)  # {name: value}
    notes: list = field(default_factory=list)


# ---- walking through what was read


def as_text(name):
    """A dictionary's key as --key has it; Python 2 wrote some as bytes."""
    return name.decode("latin-1") if isinstance(name, bytes) else str(name)


def entries(value):
    """[(name, value)] of what a value holds."""
    if isinstance(value, dict):
        return value.items()
    if isinstance(value, (list, tuple)):
        return ((index, element) for index, element in enumerate(value) if not isinstance(element, (int, float, str)))
    if isinstance(value, PassedOver):
        inner = [*(value.entries or {}).items(), *enumerate(value.elements or [])]
        return [*inner, *(value.state.items() if isinstance(value.state, dict) else [("state", value.state)])]
    return []


def walk(root, skip=lambda value: False):
    """(path, value) of everything in root, each thing once, the outer before the inner."""
    waiting, seen = [((), root)], set()
    for path, value in waiting:  # grows while it is gone through
        if id(value) in seen or len(path) > DEEPEST or len(waiting) > MOST_PLACES:
            continue
        seen.add(id(value))
        yield path, value
        if not skip(value):
            waiting += [((*path, name), inner) for name, inner in entries(value)
                        if isinstance(inner, (dict, list, tuple, PassedOver))]


def at(root, key, path):
    """What the name a.b.c leads to; entries may have dots in their names."""
    value, rest = root, "" if key == ALL else key
    while rest:
        there = {as_text(name): inner for name, inner in entries(value) if isinstance(name, (str, bytes, int))}
        fitting = [name for name in there if rest == name or rest.startswith(name + ".")]
        if not fitting:
            listing = f"there is {listed(there)}" if there else f"it is inside a {kind(value)}"
            raise Refusal(BAD_INPUT, f"no entry {shown(rest)} ({path}): {listing}")
        name = max(fitting, key=len)
        value, rest = there[name], rest[len(name) + 1:]
    return value


# ---- the kinds of state


def is_module(value):
    """torch.nn.Module as torch.save(model) has it."""
    return isinstance(value, PassedOver) and isinstance(value.state, dict) and isinstance(value.state.get("_modules"), dict) \
        and isinstance(value.state.get("_parameters"), dict)


def is_script(value):
    return isinstance(value, PassedOver) and value.text.startswith("__torch__.") and isinstance(value.state, dict)


def parts_of(module):
    """(own tensors by name, modules inside by name) of a module, as state_dict() has them."""
    state = module.state
    if not is_module(module):
        return state, state
    buffers = state.get("_buffers") if isinstance(state.get("_buffers"), dict) else {}
    passing = state.get("_non_persistent_buffers_set")
    kept = {name: value for name, value in buffers.items() if not isinstance(passing, list) or name not in passing}
    return {**state["_parameters"], **kept}, state["_modules"]


def of_module(root):
    """{name: tensor} of a module and those inside it; what is used twice has two names."""
    tensors, waiting = {}, [("", root)]
    for prefix, module in waiting:
        if len(waiting) > MOST_MODULES or prefix.count(".") > DEEPEST:
            return {}
        own, inner = parts_of(module)
        for name, value in own.items():
            tensor = as_tensor(value)
            if tensor is not None:
                tensors[f"{prefix}{name}"] = tensor
        waiting += [(f"{prefix}{name}.", value) for name, value in inner.items() if is_module(value) or is_script(value)]
    return tensors


def of_dictionary(value):
    """A State of a dictionary's own entries; a PassedOver is one where it is a subclass of dict."""
    tensors, others = {}, {}
    for name, inner in value.items() if isinstance(value, dict) else value.entries.items():
        tensor = as_tensor(inner)
        (others if tensor is None or not isinstance(name, str) else tensors)[name] = inner if tensor is None else tensor
    return State(tensors, others)


def of_list(values):
    """A list of parameters: a matrix and perhaps a vector for each layer, in order; None where it is not that."""
    names, layer = {}, -1
    for value in values:
        tensor, before = as_tensor(value), names.get(f"{layer}.weight")
        if tensor is not None and len(tensor.shape) == 2:
            layer += 1
            names[f"{layer}.weight"] = tensor
        elif tensor is not None and before is not None and tensor.shape == before.shape[:1] and f"{layer}.bias" not in names:
            names[f"{layer}.bias"] = tensor
        else:
            return None
    return State(names, {}, ["a list of tensors without names: called 0.weight, 0.bias, 1.weight, .. in its order"])


def is_network(tensors):
    return any(tensor.dtype in FLOATING and len(tensor.shape) >= 2 for tensor in tensors.values())


def is_optimizer(value):
    return isinstance(value, dict) and "param_groups" in value


def state_of(value):
    """The State that a value is by itself, or None."""
    if is_module(value) or is_script(value):
        note = f"a whole model of the class {shown(value.text)}: its tensors; what it does with them is not in the file" \
            if is_module(value) else "TorchScript: its tensors; what it does with them stays in its code"
        return State(of_module(value), {}, [note])
    if isinstance(value, dict) or isinstance(value, PassedOver) and value.entries:
        return of_dictionary(value)
    if isinstance(value, (list, tuple)) and value:
        return of_list(value)
    return None


# ---- the choice


def candidates(root):
    """{path: State} of everything that has the tensors of a network; those in lists only where there is no other."""
    found = {}
    for path, value in walk(root, lambda value: is_optimizer(value) or is_module(value) or is_script(value)):
        state = None if is_optimizer(value) or isinstance(value, (list, tuple)) and path else state_of(value)
        if state is not None and is_network(state.tensors):
            found[path] = state
    outside = {path: state for path, state in found.items() if all(isinstance(name, str) for name in path)}
    return merged(outside or found)


def merged(found):
    """Dictionaries of one layer each (layer1: {weight, bias}, ..) as one, called layer1.weight, .."""
    leaves = all(path and not state.notes and all("." not in name for name in state.tensors) for path, state in found.items())
    parents = {path[:-1] for path in found}
    if len(found) < 2 or not leaves or len(parents) > 1 or max(len(state.tensors) for state in found.values()) > 2:
        return found
    tensors = {f"{as_text(path[-1])}.{name}": tensor for path, state in found.items() for name, tensor in state.tensors.items()}
    return {parents.pop(): State(tensors, {}, ["a dictionary for each layer, put together"])}


def choose(root, key, path):
    """The State that is meant, or a Refusal that names those that may be."""
    value = at(root, key, path)
    found = candidates(value)
    if () in found and (key or not any(is_network(other.tensors) for name, other in found.items() if name)):
        found = {(): found[()]}
    if len(found) > 1:
        names = [".".join((*([key] if key else []), *map(as_text, name))) or ALL for name in found]
        raise Refusal(BAD_INPUT, f"{len(found)} dictionaries with the tensors of a network ({path}): say which with --key: "
                                 f"{', '.join(shown(name, 200) for name in names[:12])}")
    if found:
        (inner, state), = found.items()
        if inner:
            beside = [name for name, _ in entries(value) if name != inner[0]] if isinstance(value, dict) else []
            state.notes.insert(0, f"the state_dict is the entry {shown('.'.join(map(as_text, inner)), 200)}"
                                  + (f" (beside {listed(beside)})" if beside else ""))
        return state
    state = state_of(value)
    if state is not None:
        require_readable(state, path)
    if state is None or not state.tensors:
        raise Refusal(BAD_INPUT, no_network(value, path))
    return state


def no_network(value, path):
    if is_optimizer(value):
        return f"what an optimizer keeps, not a network's tensors ({path}): save model.state_dict()"
    classes = sorted({inner.text for _, inner in walk(value) if isinstance(inner, PassedOver)})
    if isinstance(value, dict) and value and not classes:
        return (f"no tensors by name in it ({path}; there is {listed(value)}): in Python, numpy.savez('m.npz', **{{'0.weight': W, '0.bias': b}})"
                " with the arrays of all layers, weights as (out, in)")
    if isinstance(value, PassedOver) or isinstance(value, dict) and value:
        seen = f" (of classes that are not read: {listed(classes)})" if classes else ""
        return f"no tensors by name in it{seen} ({path}): {two_lines(path)}"
    if isinstance(value, dict):
        return f"no tensors ({path}): save model.state_dict()"
    return f"a {kind(value)}, not a state_dict ({path}): save model.state_dict()"


# ---- names


def require_readable(state, path):
    """Every tensor is one that safetensors has; what is no tensor is named."""
    for name, tensor in state.tensors.items():
        if DTYPES[tensor.dtype][1] is None:
            raise Refusal(BAD_INPUT, f"{shown(name)} is no dense tensor of real numbers ({path}): it is {tensor.dtype}, convert it before "
                                     "saving")
    for name, value in state.others.items():
        for _, inner in walk(value):  # quantized weights lie in tuples
            if isinstance(inner, PassedOver) and re.match(r"torch\..*(tensor|Storage)", inner.text):
                raise Refusal(BAD_INPUT, f"{shown(name)} is no dense tensor of real numbers ({path}): it is made by {shown(inner.text)}, "
                                         "convert it before saving")
    if state.others:
        listing = [f"{shown(name)} ({kind(value)})" for name, value in state.others.items()]
        state.notes.append(f"passed over, as no tensors: {listed(listing)}")


def with_dots(state):
    """Names of paths, as Flax and Haiku have them (params/Dense_0/kernel), with dots as PyTorch's."""
    renamed = {name.replace("/", "."): tensor for name, tensor in state.tensors.items()}
    if any("/" in name for name in state.tensors) and len(renamed) == len(state.tensors):
        state.tensors = renamed
        state.notes.append("'/' in names is written as '.'")


def without_prefixes(state):
    """Drops module., _orig_mod., model. where every tensor has it and a module is left in its name."""
    dropped, tensors = "", state.tensors
    while tensors:
        prefix = next((p for p in PREFIXES if all(name.startswith(p) and "." in name[len(p):] for name in tensors)), None)
        if prefix is None:
            break
        tensors = {name[len(prefix):]: tensor for name, tensor in tensors.items()}
        dropped += prefix
    state.tensors = tensors
    if dropped:
        state.notes.append(f"all names began with {dropped}, which is dropped")
    return state
