"""What a checkpoint can hold, besides Python's own numbers, strings and containers."""

import math
from dataclasses import dataclass

import numpy

# The element types of torch's storages, by the name of the dtype: NumPy's type of the bytes, and safetensors' name (None:
# it has none that the program reads). bfloat16 is unknown to NumPy, and is held as 16 bits.
DTYPES = {
    "float64": ("f8", "F64"), "float32": ("f4", "F32"), "float16": ("f2", "F16"), "bfloat16": ("u2", "BF16"),
    "int64": ("i8", "I64"), "int32": ("i4", "I32"), "int16": ("i2", "I16"), "int8": ("i1", "I8"), "uint8": ("u1", "U8"),
    "bool": ("?", "BOOL"), "complex64": ("c8", None), "complex128": ("c16", None),
}
FLOATING = ("float64", "float32", "float16", "bfloat16")


class Damaged(ValueError):
    """A file that is not as PyTorch or NumPy write it; `advice`: what helps, where that is not to load it with PyTorch."""

    def __init__(self, text, advice=""):
        super().__init__(text)
        self.advice = advice


@dataclass(eq=False)
class Storage:
    """A run of elements of one type; `raw` is bytes in the machine's memory or in the mapped file."""

    dtype: str
    raw: numpy.ndarray  # (bytes), u1
    byteorder: str = "<"

    def count(self, dtype):
        """How many elements of this type it has room for."""
        return len(self.raw) // numpy.dtype(DTYPES[dtype][0]).itemsize


@dataclass(eq=False)
class Tensor:
    """A view of a storage: element (i, j, ..) is number offset + i stride_0 + j stride_1 + .. of it."""

    storage: Storage
    dtype: str
    offset: int
    shape: tuple
    strides: tuple  # in elements

    @property
    def size(self):
        return math.prod(self.shape)

    @property
    def last(self):
        """The number in the storage of the last element; offset - 1 where there is none."""
        return self.offset + sum((n - 1) * s for n, s in zip(self.shape, self.strides)) if self.size else self.offset - 1

    def view(self):
        """As NumPy sees it, in the file's byte order; bfloat16 as 16 bits."""
        element = numpy.dtype(DTYPES[self.dtype][0]).newbyteorder(self.storage.byteorder)
        if not self.size:
            return numpy.zeros(self.shape, element)
        strides = tuple(stride * element.itemsize for stride in self.strides)
        return numpy.ndarray(self.shape, element, self.storage.raw, self.offset * element.itemsize, strides)


@dataclass(eq=False)
class Name:
    """A class or function that a pickle names. Never imported."""

    text: str


@dataclass(eq=False)
class ElementType:
    """numpy.dtype as a pickle builds it: first the kind, then the byte order."""

    kind: str
    byteorder: str = "="

    def numpy(self):
        return numpy.dtype(self.kind).newbyteorder(self.byteorder)


@dataclass(eq=False)
class Array:
    """A NumPy array as a pickle builds it: first empty, then filled. None where it holds objects."""

    values: numpy.ndarray = None
    tensor: object = None  # the same as a tensor, made once, so that two names of one array stay two names of one tensor


@dataclass(eq=False, slots=True)
class PassedOver:
    """An object of a class that is not known: its name, and what it was made of, so that tensors in it can be found."""

    text: str
    arguments: tuple = ()
    state: object = None
    entries: dict = None  # of a dictionary's subclass
    elements: list = None  # of a list's subclass


def array_as_tensor(values):
    """A NumPy array as a tensor of its own storage, or None for an element type that torch has not."""
    for name, (element, _) in DTYPES.items():
        if name != "bfloat16" and values.dtype == numpy.dtype(element).newbyteorder(values.dtype.byteorder):
            values = numpy.ascontiguousarray(values)
            order = ">" if values.dtype.str[0] == ">" else "<"
            raw = values.reshape(-1).view("u1") if values.size else numpy.zeros(0, "u1")
            strides = tuple(math.prod(values.shape[axis + 1:]) for axis in range(values.ndim))
            return Tensor(Storage(name, raw, order), name, 0, values.shape, strides)
    return None


def as_tensor(value):
    """The tensor that a value is, or None."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, Array) and value.values is not None:
        value.tensor = value.tensor or array_as_tensor(value.values)
        return value.tensor
    return None


def kind(value):
    """What a value is, in a word."""
    if isinstance(value, (Tensor, Array)):
        return "Tensor" if isinstance(value, Tensor) else "NumPy array"
    return value.text.rsplit(".", 1)[-1] if isinstance(value, (PassedOver, Name)) else type(value).__name__
