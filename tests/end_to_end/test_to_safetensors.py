"""jobs/to_safetensors.py: a saved state_dict becomes a model with the same values; what is none is refused in one line, and never run."""

import re
import subprocess
import sys

import h5py

from bad_input_table import BAD_INPUT, IO, USAGE
from digits_kernel import DIGITS
from harness import JOBS, each, kernel, need, read_safetensors

SLOW = True


def convert(*words):
    return subprocess.run([sys.executable, JOBS / "to_safetensors.py", *map(str, words)], capture_output=True, text=True, timeout=120)


def network(torch, dtype="float32"):
    torch.manual_seed(3)
    model = torch.nn.Sequential(torch.nn.Linear(64, 9), torch.nn.Tanh(), torch.nn.Linear(9, 4)).to(getattr(torch, dtype))
    return model


@each({dtype: (dtype,) for dtype in ("float64", "float32", "float16", "bfloat16")})
def test_a_saved_state_dict_becomes_a_model_with_the_same_values(folder, dtype):
    torch = need("torch")
    model = network(torch, dtype)
    torch.save(model.state_dict(), folder / "m.pt")
    done = convert(folder / "m.pt", "--metadata", "activation=tanh")
    assert done.returncode == 0 and "4 tensors" in done.stdout, done.stderr
    if dtype != "bfloat16":
        for name, values in read_safetensors(folder / "m.safetensors").items():
            assert (values == model.state_dict()[name].double().numpy()).all(), name
    outputs = folder / "y.h5"
    with h5py.File(DIGITS) as file, h5py.File(outputs, "w") as expected:
        x = torch.tensor(file["x"][:20]).double()
        expected["y"] = model.double()(x).detach().numpy()
    kernel(folder / "m.safetensors", f"{DIGITS}:x", folder / "k.h5", "--rows", "0:20", "--expect-outputs", f"{outputs}:y").close()


def test_transposed_and_shared_tensors_are_written_as_they_read(folder):
    torch = need("torch")
    weight = torch.arange(12.0).reshape(3, 4)
    torch.save({"a.weight": weight.t(), "b.weight": weight[1:, :], "c.weight": weight}, folder / "m.pt")
    assert convert(folder / "m.pt", folder / "o.safetensors").returncode == 0
    found = read_safetensors(folder / "o.safetensors")
    assert (found["a.weight"] == weight.t().numpy()).all() and (found["b.weight"] == weight[1:, :].numpy()).all()


def save_code(torch, path):
    class Evil:
        def __reduce__(self):
            return (open, (str(path) + ".ran", "w"))

    torch.save({"fc.weight": Evil()}, path)


REFUSED = {
    "code": (save_code, BAD_INPUT, "state_dict"),
    "two networks": (lambda torch, path: torch.save({"model": network(torch).state_dict(), "ema": network(torch).state_dict()}, path),
                     BAD_INPUT, "--key: model, ema"),
    "one tensor": (lambda torch, path: torch.save(torch.ones(2, 2), path), BAD_INPUT, "Tensor, not a state_dict"),
    "complex numbers": (lambda torch, path: torch.save({"w": torch.ones(2, dtype=torch.complex64)}, path), BAD_INPUT, "w is no dense"),
    "a sparse tensor": (lambda torch, path: torch.save({"w": torch.eye(3).to_sparse()}, path), BAD_INPUT, "w"),
    "nothing": (lambda torch, path: torch.save({}, path), BAD_INPUT, "no tensors"),
    "no file of torch": (lambda torch, path: path.write_bytes(b"not a zip"), BAD_INPUT, "m.pt"),
    "no file": (lambda torch, path: None, IO, "m.pt"),
    "an output that is there": (lambda torch, path: (torch.save({"w": torch.ones(2)}, path),
                                                     path.with_suffix(".safetensors").write_bytes(b"x")), USAGE, "--overwrite"),
}


@each(REFUSED)
def test_what_is_no_state_dict_is_refused_in_one_line(folder, save, code, word):
    torch = need("torch")
    path = folder / "m.pt"
    save(torch, path)
    done = convert(path)
    assert done.returncode == code, done
    assert re.fullmatch(r"to_safetensors: error: .*\n", done.stderr) and word in done.stderr, done.stderr
    assert not (folder / "m.pt.ran").exists(), "it ran what was in the file"
    assert not list(folder.glob("*.partial"))


def test_a_state_dict_inside_a_checkpoint_is_named(folder):
    torch = need("torch")
    torch.save({"epoch": 3, "state": {"model": network(torch).state_dict()}}, folder / "m.pt")
    assert convert(folder / "m.pt", "--entry", "state.model").returncode == 0
    assert len(read_safetensors(folder / "m.safetensors")) == 4
    done = convert(folder / "m.pt", folder / "other.safetensors", "--entry", "state.ema")
    assert done.returncode == BAD_INPUT and "no entry ema" in done.stderr and "model" in done.stderr
