"""Tensors of a checkpoint that lie on top of each other: tied weights, views of one another.

Their gradients belong to one and the same numbers, so that a kernel that counted them apart would be wrong.
"""

import numpy

EXACT = 32  # as many overlapping tensors are compared pair by pair


def span(tensor):
    """The addresses of its first byte and of the byte behind its last."""
    view = tensor.view()
    start = view.__array_interface__["data"][0]
    return start, start + (tensor.last - tensor.offset + 1) * view.dtype.itemsize


def same_view(a, b):
    strides = [s == t or n == 1 for n, s, t in zip(a.shape, a.strides, b.strides)]
    return span(a) == span(b) and (a.dtype, a.shape) == (b.dtype, b.shape) and all(strides)


def share(a, b):
    """Has any element of a the memory of one of b?"""
    try:
        return numpy.shares_memory(a.view(), b.view(), max_work=100_000)
    except (RuntimeError, ValueError, OverflowError):  # too hard to tell
        return True


def overlapping_runs(tensors):
    """Lists of names whose spans overlap, each with the next."""
    run, end = [], -1
    for first, last, name in sorted((*span(tensor), name) for name, tensor in tensors.items() if tensor.size):
        if first >= end:
            yield run
            run = []
        run.append(name)
        end = max(end, last)
    yield run


def groups(tensors):
    """[[name, ..]] of tensors that have elements in common, directly or through others."""
    found = []
    for run in overlapping_runs(tensors):
        parts = [] if len(run) <= EXACT else [run]
        for name in run if not parts else []:
            touching = [part for part in parts if any(share(tensors[name], tensors[other]) for other in part)]
            parts = [part for part in parts if part not in touching] + [sum(touching, [name])]
        found += [sorted(part) for part in parts if len(part) > 1]
    return sorted(found)


def written_once(tensors, shared):
    """{name: the name under which the same view is written} of the tensors that are left out."""
    left_out = {}
    for group in shared:
        written = {}
        for name in group:
            first = next((other for other in written.get(span(tensors[name]), []) if same_view(tensors[other], tensors[name])), None)
            if first is not None:
                left_out[name] = first
            else:
                written.setdefault(span(tensors[name]), []).append(name)
    return left_out
