"""--measure and --store none: what is summed as tiles come by, by NumPy on the stored kernels; on any ranks, after stops and kills; extremes of size
and scale; and what is refused."""

import h5py
import numpy

import factors_job
import life_job
from harness import DATA, each, tangram, write_h5, write_safetensors
from measures_oracle import centred, close, cosine_of_centred, kernels_of, one_hot, unbiased_hsic

USAGE, STOPPED = 2, 75
random = numpy.random.default_rng
ONE_A_KERNEL = ("trace", "frobenius", "mean", "largest", "alignment", "centred_alignment")


def network(folder, n=29, outputs=3, hidden=8, seed=1, scale=1.0):
    """The words of a run on `n` samples, labels and numbers beside them in x.h5."""
    rng = random(seed)
    widths = (5, hidden, outputs)
    tensors = {f"{k}.{kind}": rng.normal(size=shape) for k, (a, b) in enumerate(zip(widths, widths[1:]))
               for kind, shape in (("weight", (b, a)), ("bias", (b,)))}
    tensors["1.weight"] *= scale
    rows = dict(x=rng.normal(size=(n, 5)), labels=rng.integers(0, outputs if outputs > 1 else 2, size=n) * (1 if outputs > 1 else 4) + 1,
                numbers=rng.normal(size=(n, outputs)))
    if outputs > 1:
        rows["labels"] -= 1
    path = write_h5(folder / "x.h5", **rows)
    return ["kernel", "--model", write_safetensors(folder / "m.safetensors", tensors, "F64"), "--activation", "tanh", "--data", f"{path}:x",
            "--threads", 1, "--tile", 6, "--precision", "float64"], rows


def run(words, output, *more, ranks=1, code=0):
    done = tangram(*words, "--output", output, *more, ranks=ranks)
    assert done.code == code, done
    return h5py.File(output, "r") if code == 0 else done


def assert_measures(measured, kernels, R=1, labels=None, limit=1e-12, classes=None):
    group = measured["measures"]
    names = [name.decode() for name in group["name"][:]]
    assert names[0] == "ntk" and set(names) == set(kernels), (names, set(kernels))
    square = "trace" in group
    for k, name in enumerate(names):
        K = kernels[name]
        n = len(K) // R
        norm, T = numpy.linalg.norm(K), kernels.get("targets")
        close(group["frobenius"][k], norm, (name, "frobenius"), limit)
        close(group["largest"][k], numpy.abs(K).max(), (name, "largest"), limit)
        close(group["mean"][k], K.mean(), (name, "mean"), limit, numpy.abs(K).mean())
        close(group["row_sums"][k], K.sum(1), (name, "row_sums"), limit, numpy.abs(K).sum(1).max())
        if T is not None:
            close(group["alignment"][k], (K * T).sum() / norm / numpy.linalg.norm(T), (name, "alignment"), limit, 1)
        if square:
            close(group["trace"][k], numpy.trace(K), (name, "trace"), limit)
            close(group["diagonal"][k], numpy.diagonal(K), (name, "diagonal"), limit)
        if square and T is not None:
            close(group["centred_alignment"][k], cosine_of_centred(K, T, R), (name, "centred_alignment"), limit, 1)
        if labels is not None:
            pairs = numpy.einsum("irjr->ij", K.reshape(n, R, -1, R)) / R
            off = 1 - numpy.eye(*pairs.shape) if square else numpy.ones(pairs.shape)
            means = [[(pairs * off)[numpy.ix_(labels[0] == a, labels[1] == b)].sum() / max(off[numpy.ix_(labels[0] == a, labels[1] == b)].sum(), 1)
                      for b in classes] for a in classes]
            close(group["class_means"][k], means, (name, "class_means"), limit, numpy.abs(K).mean())
    if "gram" in group:
        all_of = [kernels[name] for name in names]
        norms = [numpy.linalg.norm(K) for K in all_of]
        for a, K in enumerate(all_of):
            for b, L in enumerate(all_of):
                size = norms[a] * norms[b]
                close(group["gram"][a, b], (K * L).sum(), ("gram", a, b), limit, size)
                if not square:
                    continue
                A, B = centred(K, R), centred(L, R)
                close(group["centred_gram"][a, b], (A * B).sum(), ("centred_gram", a, b), limit, size)
                close(group["cka"][a, b], cosine_of_centred(K, L, R), ("cka", a, b), limit, 1)
                if len(K) // R > 3:
                    close(group["debiased_gram"][a, b], unbiased_hsic(K, L, R), ("debiased", a, b), limit, size)


@each({"trace, labels": ("trace", "labels"), "trace, numbers": ("trace", "targets"), "full, labels": ("full", "labels"),
       "full, numbers": ("full", "targets"), "one logit, labels": ("1", "labels"), "sum, numbers": ("sum", "targets")})
def test_measures_are_those_of_the_stored_kernels_on_any_ranks(folder, reduction, which):
    words, rows = network(folder)
    how = ["--logit", 1] if reduction == "1" else ["--reduction", reduction]
    words += [*how, "--conjugate-kernels", "none", f"--{which}", f"{folder / 'x.h5'}:{'labels' if which == 'labels' else 'numbers'}"]
    Y = one_hot(rows["labels"], 3) if which == "labels" else rows["numbers"]
    Y = {"1": Y[:, 1:2], "sum": Y.sum(1, keepdims=True), "full": Y.reshape(-1, 1)}.get(reduction, Y)
    R = 3 if reduction == "full" else 1
    stored = run(words, folder / "k.h5", "--measure", "gram", ranks=3)
    kernels = kernels_of(stored, (Y, Y))
    labels = (rows["labels"], rows["labels"]) if which == "labels" else None
    assert_measures(stored, kernels, R, labels, classes=range(3))
    assert 0 <= stored["checks"].attrs["measures_error"] < 1e-12
    for ranks in (1, 3):
        with run([*words, "--store", "none", "--measure", "gram"], folder / f"{ranks}.h5", ranks=ranks) as file:
            assert "ntk" not in file and "components" not in file and file.attrs["store"] == "none"
            assert_measures(file, kernels, R, labels, classes=range(3))
            for name in file["measures"]:
                a, b = file["measures"][name][:], stored["measures"][name][:]
                assert (a == b).all() if a.dtype == object else numpy.allclose(a, b, rtol=1e-13, atol=0, equal_nan=True), name
            checks = file["checks"].attrs
            assert checks["passed"] == 1 and checks["probe_error"] < 1e-12 and checks["total_relative_error"] < 1e-12
            assert (file["checks/probe_error"][:] < 1e-12).all() and (file["checks/relative_error"][:] < 1e-12).all()


def test_two_classes_of_one_output_are_minus_and_plus_one(folder):
    words, rows = network(folder, outputs=1)
    words += ["--labels", f"{folder / 'x.h5'}:labels", "--conjugate-kernels", "none"]
    y = numpy.where(rows["labels"] == 1, -1.0, 1.0)[:, None]
    kernels = kernels_of(run(words, folder / "k.h5"), (y, y))
    done = tangram(*words, "--store", "none", "--output", folder / "n.h5")
    assert done.code == 0 and "centred" in done.stdout and "% of trace" in done.stdout, done
    with h5py.File(folder / "n.h5") as file:
        assert_measures(file, kernels, 1, (rows["labels"], rows["labels"]), classes=(1, 5))
        assert [name.decode() for name in file["measures/class"][:]] == ["1", "5"]
        assert "gram" not in file["measures"]
        assert file["measures/row_sums"].dims[1][0].name == "/row" and file["measures/trace"].dims[0][0].name == "/measures/name"


def test_only_the_total_is_stored_and_every_tensor_is_measured(folder):
    words, rows = network(folder)
    words += ["--targets", f"{folder / 'x.h5'}:numbers", "--conjugate-kernels", "none"]
    kernels = kernels_of(run(words, folder / "k.h5", "--measure", "basic"), (rows["numbers"], rows["numbers"]))
    with run([*words, "--store", "ntk", "--measure", "basic"], folder / "n.h5", ranks=2) as file:
        assert list(file["components"]) == [] and list(file["checksums"]) == ["ntk", "tile_column", "tile_row"], list(file["checksums"])
        assert_measures(file, kernels)
    for command in ("verify", "check"):
        assert tangram(command, folder / "n.h5").code == 0


def test_a_kernel_that_is_nearly_constant_keeps_the_digits_that_its_entries_have(folder):
    """Entries differ by 1e-5 of their size: centred from plain sums of squares, six of these digits would be lost once more."""
    words, rows = network(folder, n=40)
    write_h5(folder / "x.h5", **{**rows, "x": rows["x"] * 3e-3})
    words += ["--conjugate-kernels", "none", "--labels", f"{folder / 'x.h5'}:labels", "--measure", "gram"]
    with run(words, folder / "k.h5") as file:
        Y = one_hot(rows["labels"], 3)
        kernels = kernels_of(file, (Y, Y))
        part = numpy.linalg.norm(centred(kernels["0.bias"], 1)) / numpy.linalg.norm(kernels["0.bias"])
        assert 1e-6 < part < 1e-4, part
        names = [name.decode() for name in file["measures/name"][:]]
        for name in ("ntk", "0.bias", "1.weight"):
            exact = cosine_of_centred(kernels[name].astype("longdouble"), kernels["targets"].astype("longdouble"), 1)
            assert abs(file["measures/centred_alignment"][names.index(name)] - exact) < 1e-11, name
        exact = cosine_of_centred(kernels["0.bias"].astype("longdouble"), kernels["1.weight"].astype("longdouble"), 1)
        assert abs(file["measures/cka"][names.index("0.bias"), names.index("1.weight")] - exact) < 1e-11


def test_test_samples_have_no_trace_and_nothing_centred(folder):
    words, rows = network(folder)
    file = folder / "x.h5"
    words += ["--conjugate-kernels", "none", "--labels", f"{file}:labels", "--test", f"{file}:x", "--test-rows", "2:13", "--test-labels", f"{file}:labels"]
    labels = (rows["labels"][2:13], rows["labels"])
    kernels = kernels_of(run(words, folder / "k.h5"), tuple(one_hot(some, 3) for some in labels))
    for ranks in (1, 3):
        with run([*words, "--store", "none", "--measure", "gram"], folder / f"{ranks}.h5", ranks=ranks) as found:
            assert_measures(found, kernels, 1, labels, classes=range(3))
            for name in ("trace", "diagonal", "centred_alignment", "centred_gram", "debiased_gram", "cka"):
                assert name not in found["measures"], name
            assert found["checks"].attrs["passed"] == 1 and (found["checks/probe_error"][:] < 1e-12).all()


@each({"stored": ("all",), "the total stored": ("ntk",), "nothing stored": ("none",)})
def test_a_stopped_run_goes_on_to_the_same_measures(folder, store):
    words, rows = network(folder)
    words += ["--store", store, "--measure", "gram", "--targets", f"{folder / 'x.h5'}:numbers"]
    whole = run(words, folder / "w.h5")
    told = run(words, folder / "k.h5", "--stop-after-tiles", 5, ranks=3, code=STOPPED)
    assert "stopped with 5 of 15 tiles" in told.stderr, told
    told = run(words[:-2], folder / "k.h5", "--resume", code=USAGE)
    assert "measures differ" in told.errors[0], told
    told = run(words, folder / "k.h5", "--resume", "--stop-after-tiles", 4, ranks=2, code=STOPPED)
    assert "stopped with 9 of 15 tiles" in told.stderr, told
    with run(words, folder / "k.h5", "--resume", ranks=3) as file:
        for name in file["measures"]:
            a, b = file["measures"][name][:], whole["measures"][name][:]
            assert (a == b).all() if a.dtype == object else numpy.allclose(a, b, rtol=1e-13, atol=0, equal_nan=True), name
    assert not [path.name for path in folder.iterdir() if ".sums." in path.name or ".journal." in path.name]


@each({f"in {phase}": (phase,) for phase in ("write", "check", "metadata")})
def test_a_killed_run_goes_on_to_the_same_measures(folder, phase):
    words, _ = network(folder)
    words += ["--store", "none", "--measure", "gram", "--checkpoint-seconds", 0]
    whole = run(words, folder / "w.h5")
    rank = 0 if phase == "metadata" else 1
    died = tangram(*words, "--output", folder / "k.h5", ranks=3, program=life_job.FAULTY, extra={"TANGRAM_FAULT": f"{phase}:{rank}:kill"})
    assert died.code == 137 and not (folder / "k.h5").exists(), died
    told = run(words, folder / "k.h5", "--resume", "--stop-after-tiles", 0, ranks=2)  # none is left to be made
    with told as file:
        for name in file["measures"]:
            a, b = file["measures"][name][:], whole["measures"][name][:]
            assert (a == b).all() if a.dtype == object else numpy.allclose(a, b, rtol=1e-13, atol=0, equal_nan=True), name


def test_a_damaged_record_is_not_believed_and_costs_its_tiles(folder):
    words, _ = network(folder)
    words += ["--store", "none", "--measure", "gram"]
    whole = run(words, folder / "w.h5")
    assert not [path for path in folder.iterdir() if ".sums." in path.name]
    run(words, folder / "k.h5", "--stop-after-tiles", 9, ranks=3, code=STOPPED)
    records = sorted(path for path in folder.iterdir() if ".sums." in path.name)
    assert len(records) == 3, records
    spoilt = bytearray(records[1].read_bytes())
    spoilt[len(spoilt) // 2] ^= 1
    records[1].write_bytes(spoilt)
    told = run(words, folder / "k.h5", "--resume", "--stop-after-tiles", 1, code=STOPPED)
    assert "stopped with 7 of 15 tiles" in told.stderr, told
    with run(words, folder / "k.h5", "--resume") as file:
        for name in ("trace", "frobenius", "row_sums", "gram"):
            assert numpy.allclose(file["measures"][name][:], whole["measures"][name][:], rtol=1e-13, atol=0), name


@each({"1 sample": (1,), "2 samples": (2,), "one more than a tile": (7,)})
def test_few_samples(folder, n):
    words, rows = network(folder, n=n)
    words += ["--conjugate-kernels", "none", "--targets", f"{folder / 'x.h5'}:numbers"]
    kernels = kernels_of(run(words, folder / "k.h5", "--measure", "basic"), (rows["numbers"], rows["numbers"]))
    with run([*words, "--store", "none", "--measure", "gram"], folder / "n.h5", ranks=3) as file:
        if n > 1:
            return assert_measures(file, kernels)
        group = file["measures"]
        assert numpy.isnan(group["centred_alignment"][:]).all() and numpy.isnan(group["cka"][:]).all() and numpy.isnan(group["debiased_gram"][:]).all()
        assert (group["centred_gram"][:] == 0).all() and numpy.allclose(group["alignment"][:], 1, rtol=1e-12)


def test_a_constant_kernel_has_no_centred_alignment_and_the_table_says_so(folder):
    words, _ = network(folder, outputs=1)
    words += ["--store", "none", "--measure", "gram", "--labels", f"{folder / 'x.h5'}:labels"]
    done = tangram(*words, "--output", folder / "n.h5")
    assert done.code == 0 and "the centred norm of 1.bias is zero within rounding" in done.stdout, done
    with h5py.File(folder / "n.h5") as file:
        group = file["measures"]
        names = [name.decode() for name in group["name"][:]]
        bias = names.index("1.bias")
        assert numpy.isnan(group["centred_alignment"][bias]) and numpy.isnan(group["cka"][bias]).all()
        assert numpy.isfinite(group["alignment"][bias])
        assert numpy.isfinite(numpy.delete(group["centred_alignment"][:], bias)).all()


@each({"entries of 1e-160": (1e-80,), "entries of 1e300": (1e150,)})
def test_alignments_at_the_ends_of_float64(folder, scale):
    words, rows = network(folder, scale=scale)
    words += ["--conjugate-kernels", "none", "--check-samples", 0, "--wrt", "0.*", "--labels", f"{folder / 'x.h5'}:labels"]
    Y = one_hot(rows["labels"], 3)
    kernels = kernels_of(run(words, folder / "k.h5"), (Y, Y))
    of = {name: K if name == "targets" else K / numpy.abs(kernels["ntk"]).max() for name, K in kernels.items()}
    norm = numpy.abs(kernels["ntk"]).max()
    with run([*words, "--store", "none", "--measure", "gram"], folder / "n.h5", ranks=2) as file:
        group = file["measures"]
        for k, name in enumerate(name.decode() for name in group["name"][:]):
            K, T = of[name], of["targets"]
            A, B = centred(K, 1), centred(T, 1)
            close(group["alignment"][k], (K * T).sum() / numpy.linalg.norm(K) / numpy.linalg.norm(T), name, size=1)
            close(group["centred_alignment"][k], (A * B).sum() / numpy.linalg.norm(A) / numpy.linalg.norm(B), name, size=1)
            close(group["frobenius"][k] / (1 if name == "targets" else norm), numpy.linalg.norm(K), name)
            A0 = centred(of["ntk"], 1)
            close(group["cka"][0, k], (A * A0).sum() / numpy.linalg.norm(A) / numpy.linalg.norm(A0), name, size=1)


@each({"level": (["--measure", "some"], "unknown value 'some' of --measure"), "of parameters": (["--measure", "basic", "--space", "params"], "is of samples"),
       "nothing of parameters": (["--store", "none", "--space", "params"], "measures of samples"),
       "targets": (["--targets", "x.h5:numbers"], "--targets are for --reduction loss and --measure")})
def test_what_is_refused(folder, more, message):
    words, _ = network(folder)
    told = run(words, folder / "k.h5", *more, code=USAGE)
    assert message in told.errors[0], told


def test_a_dry_run_counts_the_measures(folder):
    words, _ = network(folder)
    told = tangram(*words, "--output", folder / "k.h5", "--store", "none", "--dry-run")
    assert told.code == 0 and "measures of tiles under way" in told.stdout and "in measures" in told.stdout, told


@each({"a graph of images, float64": ("lenet", "float64"), "a graph of images, float32": ("lenet", "float32"), "shared weights": ("tied", "float32")})
def test_measures_of_graphs_are_those_of_the_stored_kernels(folder, name, precision):
    base = ["kernel", "--model", DATA / "onnx" / f"{name}.onnx", "--data", f"{DATA / 'onnx' / f'{name}.h5'}:x", "--precision", precision, "--threads", 2,
            "--tile", 4, "--conjugate-kernels", "none"]
    stored = run(base, folder / "k.h5")
    kernels = kernels_of(stored, None)
    with run([*base, "--store", "none", "--measure", "gram"], folder / "m.h5", ranks=2) as file:
        # the tiles that come by are those that would be stored, to the last bit
        assert_measures(file, {key: kernel for key, kernel in kernels.items() if key in names_of(file)})
        assert set(names_of(file)) == set(kernels) and file["checks"].attrs["passed"] == 1


def names_of(file):
    return [name.decode() for name in file["measures/name"][:]]


def test_measures_of_factors_are_those_of_the_stored_kernel(folder):
    tensors = factors_job.arrays()
    factors = factors_job.write_hdf5(folder / "f.h5", tensors)
    kernels = {name: factors_job.REDUCTIONS["trace"](factors_job.jacobian(parts)) for name, parts in tensors.items()}
    kernels["ntk"] = sum(kernels.values())
    with factors_job.made(factors, folder / "m.h5", "--tile", 5, "--store", "none", "--measure", "gram", ranks=3) as file:
        assert_measures(file, kernels)
