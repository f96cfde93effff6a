"""Files near to checkpoints: names as other libraries have them, and lines of jobs/to_safetensors.py that, followed, lead on."""

import pickle
import re
import subprocess
import sys

import numpy

from bad_input_table import BAD_INPUT
from converters import convert, need_torch, refused
from harness import read_safetensors


def test_names_that_are_paths_get_dots(folder):
    """As Flax has them; where that made two of one name, they stay."""
    numpy.savez(folder / "m.npz", **{"params/Dense_0/kernel": numpy.ones((2, 3)), "params/Dense_0/bias": numpy.ones(3)})
    assert "'/' in names" in convert(folder / "m.npz")
    assert sorted(read_safetensors(folder / "m.safetensors")) == ["params.Dense_0.bias", "params.Dense_0.kernel"]
    numpy.savez(folder / "two.npz", **{"a/kernel": numpy.ones((2, 3)), "a.kernel": numpy.ones((3, 2))})
    convert(folder / "two.npz")
    assert len(read_safetensors(folder / "two.safetensors")) == 2


def test_arrays_in_lists_of_their_own_are_sent_to_numpy(folder):
    """As scikit-learn keeps them; the line, followed, makes a model."""
    weights, biases = [numpy.ones((3, 2)), numpy.ones((1, 3))], [numpy.ones(3), numpy.ones(1)]
    (folder / "m.pkl").write_bytes(pickle.dumps({"coefs": weights, "intercepts": biases}))
    line = refused("to_safetensors.py", BAD_INPUT, folder / "m.pkl")
    assert "coefs, intercepts" in line and "torch.load" not in line, line
    code = re.search(r"in Python, (numpy.savez\(.*?\)) with", line)[1].replace("'m.npz'", f"'{folder / 'm.npz'}'")
    exec(code, {"numpy": numpy, "W": weights[0], "b": biases[0]})
    convert(folder / "m.npz")
    assert read_safetensors(folder / "m.safetensors")["0.weight"].shape == (3, 2)


def test_an_optimizer_alone_is_no_network(folder):
    torch = need_torch()
    parameter = torch.nn.Parameter(torch.ones(3, 2))
    optimizer = torch.optim.Adam([parameter])
    parameter.sum().backward()
    optimizer.step()
    torch.save(optimizer.state_dict(), folder / "o.pt")
    assert "optimizer" in refused("to_safetensors.py", BAD_INPUT, folder / "o.pt")


def test_quantized_weights_are_named(folder):
    torch = need_torch()
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2))
    torch.save(torch.quantization.quantize_dynamic(model, {torch.nn.Linear}).state_dict(), folder / "q.pt")
    line = refused("to_safetensors.py", BAD_INPUT, folder / "q.pt")
    assert "0._packed_params" in line and "qtensor" in line, line


def test_the_python_of_the_message_unpacks_what_is_compressed(folder):
    numpy.savez_compressed(folder / "m.npz", **{"0.weight": numpy.arange(6.0).reshape(2, 3)})
    line = refused("to_safetensors.py", BAD_INPUT, folder / "m.npz")
    subprocess.run([sys.executable, "-c", line.split("in Python, ")[1]], cwd=folder, check=True, timeout=60)
    convert(folder / "plain.npz")
    assert (read_safetensors(folder / "plain.safetensors")["0.weight"] == numpy.arange(6.0).reshape(2, 3)).all()
