"""Bad input: models that do not fit together, and safetensors headers that lie."""

import json
import struct

import numpy

from bad_input_table import BAD_INPUT, MODEL, case, case_of_ranks
from harness import read_safetensors, write_safetensors


# ---- models that do not fit together


def spoilt(folder, change):
    tensors = read_safetensors(MODEL)
    change(tensors)
    return {"--model": write_safetensors(folder / "m.safetensors", tensors)}


case_of_ranks("widths that do not chain", BAD_INPUT, "2.weight", "127", "128")(
    lambda f: spoilt(f, lambda t: t.update({"2.weight": t["2.weight"][:, :127]})))
case("a transposed weight", BAD_INPUT, "0.weight")(
    lambda f: spoilt(f, lambda t: t.update({"0.weight": t["0.weight"].T.copy()})))
case("a bias of another length", BAD_INPUT, "2.bias")(
    lambda f: spoilt(f, lambda t: t.update({"2.bias": t["2.bias"][:100]})))
case("a bias without its weight", BAD_INPUT, "4.bias")(lambda f: spoilt(f, lambda t: t.pop("4.weight")))
case("a convolution's weight", BAD_INPUT, "2.weight")(
    lambda f: spoilt(f, lambda t: t.update({"2.weight": t["2.weight"].reshape(128, 32, 2, 2)})))
case("a weight of three dimensions", BAD_INPUT, "m.safetensors:2.weight", "(128, 64, 2)", "a convolution", "ONNX")(
    lambda f: spoilt(f, lambda t: t.update({"2.weight": t["2.weight"].reshape(128, 64, 2)})))
case("a weight of one dimension", BAD_INPUT, "m.safetensors:2.weight", "(128)")(
    lambda f: spoilt(f, lambda t: t.update({"2.weight": t["2.weight"][0]})))
case("a weight without entries", BAD_INPUT, "m.safetensors:2.weight", "(0, 128)")(
    lambda f: spoilt(f, lambda t: t.update({"2.weight": t["2.weight"][:0]})))
case("a tensor left over", BAD_INPUT, "1.running_mean")(
    lambda f: spoilt(f, lambda t: t.update({"1.running_mean": numpy.zeros(128)})))
case("a model with no tensors", BAD_INPUT, "m.safetensors")(lambda f: spoilt(f, lambda t: t.clear()))


@case_of_ranks("an order that the names do not settle asks for --layers", BAD_INPUT, "--layers")
def unsettled_order(folder):
    tensors = {f"{name}.weight": numpy.eye(64) for name in ("alpha", "beta", "gamma")}
    return {"--model": write_safetensors(folder / "m.safetensors", tensors)}


# ---- safetensors headers that lie


def lying(folder, edit):
    return {"--model": write_safetensors(folder / "m.safetensors", read_safetensors(MODEL), edit=edit)}


case_of_ranks("a header whose shape lies", BAD_INPUT, "m.safetensors", "0.weight")(
    lambda f: lying(f, lambda h: h["0.weight"].update(shape=[128, 65])))
case("a header whose shape overflows", BAD_INPUT, "m.safetensors", "0.weight")(
    lambda f: lying(f, lambda h: h["0.weight"].update(shape=[2**62, 2**62])))
case("a negative shape", BAD_INPUT, "m.safetensors", "0.weight")(
    lambda f: lying(f, lambda h: h["0.weight"].update(shape=[-128, -64])))
case("offsets beyond the file", BAD_INPUT, "m.safetensors", "4.weight")(
    lambda f: lying(f, lambda h: h["4.weight"].update(data_offsets=[h["4.weight"]["data_offsets"][0], 2**50])))
case("offsets backwards", BAD_INPUT, "m.safetensors", "0.weight")(
    lambda f: lying(f, lambda h: h["0.weight"]["data_offsets"].reverse()))
case("tensors that overlap", BAD_INPUT, "m.safetensors")(
    lambda f: lying(f, lambda h: h["2.bias"].update(data_offsets=h["0.bias"]["data_offsets"])))
case("tensors with a hole between them", BAD_INPUT, "m.safetensors", "starts at byte")(
    lambda f: lying(f, lambda h: [entry.update(data_offsets=[at + 4 for at in entry["data_offsets"]])
                                  for name, entry in h.items() if name > "2"]))
case("a dtype that nobody knows", BAD_INPUT, "m.safetensors:0.weight", "(128, 64)", "Q7", "F32")(
    lambda f: lying(f, lambda h: h["0.weight"].update(dtype="Q7")))
case("a dtype that is not supported", BAD_INPUT, "m.safetensors", "I8")(
    lambda f: lying(f, lambda h: h["0.weight"].update(dtype="I8")))
case("an entry without offsets", BAD_INPUT, "m.safetensors", "0.weight")(
    lambda f: lying(f, lambda h: h["0.weight"].pop("data_offsets")))
case("an entry that is a number", BAD_INPUT, "m.safetensors", "0.weight")(
    lambda f: lying(f, lambda h: h.update({"0.weight": 3})))


def with_header(folder, text, length=None, data=b""):
    (folder / "m.safetensors").write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + data)
    return {"--model": folder / "m.safetensors"}


case("a header length beyond the file", BAD_INPUT, "m.safetensors")(lambda f: with_header(f, b"{}", 1000))
case("a header length near 2^64", BAD_INPUT, "m.safetensors")(lambda f: with_header(f, b"{}", 2**64 - 5))
case("a header length just over the limit", BAD_INPUT, "m.safetensors", "100000001", "100000000")(
    lambda f: with_header(f, b"{}", 100_000_001))
case_of_ranks("a header that is not JSON", BAD_INPUT, "m.safetensors")(lambda f: with_header(f, b"{\"0.weight\": [1, 2"))
case("a header that is a list", BAD_INPUT, "m.safetensors")(lambda f: with_header(f, b"[1, 2]  "))
case("a header nested without end", BAD_INPUT, "m.safetensors")(lambda f: with_header(f, b"{\"a\":" + b"[" * 100000))
case("a header with bytes that are not UTF-8", BAD_INPUT, "m.safetensors")(lambda f: with_header(f, b"{\"\xff\xfe\": 1}"))


@case("a name that occurs twice in the header", BAD_INPUT, "m.safetensors", "0.weight")
def duplicate_name(folder):
    entry = json.dumps({"dtype": "F32", "shape": [1, 64], "data_offsets": [0, 256]})
    return with_header(folder, f'{{"0.weight": {entry}, "0.weight": {entry}}}'.encode(), data=bytes(256))
