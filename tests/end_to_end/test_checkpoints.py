"""jobs/to_safetensors.py: what torch.save wrote is read as torch reads it, and the state_dict is found by what is in it."""

import io
import json
import pickle
import re
import struct
import subprocess
import sys
import zipfile

import numpy

from bad_input_table import BAD_INPUT
from converters import archive, convert, metadata, need_torch, refused
from harness import each, read_safetensors


def save(values, path, how):
    """By torch.save in one of its two formats, or by pickle.dump."""
    torch = need_torch()
    if how == "pickle":
        path.write_bytes(pickle.dumps(values))
    else:
        torch.save(values, path, _use_new_zipfile_serialization=how == "zip")


FORMATS = {"zip": ("zip",), "before 1.6": ("older",), "pickle.dump": ("pickle",)}

# ---- values


@each(FORMATS)
def test_views_of_every_kind_are_read_as_torch_reads_them(folder, how):
    torch = need_torch()
    torch.manual_seed(5)
    base = torch.randn(7, 6, 5, dtype=torch.float64)
    views = {"base": base, "transposed": base.permute(2, 0, 1), "every.second": base[1::2, :, ::2], "offset": base[3, 2:],
             "one": base[2, 3, 4], "expanded": base[0, 0, :1].expand(4, 3), "empty": base[:0], "row": base[:, 0, 0],
             "own": torch.randn(3, 2, dtype=torch.float64).t()}
    save(views, folder / "m.pt", how)
    convert(folder / "m.pt")
    found = read_safetensors(folder / "m.safetensors")
    assert sorted(found) == sorted(views)
    for name, view in views.items():
        assert found[name].shape == tuple(view.shape) and (found[name] == view.numpy()).all(), name


@each({f"{dtype}, {how}": (dtype, *way) for how, way in FORMATS.items() for dtype in (
    "float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool")})
def test_every_element_type_keeps_its_bits(folder, dtype, how):
    torch = need_torch()
    values = (torch.arange(24).reshape(4, 6) * 37 % 11 - 3).to(getattr(torch, dtype))
    save({"w.weight": torch.ones(2, 2), "w.extra": values}, folder / "m.pt", how)
    convert(folder / "m.pt")
    raw = (folder / "m.safetensors").read_bytes()
    length = struct.unpack("<Q", raw[:8])[0]
    first, last = json.loads(raw[8:8 + length])["w.extra"]["data_offsets"]
    bits = (values.view(torch.int16) if dtype == "bfloat16" else values).numpy().tobytes()
    assert raw[8 + length:][first:last] == bits


def test_a_file_of_the_other_byte_order_is_turned_round(folder):
    """What a big-endian machine writes: the entry `byteorder`, and storages with their bytes the other way."""
    torch = need_torch()
    torch.save({"a.weight": torch.arange(6.0).reshape(2, 3)}, folder / "little.pt")
    with zipfile.ZipFile(folder / "little.pt") as little, zipfile.ZipFile(folder / "big.pt", "w") as big:
        for name in little.namelist():
            raw = little.read(name)
            big.writestr(name, numpy.frombuffer(raw, "<f4").astype(">f4").tobytes() if "/data/" in name else raw)
        big.writestr("little/byteorder", "big")
        big.writestr("little/.format_version", "1")
    convert(folder / "big.pt")
    assert (read_safetensors(folder / "big.safetensors")["a.weight"] == numpy.arange(6.0).reshape(2, 3)).all()


@each({str(protocol): (protocol,) for protocol in range(6)})
def test_numpy_arrays_in_pickles_of_every_protocol(folder, protocol):
    values = {"0.weight": numpy.arange(60_000.0).reshape(3, -1), "0.bias": numpy.asfortranarray(numpy.ones((3, 1), ">f4")),
              "1.weight": numpy.eye(3)[:, ::-1]}
    (folder / "m.pkl").write_bytes(pickle.dumps(values, protocol))
    convert(folder / "m.pkl")
    found = read_safetensors(folder / "m.safetensors")
    assert sorted(found) == sorted(values) and all((found[name] == values[name]).all() for name in values)


def test_weights_of_numpy_savez(folder):
    values = {"0.weight": numpy.arange(12.0).reshape(3, 4), "0.bias": numpy.ones(3, "f4")}
    numpy.savez(folder / "m.npz", **values)
    convert(folder / "m.npz")
    found = read_safetensors(folder / "m.safetensors")
    assert all((found[name] == values[name]).all() for name in values)


def test_a_tensor_as_pytorch_2_writes_new_types(folder):
    """_rebuild_tensor_v3: a storage of bytes, and the type beside it; the archive has the entries of version 2."""
    storage = b"(X\x07\0\0\0storagectorch.storage\nUntypedStorage\nX\x01\0\0\x000X\x03\0\0\0cpuI32\ntQ"
    pickled = (b"\x80\x02}X\x08\0\0\0w.weightctorch._utils\n_rebuild_tensor_v3\n(" + storage
               + b"I1\n(I2\nI3\nt(I1\nI2\nt\x89}ctorch\nfloat32\nNtRs.")
    values = numpy.arange(8, dtype="<f4")
    archive(folder / "m.pt", pickled, **{"m/data/0": values.tobytes(), "m/byteorder": b"little", "m/.format_version": b"1",
                                         "m/.storage_alignment": b"64", "m/.data/serialization_id": b"0" * 40})
    convert(folder / "m.pt")
    assert (read_safetensors(folder / "m.safetensors")["w.weight"] == values[1:7].reshape(3, 2).T).all()


# ---- which dictionary, which names


def state(torch, prefix="", seed=0):
    torch.manual_seed(seed)
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    return net, {prefix + name: value for name, value in net.state_dict().items()}


NAMES = ["0.bias", "0.weight", "2.bias", "2.weight"]


def test_the_state_dict_is_found_by_what_is_in_it(folder):
    """Adam's state has the shapes of the weights, and there are numbers, strings, and a metric beside it."""
    torch = need_torch()
    net, weights = state(torch)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.1)
    net(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    torch.save({"optimizer_state_dict": optimizer.state_dict(), "lr": 0.1, "numpy": numpy.float64(2), "loss": torch.tensor(0.5),
                "what": {"ever": {"I called it": weights}}, "history": [torch.zeros(2, 2)], "args": io.UnsupportedOperation("x")},
               folder / "m.pt")
    said = convert(folder / "m.pt")
    assert "note: the state_dict is the entry what.ever.I called it" in said and "io.UnsupportedOperation" in said, said
    assert sorted(read_safetensors(folder / "m.safetensors")) == NAMES


@each({"module.": ("module.",), "_orig_mod.": ("_orig_mod.",), "model.": ("model.",), "all": ("model._orig_mod.module.",)})
def test_prefixes_that_all_tensors_share_are_dropped_and_said(folder, prefix):
    torch = need_torch()
    torch.save(state(torch, prefix)[1], folder / "m.pt")
    assert f"note: all names began with {prefix}, which is dropped" in convert(folder / "m.pt")
    assert sorted(read_safetensors(folder / "m.safetensors")) == NAMES


def test_a_prefix_that_one_tensor_has_not_is_kept(folder):
    torch = need_torch()
    torch.save({**state(torch, "module.")[1], "head.weight": torch.ones(1, 2)}, folder / "m.pt")
    assert "dropped" not in convert(folder / "m.pt")
    assert "module.0.weight" in read_safetensors(folder / "m.safetensors")


def test_several_networks_are_named_and_the_key_chooses(folder):
    torch = need_torch()
    first, second = state(torch, seed=1)[1], state(torch, seed=2)[1]
    torch.save({"epoch": 1, "model": first, "ema": {"shadow.params": second}}, folder / "m.pt")
    line = refused("to_safetensors.py", BAD_INPUT, folder / "m.pt")
    keys = line.strip().split("--key: ")[1].split(", ")
    assert keys == ["model", "ema.shadow.params"], line
    for key, weights in zip(keys, (first, second)):
        convert(folder / "m.pt", "--key", key, "--overwrite")
        assert (read_safetensors(folder / "m.safetensors")["0.weight"] == weights["0.weight"].numpy()).all()


@each({"of the format itself": ("__metadata__",), "empty": ("",), "with a line break": ("a\nb.weight",), "with a tab": ("a\tb.weight",),
       "with a line separator": ("a\u2028b.weight",)})
def test_names_that_safetensors_cannot_hold_are_refused(folder, name):
    (folder / "m.pt").write_bytes(pickle.dumps({name: numpy.ones((2, 3)), "fc.weight": numpy.ones((3, 2))}))
    line = refused("to_safetensors.py", BAD_INPUT, folder / "m.pt")
    assert "rename it" in line, line
    assert not (folder / "m.safetensors").exists()


def test_what_is_no_tensor_in_a_state_dict_is_named(folder):
    torch = need_torch()
    torch.save({**state(torch)[1], "lr": 0.1, "steps": 7, "name": "x"}, folder / "m.pt")
    assert "note: passed over, as no tensors: lr (float), steps (int), name (str)" in convert(folder / "m.pt")
    assert sorted(read_safetensors(folder / "m.safetensors")) == NAMES


def test_a_whole_model_gives_its_tensors_and_says_what_is_missing(folder):
    torch = need_torch()
    net, weights = state(torch)
    net.register_buffer("gone", torch.ones(2), persistent=False)
    torch.save(net, folder / "m.pt")
    assert "what it does with them is not in the file" in convert(folder / "m.pt")
    found = read_safetensors(folder / "m.safetensors")
    assert sorted(found) == NAMES and all((found[name] == weights[name].numpy()).all() for name in NAMES)


HIDING = """
import pickle, torch
def build(raw):
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    net.load_state_dict({name: torch.tensor(values) for name, values in pickle.loads(raw).items()})
    return net
class Net(torch.nn.Sequential):
    def __reduce__(self):
        return build, (pickle.dumps({name: value.tolist() for name, value in self.state_dict().items()}),)
"""


def test_the_python_of_the_message_saves_what_only_its_own_classes_can_read(folder):
    need_torch()
    (folder / "hiding.py").write_text(HIDING)
    making = "import torch, hiding; torch.save(hiding.Net(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2)), 'm.pt')"
    subprocess.run([sys.executable, "-c", making], cwd=folder, check=True, timeout=120)
    line = refused("to_safetensors.py", BAD_INPUT, folder / "m.pt")
    assert "hiding.build" in line, line
    subprocess.run([sys.executable, "-c", line.split("(which runs what is in it): ")[1]], cwd=folder, check=True, timeout=120)
    convert(folder / "state_dict.pt")
    assert sorted(read_safetensors(folder / "state_dict.safetensors")) == NAMES


def test_torchscript_gives_its_tensors(folder):
    torch = need_torch()
    net, weights = state(torch)
    torch.jit.script(net).save(str(folder / "m.pt"))
    assert "TorchScript" in convert(folder / "m.pt")
    found = read_safetensors(folder / "m.safetensors")
    assert sorted(found) == NAMES and all((found[name] == weights[name].numpy()).all() for name in NAMES)


def test_a_dictionary_for_each_layer_is_put_together(folder):
    torch = need_torch()
    torch.save({"net": {"a": {"weight": torch.ones(3, 2), "bias": torch.ones(3)}, "b": {"weight": torch.ones(1, 3)}}}, folder / "m.pt")
    assert "a dictionary for each layer" in convert(folder / "m.pt")
    assert sorted(read_safetensors(folder / "m.safetensors")) == ["a.bias", "a.weight", "b.weight"]


def test_a_module_that_is_used_twice_has_two_names(folder):
    torch = need_torch()
    layer = torch.nn.Linear(3, 3)
    torch.save(torch.nn.Sequential(layer, torch.nn.ReLU(), layer), folder / "m.pt")
    convert(folder / "m.pt")
    assert json.loads(metadata(folder / "m.safetensors")["tangram.shared"]) == [["0.bias", "2.bias"], ["0.weight", "2.weight"]]


def test_a_state_dict_in_a_list_and_one_round_another_are_found(folder):
    torch = need_torch()
    net, weights = state(torch)
    optimizer = torch.optim.Adam(net.parameters())
    net(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    torch.save([optimizer.state_dict(), weights], folder / "m.pt")
    assert "is the entry 1" in convert(folder / "m.pt")
    outer = state(torch, seed=1)[1]
    torch.save({**outer, "ema": state(torch, seed=2)[1]}, folder / "n.pt")
    assert "--key: ., ema" in refused("to_safetensors.py", BAD_INPUT, folder / "n.pt")
    convert(folder / "n.pt", "--key", ".")
    assert (read_safetensors(folder / "n.safetensors")["0.weight"] == outer["0.weight"].numpy()).all()


# ---- tensors that share memory


@each(FORMATS)
def test_tied_tensors_are_written_once_and_recorded(folder, how):
    torch = need_torch()
    tied, flat = torch.randn(4, 4), torch.randn(20)
    save({"a.weight": tied, "b.weight": tied, "c.weight": tied.t(), "d.weight": flat[:8].view(2, 4), "d.bias": flat[8:10],
          "e.weight": flat[9:17].view(2, 4), "even": tied.new_ones(8)[::2]}, folder / "m.pt", how)
    said = convert(folder / "m.pt", "--metadata", "activation=relu")
    shared = json.loads(metadata(folder / "m.safetensors")["tangram.shared"])
    if how == "pickle":  # which writes the storage of every view anew
        assert shared == [["a.weight", "b.weight"]], shared
    else:
        assert sorted(shared) == [["a.weight", "b.weight", "c.weight"], ["d.bias", "e.weight"]], shared
    assert re.search(r"a.weight, b.weight(, c.weight)? share their values; written once, as a.weight", said) and "ONNX" in said, said
    found = read_safetensors(folder / "m.safetensors")
    assert sorted(found) == ["a.weight", "c.weight", "d.bias", "d.weight", "e.weight", "even"]
    assert (found["c.weight"] == tied.t().numpy()).all() and metadata(folder / "m.safetensors")["activation"] == "relu"


def test_parts_of_one_storage_that_do_not_touch_are_no_tie(folder):
    torch = need_torch()
    packed = torch.randn(6, 4)
    torch.save({"q": packed[:, ::2], "k": packed[:, 1::2], "v": packed[:0], "w": torch.ones(2, 2)}, folder / "m.pt")
    convert(folder / "m.pt")
    assert "tangram.shared" not in metadata(folder / "m.safetensors")
    assert (read_safetensors(folder / "m.safetensors")["k"] == packed[:, 1::2].numpy()).all()
