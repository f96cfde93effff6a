"""Parameter tensors by the layers that their names tell, so that a figure of many tensors can still be read.

A few tensors stand each for itself. Of more, a group is a layer, the name before the last dot: `layer1.conv1` of `layer1.conv1.weight`.
Where there are too many layers it is as many parts of the name as leave few enough groups. Where these would be too few to show
anything, as of `net.0`, `net.1`, .., neighbours go together.
"""

MOST_TENSORS = 12  # each for itself
MOST_GROUPS = 20
FEWEST_GROUPS = 4


class Group:
    """Tensors that are summed, in the network's order, and what they are called together."""

    def __init__(self, name, tensors):
        self.name = name
        self.tensors = tensors


def layer_of(name, most_parts=None):
    """The name without its last part, or as many parts of that; a name of one part is a layer of its own."""
    return ".".join((name.split(".")[:-1] or [name])[:most_parts])


def by_layer(names, most_parts):
    found = {}
    for name in names:
        found.setdefault(layer_of(name, most_parts), []).append(name)
    return [Group(layer, tensors) for layer, tensors in found.items()]


def neighbours_joined(groups):
    count = -(-len(groups) // MOST_GROUPS)
    runs = [groups[first:first + count] for first in range(0, len(groups), count)]
    return [Group(run[0].name if len(run) == 1 else f"{run[0].name} .. {run[-1].name}", [name for group in run for name in group.tensors])
            for run in runs]


def grouped(names):
    """`names`: of tensors, in the network's order."""
    groups = [Group(name, [name]) for name in names]
    if len(names) <= MOST_TENSORS:
        return groups
    for most_parts in range(max(name.count(".") for name in names) or 1, 0, -1):
        layers = by_layer(names, most_parts)
        if len(layers) < FEWEST_GROUPS:
            break
        groups = layers
        if len(groups) <= MOST_GROUPS:
            break
    return neighbours_joined(groups)
