"""The formats round the pickles. Each reader gives a Checkpoint: the value, what was passed over, and what it is called.

zip        torch.save since 1.6: NAME/data.pkl, NAME/data/KEY one storage each, NAME/byteorder. TorchScript: with NAME/code/
older      torch.save before: five pickles (a magic number, the protocol, the machine, the value, the keys of storages), and
           then the storages, each after its number of elements
pickle     pickle.dump of tensors or arrays
npz        numpy.savez of arrays

The file is mapped: storages are slices of it, and only what is written out again is ever read.
"""

import math
import re
import struct
import zipfile
from dataclasses import dataclass

import numpy

from .refusal import BAD_INPUT, IO, Refusal, shown, two_lines
from .known import is_count, storage_type
from .unpickler import FAULTS, Reader, unpickle
from .values import DTYPES, Array, Damaged, Name, PassedOver, Storage

OLDER_MAGIC = 0x1950A86A20F9469CFC6C
OTHER_KINDS = {
    b"\x89HDF\r\n\x1a\n": "an HDF5 file: tangram reads it as it is",
    b"\x93NUMPY": "a NumPy array: tangram reads it as it is, as samples",
    b"\x1f\x8b": "compressed: gunzip it first",
}


@dataclass
class Checkpoint:
    value: object
    passed_over: dict  # {class: how often}
    script: bool = False  # TorchScript


def map_file(path):
    """The bytes of a file, mapped."""
    try:
        data = numpy.memmap(path, "u1", "r")
    except OSError as error:
        raise Refusal(IO, f"cannot read ({path}): {error.strerror or error}: name a file that can be read") from None
    except ValueError:
        raise Refusal(BAD_INPUT, f"the file is empty ({path}): save it again") from None
    return data.view(numpy.ndarray)


def read_checkpoint(path):
    """What torch.save, pickle.dump or numpy.savez put there."""
    return read_mapped(map_file(path), path)


def read_mapped(data, path):
    """The same of the bytes of the file; `path` is for messages."""
    start = bytes(data[:16])
    for magic, advice in OTHER_KINDS.items():
        if start.startswith(magic):
            raise Refusal(BAD_INPUT, f"no file of torch.save ({path}): it is {advice}")
    if len(data) > 9 and start[8:9] == b"{" and struct.unpack("<Q", start[:8])[0] < len(data):
        raise Refusal(BAD_INPUT, f"no file of torch.save ({path}): it is safetensors already: tangram kernel --model {path}")
    try:
        return read_bytes(data)
    except Damaged as damage:
        advice = damage.advice.format(path=shown(path, 200)) or f"copy it again, or, {two_lines(path)}"
        raise Refusal(BAD_INPUT, f"not a file of weights that can be read ({path}: {shown(damage, 200)}): {advice}") from None


def read_bytes(data, inner=False):
    """A Checkpoint of these bytes. `inner`: they lie inside another pickle, and may hold no third."""
    nested = None if inner else lambda raw: read_bytes(numpy.frombuffer(raw, "u1"), inner=True).value
    if bytes(data[:4]) == b"PK\x03\x04":
        return read_zip(data, nested)
    if bytes(data[257:262]) == b"ustar":
        raise Damaged("a tar archive: load it with PyTorch and save it again")
    reader = Reader(data)
    value, passed_over = unpickle(reader, None, nested)
    if isinstance(value, int) and value == OLDER_MAGIC:
        return read_older(data, reader, nested)
    return Checkpoint(value, passed_over)


# ---- zip


def members(data):
    """{name: its bytes} of a zip file; None for what is compressed, as TorchScript's code is and no storage ever."""
    found = {}
    try:
        with zipfile.ZipFile(Reader(data)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, *FAULTS) as fault:
        raise Damaged(f"a zip file without a table of contents, or cut short ({fault})") from None
    for entry in entries:
        start = entry.header_offset
        head = bytes(data[start:start + 30])
        if entry.compress_type != zipfile.ZIP_STORED:
            found[entry.filename] = None
            continue
        if len(head) < 30 or not head.startswith(b"PK\x03\x04"):
            raise Damaged(f"{shown(entry.filename)} is not where the table of contents has it")
        start += 30 + sum(struct.unpack("<HH", head[26:30]))
        if entry.file_size != entry.compress_size or start + entry.file_size > len(data):
            raise Damaged(f"{shown(entry.filename)} is cut short")
        found[entry.filename] = data[start:start + entry.file_size]
    return found


def read_zip(data, nested):
    files = members(data)
    packed = [name for name, raw in files.items() if raw is None and name.endswith((".npy", "data.pkl"))]
    if packed and packed[0].endswith(".npy"):
        raise Damaged("its arrays are compressed", "in Python, import numpy; numpy.savez('plain.npz', **numpy.load('{path}'))")
    if packed:
        raise Damaged(f"{shown(packed[0])} is compressed, which torch.save never does: pack it with zip -0")
    if files and all(name.endswith(".npy") for name in files):
        arrays = {name[:-4]: Array(read_npy(name, raw)) for name, raw in files.items()}
        if all(array.values is None for array in arrays.values()):
            raise Damaged("its arrays hold no numbers", "save arrays of float32 or float64 with numpy.savez")
        return Checkpoint(arrays, {})
    roots = [name[:-len("data.pkl")] for name in files if name.split("/")[1:] == ["data.pkl"] or name == "data.pkl"]
    if len(roots) != 1:
        raise Damaged("a zip file without data.pkl: not torch.save's")
    root = roots[0]
    byteorder = files.get(root + "byteorder")
    order = ">" if byteorder is not None and bytes(byteorder) == b"big" else "<"
    storages = {}

    def persistent(name):
        dtype, key, count = storage_name(name)
        if dtype is None:
            return PassedOver(key)
        if (key, dtype) not in storages:
            raw = files.get(f"{root}data/{key}")
            length = count * numpy.dtype(DTYPES[dtype][0]).itemsize
            if raw is None or len(raw) < length:
                raise Damaged(f"the storage data/{shown(key)} of {count} x {dtype} is not there, or is shorter")
            storages[key, dtype] = Storage(dtype, raw[:length], order)
        return storages[key, dtype]

    value, passed_over = unpickle(Reader(files[root + "data.pkl"]), persistent, nested)
    return Checkpoint(value, passed_over, any(name.startswith(root + "code/") for name in files))


def storage_name(name):
    """(dtype, key, number of elements) of ("storage", class, key, device, number, ..); dtype None for an unknown class."""
    if not isinstance(name, tuple) or len(name) < 5 or name[0] != "storage":
        raise Damaged("a storage that is not named as torch.save does")
    if not isinstance(name[2], str) or not is_count(name[4]):
        raise Damaged("a storage without a key or a size")
    dtype = storage_type(name[1])
    if dtype is None:
        return None, name[1].text if isinstance(name[1], Name) else "storage", name[4]
    return dtype, name[2], name[4]


NPY_HEADER = re.compile(rb"{'descr': '([<>|=]?(?:b1|[iu][1248]|f[248]|c8|c16))', 'fortran_order': (True|False), "
                        rb"'shape': \(((?:[0-9]{1,18}(?:, *|(?=\))))*)\),? *} *\n?")


def read_npy(name, raw):
    """An array of numbers in a .npz: magic, version, length of the header, the header, the values."""
    start = bytes(raw[:12])
    if start[:6] != b"\x93NUMPY" or start[6:7] not in (b"\x01", b"\x02", b"\x03"):
        raise Damaged(f"{shown(name)} is no NumPy array")
    first, form = (10, "<H") if start[6] == 1 else (12, "<I")
    end = first + struct.unpack(form, start[8:first].ljust(first - 8, b"\xff"))[0]
    header = NPY_HEADER.fullmatch(bytes(raw[first:min(end, first + 4096)]))
    if header is None:
        return None  # objects, records, strings
    dtype, shape = numpy.dtype(header[1].decode()), tuple(int(word) for word in header[3].split(b",") if word.strip())
    length = math.prod(shape) * dtype.itemsize
    if len(raw) - end < length or max(shape, default=0) >= 2**62 or len(shape) > 32:
        raise Damaged(f"{shown(name)} is cut short")
    return raw[end:end + length].view(dtype).reshape(shape, order="F" if header[2] == b"True" else "C")


# ---- before 1.6


def read_older(data, reader, nested):
    """After the magic number. The storages lie behind the value, so their places are known last."""
    protocol, _ = unpickle(reader)
    if protocol != 1001:
        raise Damaged("of a protocol of torch.save that is not known")
    machine, _ = unpickle(reader)
    order = ">" if isinstance(machine, dict) and machine.get("little_endian") is False else "<"
    storages, views = {}, []

    def persistent(name):
        if isinstance(name, tuple) and len(name) > 1 and name[0] == "module":
            return name[1]  # a class with its source text, which is passed over
        dtype, key, count = storage_name(name)
        if dtype is None:
            raise Damaged(f"a storage of the class {key}")
        storage = storages.setdefault(key, Storage(dtype, promised(count, dtype, data), order))
        if len(name) > 5 and isinstance(name[5], tuple):
            return part(storage, name[5], views)
        return storage

    value, passed_over = unpickle(reader, persistent, nested)
    keys, _ = unpickle(reader)
    place_storages(data, reader.tell(), keys, storages)
    for view, storage, first in views:
        view.raw = storage.raw[first:first + len(view.raw)]
    return Checkpoint(value, passed_over)


def promised(count, dtype, data):
    """Room of a storage whose bytes come later: as long as it will be, but not there yet (no memory is taken)."""
    length = count * numpy.dtype(DTYPES[dtype][0]).itemsize
    if length > len(data):
        raise Damaged(f"a storage of {count} x {dtype}, more than the file has")
    return data[:length]


def part(storage, view, views):
    """A storage that is a part (key, first element, number) of another, as PyTorch before 0.4 saved views."""
    if len(view) != 3 or not is_count(view[1]) or not is_count(view[2]):
        raise Damaged("a part of a storage without bounds")
    itemsize = numpy.dtype(DTYPES[storage.dtype][0]).itemsize
    first, length = view[1] * itemsize, view[2] * itemsize
    if first + length > len(storage.raw):
        raise Damaged("a part of a storage that ends behind it")
    made = Storage(storage.dtype, storage.raw[first:first + length], storage.byteorder)
    views.append((made, storage, first))
    return made


def place_storages(data, place, keys, storages):
    """Gives each storage its bytes: for each key the number of elements (int64), then the elements."""
    if not isinstance(keys, list):
        raise Damaged("no list of storages")
    missing = set(storages)
    for key in keys:
        storage = storages.get(key) if isinstance(key, str) else None
        if storage is None:
            raise Damaged(f"the storage {shown(key)} is in the list, but no tensor is of it")
        (count,) = struct.unpack(storage.byteorder + "q", bytes(data[place:place + 8]).ljust(8, b"\xff"))
        length = len(storage.raw)
        if count * numpy.dtype(DTYPES[storage.dtype][0]).itemsize != length or place + 8 + length > len(data):
            raise Damaged("the file is cut short, or a storage has another size than its tensors say")
        storage.raw = data[place + 8:place + 8 + length]
        place += 8 + length
        missing.discard(key)
    if missing:
        raise Damaged("a storage that is not in the file")
