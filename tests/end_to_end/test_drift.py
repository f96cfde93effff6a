"""`tangram drift`: kernels of several models by NumPy's explicit Jacobians, on any ranks, after a stop; of kernel files; and what is refused."""

import json
import struct

import h5py
import numpy

from harness import JOBS, ROOT, each, tangram, write_h5, write_safetensors
from measures_oracle import centred, close, cosine_of_centred, one_hot, unbiased_hsic
from scripts import script

USAGE, BAD_INPUT, STOPPED = 2, 3, 75
WIDTHS = (5, 8, 3)
NAMES = ("0.weight", "0.bias", "1.weight", "1.bias")
random = numpy.random.default_rng


def tensors_of(model, widths=WIDTHS, scale=1.0):
    rng = random(100 + model)
    return {f"{k}.{kind}": scale * rng.normal(size=shape) for k, (a, b) in enumerate(zip(widths, widths[1:]))
            for kind, shape in (("weight", (b, a)), ("bias", (b,)))}


def write_models(folder, models):
    return [write_safetensors(folder / f"step-{10 ** k:06}.safetensors", tensors, "F64") for k, tensors in enumerate(models)]


def write_data(folder, n=29, seed=0):
    rng = random(seed)
    rows = dict(x=rng.normal(size=(n, WIDTHS[0])), labels=rng.integers(0, WIDTHS[-1], size=n), numbers=rng.normal(size=(n, WIDTHS[-1])))
    write_h5(folder / "x.h5", **rows)
    return rows


def words_of(folder, paths, *more):
    return ["drift", *(word for path in paths for word in ("--model", path)), "--activation", "tanh", "--data", f"{folder / 'x.h5'}:x",
            "--threads", 1, "--tile", 6, "--precision", "float64", *more]


def run(words, output, *more, ranks=1, code=0):
    done = tangram(*words, "--output", output, *more, ranks=ranks)
    assert done.code == code, done
    return h5py.File(output, "r") if code == 0 else done


def forward(tensors, x):
    """Inputs of every layer, and the outputs, of a tanh network."""
    inputs, layers = [x], len(tensors) // 2
    for k in range(layers):
        z = inputs[-1] @ tensors[f"{k}.weight"].T + tensors[f"{k}.bias"]
        inputs.append(numpy.tanh(z) if k + 1 < layers else z)
    return inputs


def jacobians(tensors, x, E):
    """{tensor: rows of J, (N, R, P)} by the chain rule, E (N, R, C)."""
    inputs, layers, J = forward(tensors, x), len(tensors) // 2, {}
    s = E
    for k in reversed(range(layers)):
        J[f"{k}.weight"] = numpy.einsum("nro,ni->nroi", s, inputs[k]).reshape(len(x), s.shape[1], -1)
        J[f"{k}.bias"] = s
        s = (s @ tensors[f"{k}.weight"]) * (1 - inputs[k] ** 2)[:, None]
    return {name: J[name] for name in tensors}


def rows_of(reduction, outputs, labels):
    """E (N, R, C)."""
    n, C = outputs.shape
    if reduction in ("trace", "full"):
        return numpy.broadcast_to(numpy.eye(C), (n, C, C))
    if reduction == "sum":
        return numpy.ones((n, 1, C))
    p = numpy.exp(outputs - outputs.max(1, keepdims=True))
    return (p / p.sum(1, keepdims=True) - one_hot(labels, C))[:, None]  # of the cross-entropy


def kernels_of(tensors, rows, reduction):
    E = rows_of(reduction, forward(tensors, rows["x"])[-1], rows["labels"])
    kernels = {}
    for name, J in jacobians(tensors, rows["x"], E).items():
        flat = J.reshape(-1, J.shape[2]) if reduction == "full" else J.reshape(len(J), -1)
        kernels[name] = flat @ flat.T
    return {"ntk": sum(kernels.values()), **kernels}


def assert_drift(file, kernels, R=1, T=None, limit=1e-12):
    """`kernels`: of each model {name: matrix}."""
    group, K = file["drift"], len(kernels)
    names = [name.decode() for name in group["name"][:]]
    assert names == list(kernels[0]), names
    assert group["model"].shape == (K,) and group["step"].shape == (K,)
    for k, name in enumerate(names):
        of = [model[name] for model in kernels]
        norms = [numpy.linalg.norm(A) for A in of]
        # of what is nearly constant, as the biases' kernels are at first, centring keeps fewer of the entries' own digits
        kept = [max(limit, 2e-14 / max(numpy.linalg.norm(centred(A, R)) / norm, 1e-6)) for A, norm in zip(of, norms)]
        for s, A in enumerate(of):
            close(group["trace"][k, s], numpy.trace(A), (name, s, "trace"), limit)
            close(group["frobenius"][k, s], norms[s], (name, s, "frobenius"), limit)
            close(group["change_from_first"][k, s], numpy.linalg.norm(A - of[0]) / norms[0], (name, s, "first"), limit, 1)
            before = of[max(s - 1, 0)]
            close(group["change_from_previous"][k, s], numpy.linalg.norm(A - before) / numpy.linalg.norm(before), (name, s, "previous"), limit, 1)
            if T is not None:
                close(group["alignment"][k, s], (A * T).sum() / norms[s] / numpy.linalg.norm(T), (name, s, "alignment"), limit, 1)
                close(group["centred_alignment"][k, s], cosine_of_centred(A, T, R), (name, s, "centred"), kept[s], 1)
            for t, B in enumerate(of):
                size = norms[s] * norms[t]
                close(group["gram"][k, s, t], (A * B).sum(), (name, s, t, "gram"), limit, size)
                close(group["centred_gram"][k, s, t], (centred(A, R) * centred(B, R)).sum(), (name, s, t, "centred"), limit, size)
                close(group["debiased_gram"][k, s, t], unbiased_hsic(A, B, R), (name, s, t, "debiased"), limit, size)
                close(group["cka"][k, s, t], cosine_of_centred(A, B, R), (name, s, t, "cka"), max(kept[s], kept[t]), 1)
                close(group["distance"][k, s, t], 1 - (A * B).sum() / size, (name, s, t, "distance"), limit, 1)


def same(a, b, limit=1e-13):
    for name in a["drift"]:
        x, y = a["drift"][name][:], b["drift"][name][:]
        assert (x == y).all() if x.dtype == object else numpy.allclose(x, y, rtol=limit, atol=limit, equal_nan=True), name


@each({"1 model, trace": (1, "trace"), "2 models, full": (2, "full"), "4 models, loss": (4, "loss"), "4 models, sum": (4, "sum"),
       "12 models, trace": (12, "trace")})
def test_drift_is_that_of_explicit_jacobians_on_any_ranks(folder, count, reduction):
    rows = write_data(folder)
    models = [tensors_of(k) for k in range(count)]
    how = ["--reduction", reduction, "--labels", f"{folder / 'x.h5'}:labels"]
    if reduction == "loss":
        how += ["--loss", "cross-entropy"]
    words = words_of(folder, write_models(folder, models), *how)
    kernels = [kernels_of(tensors, rows, reduction) for tensors in models]
    Y = one_hot(rows["labels"], 3)
    Y, R = {"full": (Y.reshape(-1, 1), 3), "sum": (Y.sum(1, keepdims=True), 1)}.get(reduction, (Y, 1))
    files = [run(words, folder / f"{ranks}.h5", ranks=ranks) for ranks in (1, 3)]
    assert_drift(files[1], kernels, R, Y @ Y.T, limit=1e-11 if reduction == "loss" else 1e-12)
    for file in files:
        group, checks = file["drift"], file["checks"].attrs
        assert list(group["step"][:]) == ([10.0 ** k for k in range(count)] if count > 1 else [0.0]), group["step"][:]
        right = [(forward(tensors, rows["x"])[-1].argmax(1) == rows["labels"]).mean() for tensors in models]
        assert numpy.allclose(group["accuracy"][:], right, atol=1e-15)
        assert "ntk" not in file and ("outputs" in file) == (count == 1) and file.attrs["n_models"] == count
        assert checks["passed"] == 1 and checks["total_relative_error"] < 1e-12 and checks["probe_error"] < 1e-12
    same(*files)


def test_a_model_beside_itself_has_not_moved_and_a_small_step_keeps_its_digits(folder):
    rows = write_data(folder)
    first = tensors_of(0)
    moved = {name: tensor * (1 + 1e-9) for name, tensor in first.items()}
    with run(words_of(folder, write_models(folder, [first, first, moved])), folder / "d.h5") as file:
        group = file["drift"]
        moves = [k for k, name in enumerate(group["name"][:]) if name != b"1.bias"]  # that of the outputs' bias is constant
        assert numpy.abs(group["cka"][:][moves, 0, 1] - 1).max() < 1e-14 and numpy.isnan(group["cka"][moves.index(moves[-1]) + 1]).all()
        assert (group["change_from_first"][:, 1] == 0).all() and numpy.abs(group["distance"][:, 0, 1]).max() < 1e-14
        a, b = (kernels_of(tensors, rows, "trace") for tensors in (first, moved))
        for k, name in enumerate(a):
            if name == "1.bias":
                assert group["change_from_first"][k, 2] == 0
                continue
            expected = numpy.linalg.norm(b[name] - a[name]) / numpy.linalg.norm(a[name])
            for change in ("change_from_first", "change_from_previous"):
                assert abs(group[change][k, 2] / expected - 1) < 1e-5, (name, change)


@each({"tiny": (1e-40,), "huge": (1e38,)})
def test_scale_does_not_matter(folder, scale):
    rows = write_data(folder)
    models = [tensors_of(k) for k in range(3)]
    for tensors in models:
        tensors["1.weight"] *= scale
        tensors["0.bias"] *= 0
    kernels = [{name: kernel for name, kernel in kernels_of(tensors, rows, "trace").items() if name != "ntk"} for tensors in models]
    with run(words_of(folder, write_models(folder, models), "--wrt", "0.*"), folder / "d.h5") as file:
        for name in ("0.weight", "0.bias"):
            k = [text.decode() for text in file["drift/name"][:]].index(name)
            unit = [model[name] / scale / scale for model in kernels]
            norms = [numpy.linalg.norm(A) for A in unit]
            for s, A in enumerate(unit):
                close(file["drift/change_from_first"][k, s], numpy.linalg.norm(A - unit[0]) / norms[0], (name, s), 1e-12, 1)
                close(file["drift/cka"][k, 0, s], cosine_of_centred(unit[0], A, 1), (name, s), 1e-12, 1)
                close(file["drift/trace"][k, s] / scale / scale, numpy.trace(A), (name, s), 1e-12)


def test_a_stopped_run_goes_on_and_one_of_other_models_is_refused(folder):
    write_data(folder)
    paths = write_models(folder, [tensors_of(k) for k in range(3)])
    words = words_of(folder, paths)
    whole = run(words, folder / "whole.h5", ranks=2)
    for ranks in (2, 3):
        output = folder / f"{ranks}.h5"
        run(words, output, "--stop-after-tiles", 4, ranks=ranks, code=STOPPED)
        if ranks == 2:
            other = words_of(folder, [paths[0], paths[2], paths[1]])
            assert "model weights" in run(other, output, "--resume", code=USAGE).stderr
        with run(words, output, "--resume", ranks=5 - ranks) as file:
            same(file, whole)


def test_a_file_of_drift_is_no_kernel_and_says_so(folder):
    write_data(folder)
    output = folder / "d.h5"
    run(words_of(folder, write_models(folder, [tensors_of(0), tensors_of(1)])), output).close()
    for words in (["verify", output], ["check", output], ["spectrum", output], ["drift", output, output, "--output", folder / "e.h5"]):
        refused = tangram(*words)
        assert refused.code == BAD_INPUT and len(refused.errors) == 1 and "/drift" in refused.errors[0], refused


def test_a_list_names_the_models_from_its_own_folder(folder):
    write_data(folder)
    write_models(folder, [tensors_of(k) for k in range(2)])
    (folder / "models.txt").write_text("# of one run\nstep-000001.safetensors\n\n  step-000010.safetensors  # the last\n")
    words = [word for word in words_of(folder, []) if word != "--model"] + ["--models", folder / "models.txt", "--steps", "0,2.5"]
    with run(words, folder / "d.h5") as file:
        assert list(file["drift/step"][:]) == [0, 2.5] and file["drift"].attrs["steps"] == "given"


def test_kernel_files_give_what_models_give(folder):
    rows = write_data(folder)
    models = [tensors_of(k) for k in range(3)]
    paths = write_models(folder, models)
    files = []
    for k, (path, more) in enumerate(zip(paths, ([], ["--store", "lower"], ["--tile", 11]))):
        files.append(folder / f"kernel-{k}.h5")
        words = words_of(folder, [path], "--labels", f"{folder / 'x.h5'}:labels")
        at = words.index("--tile")
        words = words[:at] + words[at + 2:]
        done = tangram("kernel", *words[1:], *([] if "--tile" in more else ["--tile", 6]), *more, "--output", files[-1])
        assert done.code == 0, done
    Y = one_hot(rows["labels"], 3)
    kernels = [kernels_of(tensors, rows, "trace") for tensors in models]
    for ranks in (1, 3):
        with run(["drift", *files], folder / f"{ranks}.h5", ranks=ranks) as file:
            assert_drift(file, kernels, 1, Y @ Y.T)
            assert list(file["drift/step"][:]) == [0, 1, 2] and file.attrs["format"] == "tangram drift"
            right = [(forward(tensors, rows["x"])[-1].argmax(1) == rows["labels"]).mean() for tensors in models]
            assert numpy.allclose(file["drift/accuracy"][:], right, atol=1e-15)


def test_kernel_files_of_other_architectures_are_compared_by_their_totals_and_of_other_samples_refused(folder):
    rows = write_data(folder)
    wide = tensors_of(7, (5, 11, 3))
    paths = write_models(folder, [tensors_of(0), wide])
    files = [folder / "a.h5", folder / "b.h5"]
    for path, output in zip(paths, files):
        assert tangram("kernel", *words_of(folder, [path])[1:], "--output", output).code == 0
    with run(["drift", *files], folder / "d.h5") as file:
        assert_drift(file, [{"ntk": kernels_of(tensors, rows, "trace")["ntk"]} for tensors in (tensors_of(0), wide)])
    other = folder / "c.h5"
    assert tangram("kernel", *words_of(folder, paths[:1], "--rows", "0:28")[1:], "--output", other).code == 0
    refused = run(["drift", files[0], other], folder / "e.h5", code=BAD_INPUT)
    assert "samples" in refused.stderr and len(refused.errors) == 1, refused
    refused = run(["drift", files[0], "--model", paths[0]], folder / "e.h5", code=USAGE)
    assert "--model" in refused.stderr
    refused = run(["drift", *files, "--dry-run"], folder / "e.h5", code=USAGE)
    assert "--dry-run" in refused.errors[0] and not (folder / "e.h5").exists()
    refused = run(words_of(folder, paths), folder / "e.h5", code=BAD_INPUT, ranks=2)
    assert "0.weight" in refused.stderr and "(11, 5)" in refused.stderr and len(refused.errors) == 1, refused


def test_what_differs_between_models_or_files_is_named(folder):
    rows = write_data(folder)
    write_h5(folder / "z.h5", z=(rows["labels"] + 1) % 3)
    paths = write_models(folder, [tensors_of(0), tensors_of(1)])
    for k, how in enumerate(("tanh", "relu")):
        write_safetensors(folder / f"{how}.safetensors", tensors_of(k), "F64", {"activation": how})
    words = [word for word in words_of(folder, [folder / "tanh.safetensors", folder / "relu.safetensors"]) if word not in ("--activation", "tanh")]
    refused = run(words, folder / "d.h5", code=BAD_INPUT)
    assert len(refused.errors) == 1 and "relu in place of tanh" in refused.errors[0], refused
    assert "nothing.safetensors" in run(words_of(folder, [*paths, folder / "nothing.safetensors"]), folder / "d.h5", code=BAD_INPUT).errors[0]
    list_of_models = folder / "models.txt"
    list_of_models.write_bytes(b"\xef\xbb\xbfstep-000001.safetensors\r\nstep-000010.safetensors\r\n")
    words = [word for word in words_of(folder, []) if word != "--model"] + ["--models", list_of_models]
    run(words, folder / "d.h5").close()
    run(words, list_of_models, "--overwrite", code=USAGE)
    assert list_of_models.read_bytes().startswith(b"\xef\xbb\xbf")
    files = [folder / "a.h5", folder / "b.h5", folder / "c.h5", folder / "e.h5"]
    for output, labels, more in zip(files, ("x.h5:labels", "z.h5:z") * 2, (["--reduction", "loss", "--loss", "cross-entropy"],) * 2 + ([],) * 2):
        assert tangram("kernel", *words_of(folder, paths[:1])[1:], "--labels", f"{folder}/{labels}", *more, "--output", output).code == 0
    refused = run(["drift", *files[:2]], folder / "f.h5", code=BAD_INPUT)
    assert len(refused.errors) == 1 and "labels" in refused.errors[0], refused
    with run(["drift", *files[2:]], folder / "g.h5") as file:
        assert "alignment" not in file["drift"] and "accuracy" not in file["drift"] and (file["drift/change_from_first"][:] == 0).all()


def test_graphs_are_followed_as_chains_are(folder):
    graph = ROOT / "tests/data/onnx/bn_mlp.onnx"
    data = ROOT / "tests/data/onnx/bn_mlp.h5"
    words = ["drift", "--model", graph, "--model", graph, "--data", f"{data}:x", "--precision", "float64", "--tile", 4]
    assert tangram("kernel", "--model", graph, *words[5:], "--output", folder / "k.h5").code == 0
    with run(words, folder / "d.h5") as file, h5py.File(folder / "k.h5") as kernel:
        names = [name.decode() for name in file["drift/name"][:]]
        close(file["drift/trace"][0], [numpy.trace(kernel["ntk"][:])] * 2, "ntk")
        for name in kernel["components"]:
            k = names.index(kernel["components"][name].attrs["tensor"])
            close(file["drift/trace"][k], [numpy.trace(kernel["components"][name][:])] * 2, name)
        assert (file["drift/change_from_first"][:, 1] == 0).all()


def renamed(path):
    """Layers counted as 0, 1, 2, where PyTorch counts activations too."""
    data = path.read_bytes()
    length, = struct.unpack("<Q", data[:8])
    header, tensors = json.loads(data[8:8 + length]), {}
    header.pop("__metadata__", None)
    for name in sorted(header, key=lambda text: (int(text.split(".")[0]), text.endswith("bias"))):
        begin, end = header[name]["data_offsets"]
        kind = {"F32": "<f4", "F64": "<f8"}[header[name]["dtype"]]
        values = numpy.frombuffer(data[8 + length + begin:8 + length + end], kind).reshape(header[name]["shape"]).astype("f8")
        layer, what = name.split(".")
        tensors[f"{int(layer) // 2}.{what}"] = values
    return tensors


def test_digits_checkpoints_are_those_of_numpy(folder):
    digits = JOBS / "digits/digits.h5"
    paths = sorted((JOBS / "digits/checkpoints").glob("*.safetensors"))
    with h5py.File(digits) as file:
        rows = {"x": file["x"][:60].astype("f8"), "labels": file["y"][:60]}
    words = ["drift", *(word for path in paths for word in ("--model", path)), "--data", f"{digits}:x", "--labels", f"{digits}:y",
             "--rows", "0:60", "--precision", "float64", "--tile", 20]
    kernels = [kernels_of(renamed(path), rows, "trace") for path in paths]
    with run(words, folder / "d.h5", ranks=2) as file:
        tensors = [name.decode() for name in file["drift/name"][1:]]
        order = [{"ntk": one["ntk"], **{name: one[f"{int(name.split('.')[0]) // 2}.{name.split('.')[1]}"] for name in tensors}} for one in kernels]
        Y = one_hot(rows["labels"], 10)
        assert_drift(file, order, 1, Y @ Y.T)
        assert list(file["drift/step"][:]) == [0, 10, 100, 1000]
    drawn = script(JOBS / "plot.py", folder / "d.h5", uses=("matplotlib.pyplot",))
    assert drawn.returncode == 0 and (folder / "d.png").stat().st_size > 20000, drawn
