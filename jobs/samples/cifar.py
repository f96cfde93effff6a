"""CIFAR-10 and CIFAR-100, in their binary files (data_batch_1.bin) and their pickled ones (data_batch_1, train).

Binary: a record is the class (CIFAR-100: the coarse, then the fine one), a byte each, then 3072 bytes: 32 x 32 of red, of green, of blue.
"""

from checkpoints.refusal import BAD_INPUT, Refusal
from checkpoints.values import as_tensor

from .arrays import numbers

PIXELS = 3 * 32 * 32
CLASSES = {PIXELS + 1: [10], PIXELS + 2: [20, 100]}  # record length: how many classes each leading byte may name


def from_binary(data, path):
    """(samples (N, 3, 32, 32), labels (N)) of the file's bytes."""
    for length, classes in CLASSES.items():
        if len(data) % length == 0 and len(data):
            records = data.reshape(-1, length)
            if all((records[:, place] < most).all() for place, most in enumerate(classes)):
                return records[:, len(classes):].reshape(-1, 3, 32, 32), records[:, len(classes) - 1].astype("i8")
    raise Refusal(BAD_INPUT, f"no binary file of CIFAR's, whose records have {PIXELS + 1} or {PIXELS + 2} bytes ({path}, {len(data)} bytes): "
                             "name a data_batch_N.bin, or numpy.save the samples")


def from_pickle(value):
    """The same of what was pickled, {data, labels or fine_labels, ..}; None where it is no batch of CIFAR's."""
    if not isinstance(value, dict):
        return None
    entries = {name.decode("latin-1") if isinstance(name, bytes) else name: inner for name, inner in value.items()}
    data, labels = as_tensor(entries.get("data")), numbers(entries.get("fine_labels", entries.get("labels")))
    if data is None or labels is None or data.dtype != "uint8" or data.shape != (len(labels), PIXELS):
        return None
    return data.view().reshape(-1, 3, 32, 32), labels
