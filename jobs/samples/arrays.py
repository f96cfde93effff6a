"""One or two of the arrays in a checkpoint, by name: a tensor, a dictionary, tuple or TensorDataset of them."""

import numpy

from checkpoints.choose import as_text, at, entries, walk
from checkpoints.refusal import BAD_INPUT, Refusal, listed, shown
from checkpoints.values import Array, Tensor, kind


def numbers(value):
    """A list of numbers, such as CIFAR's labels, as an array; None where it is none."""
    if not isinstance(value, (list, tuple)) or not value or not all(type(element) in (int, float, bool) for element in value):
        return None
    try:
        made = numpy.array(value)
    except OverflowError:
        return None
    return made if made.dtype.kind in "bif" else None


def values_of(value):
    """The NumPy array that a value is, or None; bfloat16 as float32."""
    if isinstance(value, Tensor):
        view = value.view()
        return (view.astype("u4") << 16).view("f4") if value.dtype == "bfloat16" else view
    if isinstance(value, Array):
        return value.values
    return numbers(value)


def is_array(value):
    return isinstance(value, Tensor) or isinstance(value, Array) and value.values is not None or numbers(value) is not None


def named(root):
    """{name: value} of all arrays in root."""
    found = {}
    for path, value in walk(root, lambda value: numbers(value) is not None):
        for name, inner in entries(value):
            if is_array(inner):
                found[".".join(map(as_text, (*path, name)))] = inner
    return found


def described(name, value):
    shape = value.shape if isinstance(value, Tensor) else numpy.shape(values_of(value))
    return f"{shown(name)} ({' x '.join(map(str, shape)) or 'one number'})"


def by_name(root, key, path):
    value = at(root, key, path)
    if not is_array(value):
        inner = named(value)
        raise Refusal(BAD_INPUT, f"{shown(key)} is a {kind(value)}, not an array ({path}): "
                                 + (f"there is {listed([f'{key}.{name}' for name in inner])}" if inner else "name another entry"))
    return values_of(value)


def choose(root, key, labels, path):
    """(samples, labels or None): what --key and --labels name, or the only array that there is."""
    if not key:
        found = {"": root} if is_array(root) else named(root)
        without = {name: value for name, value in found.items() if not labels or name != labels}
        if len(without) != 1:
            there = "; ".join(described(name, value) for name, value in list(found.items())[:8])
            raise Refusal(BAD_INPUT, f"{len(found)} arrays ({path}): " + (f"say which with --key NAME (and --labels NAME): {there}" if found else
                          "save the samples by themselves, numpy.save('X.npy', X.numpy())"))
        (value,) = without.values()
        samples = values_of(value)
    else:
        samples = by_name(root, key, path)
    return samples, by_name(root, labels, path) if labels else None
