"""The closed table of functions that a pickle may call: each is short, checks its arguments and builds one of values.py.

Whatever else a pickle names becomes a PassedOver that carries the name; nothing is imported.
"""

import re

import numpy

from .values import DTYPES, Array, Damaged, ElementType, Name, PassedOver, Storage, Tensor

STORAGES = {
    "DoubleStorage": "float64", "FloatStorage": "float32", "HalfStorage": "float16", "BFloat16Storage": "bfloat16",
    "LongStorage": "int64", "IntStorage": "int32", "ShortStorage": "int16", "CharStorage": "int8", "ByteStorage": "uint8",
    "BoolStorage": "bool", "ComplexFloatStorage": "complex64", "ComplexDoubleStorage": "complex128", "UntypedStorage": "uint8",
}
LARGEST_EXPANDED = 2**24  # elements of a tensor that has more of them than its storage


def is_count(value):
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**62


def counts(values, what):
    if not isinstance(values, (tuple, list)) or len(values) > 32 or not all(is_count(value) for value in values):
        raise Damaged(f"{what} that are no sizes")
    return tuple(values)


def storage_type(name):
    """The element type of a storage that a pickle names, as "torch.FloatStorage"; None for one that is not known."""
    text = name.text if isinstance(name, Name) else ""
    return STORAGES.get(text.rsplit(".", 1)[-1]) if text.startswith(("torch.", "torch.storage.")) else None


def tensor(storage, offset, shape, strides, dtype=None):
    """A view, held against the bounds of its storage."""
    if isinstance(storage, PassedOver):
        return PassedOver(storage.text)
    if not isinstance(storage, Storage) or not is_count(offset):
        raise Damaged("a tensor without a storage")
    shape, strides = counts(shape, "shapes"), counts(strides, "strides")
    if len(shape) != len(strides):
        raise Damaged("a tensor with more strides than dimensions, or fewer")
    made = Tensor(storage, dtype or storage.dtype, offset, shape, strides)
    count = storage.count(made.dtype)
    if made.last >= count:
        raise Damaged(f"a tensor that ends at element {made.last + 1} of a storage of {count}")
    if made.size > max(count, LARGEST_EXPANDED):
        raise Damaged(f"a tensor of {made.size} elements in a storage of {count} (expanded: clone it before saving)")
    return made


def rebuild_tensor(machine, arguments):
    """torch._utils._rebuild_tensor, _v2: (storage, offset, shape, strides, requires_grad, hooks[, metadata])"""
    return tensor(*arguments[:4])


def rebuild_tensor_v3(machine, arguments):
    """(storage, offset, shape, strides, requires_grad, hooks, dtype, metadata)"""
    dtype = arguments[6].text.rsplit(".", 1)[-1] if isinstance(arguments[6], Name) else ""
    return tensor(*arguments[:4], dtype) if dtype in DTYPES else PassedOver(f"tensor of {dtype}")


def rebuild_parameter(machine, arguments):
    """(data, requires_grad, hooks)"""
    return arguments[0]


def rebuild_from_type(machine, arguments):
    """torch._tensor._rebuild_from_type_v2: (function, type, arguments, state)"""
    return machine.call(arguments[0], arguments[2])


def load_from_bytes(machine, arguments):
    """torch.storage._load_from_bytes: a storage that pickle.dump wrote, itself a file of torch.save."""
    machine.spend(len(arguments[0]))
    return machine.nested(arguments[0])


def dictionary(machine, arguments):
    made = {}
    pairs = arguments[0] if arguments else []
    machine.spend(len(pairs))
    for pair in pairs.items() if isinstance(pairs, dict) else pairs:
        machine.set_item(made, *pair)
    return made


def default_dictionary(machine, arguments):
    return dictionary(machine, arguments[1:2])


def elements(machine, arguments):
    """A set, a frozenset, a list or a tuple: what is in it, as a list."""
    values = arguments[0] if arguments and isinstance(arguments[0], (list, tuple)) else []
    machine.spend(len(values))
    return list(values)


def size(machine, arguments):
    return tuple(elements(machine, arguments))


def encode(machine, arguments):
    """_codecs.encode: the bytes of a Python 2 string."""
    text, encoding = arguments
    if encoding not in ("latin1", "latin-1") or not isinstance(text, str):
        raise Damaged("a string in another encoding than Latin 1")
    machine.spend(len(text))
    return text.encode("latin-1")


def byte_array(machine, arguments):
    return raw_bytes(machine, arguments[0] if arguments else b"")


def raw_bytes(machine, value):
    """Bytes, also where Python 2 wrote them as a string."""
    if isinstance(value, str):
        return encode(machine, (value, "latin-1"))
    if not isinstance(value, (bytes, bytearray)):
        raise Damaged("no bytes where an array has its values")
    return value


def numpy_dtype(machine, arguments):
    text = arguments[0]
    if isinstance(text, str) and re.fullmatch(r"[<>=|]?(b1|[iu][1248]|f[248]|c8|c16|[SU][0-9]{1,6})", text):
        return ElementType(text.lstrip("<>=|"), text[0] if text[0] in "<>" else "=")
    return PassedOver("numpy.dtype")


def numpy_array(machine, arguments):
    return Array()


def filled(machine, element, shape, fortran, raw):
    shape = counts(shape, "shapes")
    values = numpy.frombuffer(raw_bytes(machine, raw), element.numpy())
    return values.reshape(shape, order="F" if fortran else "C")


def numpy_frombuffer(machine, arguments):
    """numpy.core.numeric._frombuffer: (bytes, dtype, shape, order)"""
    raw, element, shape, order = arguments
    return Array(filled(machine, element, shape, order == "F", raw)) if isinstance(element, ElementType) else PassedOver("numpy.ndarray")


def numpy_scalar(machine, arguments):
    element, raw = arguments
    if not isinstance(element, ElementType):
        return PassedOver("numpy scalar")
    return numpy.frombuffer(raw_bytes(machine, raw), element.numpy(), 1)[0].item()


def tensor_from_numpy(machine, arguments):
    """torch._utils._rebuild_device_tensor_from_numpy: (array, dtype, device, requires_grad)"""
    return arguments[0]


def numpy_names(name, function):
    """One function of NumPy under the names that versions 1 and 2 give it."""
    return {f"numpy.core.{name}": function, f"numpy._core.{name}": function}


KNOWN = {
    "collections.OrderedDict": dictionary, "collections.Counter": dictionary, "collections.defaultdict": default_dictionary,
    "torch._utils._rebuild_tensor": rebuild_tensor, "torch._utils._rebuild_tensor_v2": rebuild_tensor,
    "torch._utils._rebuild_tensor_v3": rebuild_tensor_v3, "torch._utils._rebuild_parameter": rebuild_parameter,
    "torch._utils._rebuild_parameter_with_state": rebuild_parameter, "torch._tensor._rebuild_from_type_v2": rebuild_from_type,
    "torch._utils._rebuild_device_tensor_from_numpy": tensor_from_numpy, "torch.storage._load_from_bytes": load_from_bytes,
    "torch.Size": size, "_codecs.encode": encode,
    "numpy.dtype": numpy_dtype, **numpy_names("multiarray._reconstruct", numpy_array),
    **numpy_names("multiarray.scalar", numpy_scalar), **numpy_names("numeric._frombuffer", numpy_frombuffer),
    **{f"{module}.{name}": function for module in ("builtins", "__builtin__")
       for name, function in {"dict": dictionary, "set": elements, "frozenset": elements, "list": elements, "tuple": size,
                              "bytes": byte_array, "bytearray": byte_array}.items()},
}


def build(machine, target, state):
    """BUILD: what an object is given after it was made. Of what is not known it is kept, and looked into later."""
    if isinstance(target, ElementType) and isinstance(state, tuple) and len(state) > 1:
        if state[1] in ("<", ">"):
            target.byteorder = state[1]
    elif isinstance(target, Array) and isinstance(state, tuple) and len(state) == 5:
        _version, shape, element, fortran, raw = state
        if isinstance(element, ElementType):
            target.values = filled(machine, element, shape, fortran, raw)
    elif isinstance(target, PassedOver):
        target.state = state
