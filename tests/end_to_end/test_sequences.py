"""Kernels of networks on sequences, as PyTorch writes them to ONNX: transformers, token ids, masks, norms written out. They are those of
float64 autograd, tensor by tensor."""

import itertools
import warnings

import h5py
import numpy

from converters import need_torch
from harness import assert_close, each, kernel, need, tangram, write_h5
from test_export import ONE_AT_A_TIME

BAD_INPUT = 3
NAMES = ["encoder, post-norm", "encoder, pre-norm", "encoder, sequence first", "encoder, wide heads", "encoder, one position", "ViT", "GPT",
         "GPT, int32", "GPT, tied", "GPT, one token", "GPT, many words", "mixer", "padded attention", "learned query", "Llama", "BERT",
         "masked mean", "einsum", "last word"]
OPSETS = (17, 11, 14, 13)
FIRST_OPSET = {"einsum": 12, "Llama": 14}  # that the exporter can write them in


def inputs_of(samples):
    return samples if isinstance(samples, tuple) else (samples,)


def made(name, precision):
    """The model and its samples, in that precision."""
    torch = need_torch()
    import sequence_models

    dtype = getattr(torch, precision)
    model, samples = sequence_models.make(name)
    return model.to(dtype), tuple(part.to(dtype) if part.is_floating_point() else part for part in inputs_of(samples))


def write(folder, model, samples, opset, dynamic):
    """net.onnx, net.h5 with its samples and outputs; the words that name them."""
    torch = need_torch()
    names = [f"in{place}" for place in range(len(samples))]
    axes = {"dynamic_axes": {name: {0: "n"} for name in [*names, "out"]}} if dynamic else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(model, tuple(part[: 3 if dynamic else 1] for part in samples), folder / "net.onnx",
                          training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False, input_names=names, output_names=["out"],
                          opset_version=opset, **axes)
    outputs = model(*samples).detach().numpy()
    data = write_h5(folder / "net.h5", out=outputs.reshape(len(outputs), -1), **{name: part.numpy() for name, part in zip(names, samples)})
    named = [f"{name}={data}:{name}" if len(names) > 1 else f"{data}:{name}" for name in names]
    return data, named


def jacobians(model, samples):
    """{name: (N, outputs, entries)} in float64; a tensor that a sample does not touch has zeros."""
    torch = need_torch()
    model = model.double()
    parameters = dict(model.named_parameters())
    rows = {name: [] for name in parameters}
    for sample in zip(*samples):
        outputs = model(*(part[None].double() if part.is_floating_point() else part[None] for part in sample)).flatten()
        by_output = [torch.autograd.grad(y, list(parameters.values()), retain_graph=True) for y in outputs]
        for place, name in enumerate(parameters):
            rows[name].append(torch.stack([gradients[place].flatten() for gradients in by_output]))
    return {name: torch.stack(row).numpy() for name, row in rows.items()}


def kernels(rows, reduction):
    if reduction == "full":
        flat = {name: row.reshape(-1, row.shape[-1]) for name, row in rows.items()}
        return {name: row @ row.T for name, row in flat.items()}
    if reduction == "sum":
        return {name: row.sum(1) @ row.sum(1).T for name, row in rows.items()}
    scale = 1 / len(next(iter(rows.values()))[0]) if reduction == "mean" else 1
    return {name: scale * numpy.einsum("irp,jrp->ij", row, row) for name, row in rows.items()}


def table():
    """Every model in both precisions; opsets, batch axes, ranks and reductions take turns."""
    opsets, ranks, axes = itertools.cycle(OPSETS), itertools.cycle([1, 3, 1]), itertools.cycle([True, False, True, True, False])
    reductions = itertools.cycle(["trace", "full", "sum", "mean", "trace"])
    rows = {}
    for precision in ("float64", "float32"):
        for name in NAMES:
            row = (name, precision, max(next(opsets), FIRST_OPSET.get(name, 0)), next(axes), next(ranks), next(reductions))
            rows["{}, {}, opset {}, dynamic {}, {} ranks, {}".format(*row)] = row
    return rows


def assert_components(out, expected, precision):
    """What is zero but for rounding, as attention's key bias, is so beside the others."""
    assert sorted(out["components"]) == sorted(expected)
    largest = max(abs(matrix).max() for matrix in expected.values())
    for name, matrix in expected.items():
        if abs(matrix).max() > 1e-12 * largest:
            assert_close(out["components"][name][:], matrix, precision, name)
        else:
            assert abs(out["components"][name][:]).max() <= 1e-12 * largest, name
    assert_close(out["ntk"][:], sum(expected.values()), precision, "ntk")


@each(table())
def test_kernels_of_sequences_are_those_of_autograd(folder, name, precision, opset, dynamic, ranks, reduction):
    with ONE_AT_A_TIME:
        model, samples = made(name, precision)
        data, named = write(folder, model, samples, opset, dynamic)
        expected = kernels(jacobians(model, samples), reduction)
    more = [word for location in named[1:] for word in ("--data", location)]
    more += ["--frozen", "cos,sin"] if name == "Llama" else []  # buffers; GPT's mask is compared, so that it is none anyhow
    with kernel(folder / "net.onnx", named[0], folder / "k.h5", *more, "--reduction", reduction, "--tile", 2, "--expect-outputs", f"{data}:out",
                ranks=ranks, precision=precision) as out:
        assert out["checks"].attrs["passed"] == 1 and numpy.allclose(out["checks/scale"][:], 1)
        assert_components(out, expected, precision)


def test_a_table_of_many_rows_is_held_by_the_rows_that_are_touched(folder):
    with ONE_AT_A_TIME:
        model, samples = made("GPT, many words", "float64")
        data, named = write(folder, model, samples, 17, True)
        expected = kernels(jacobians(model, samples), "trace")
    with kernel(folder / "net.onnx", named[0], folder / "k.h5", precision="float64") as out:
        assert out["components/wte.weight"].attrs["form"] == "lookup" and out["components/wpe.weight"].attrs["form"] == "rows"
    with kernel(folder / "net.onnx", named[0], folder / "t.h5", "--test", named[0], "--test-rows", "1:4", precision="float64", ranks=2) as out:
        assert_close(out["components/wte.weight"][:], expected["wte.weight"][1:4], "float64", "rows of test samples")
        diagonal = out["component_diagonals/wte.weight"][:]
        assert_close(diagonal, numpy.diag(expected["wte.weight"])[1:4], "float64", "diagonal")
    with kernel(folder / "net.onnx", named[0], folder / "p.h5", "--space", "params", "--wrt", "wte.weight,ln_f.*", precision="float64") as out:
        of_parameters = numpy.linalg.eigvalsh(out["parameter_gram"][:])[::-1]
    with kernel(folder / "net.onnx", named[0], folder / "f.h5", "--reduction", "full", "--wrt", "wte.weight,ln_f.*", precision="float64") as out:
        of_samples = numpy.linalg.eigvalsh(out["ntk"][:])[::-1]
    count = min(len(of_parameters), len(of_samples))
    numpy.testing.assert_allclose(of_parameters[:count], of_samples[:count], atol=1e-10 * of_samples[0])


@each({"bias of its own, float64": ("BERT", "float64", 1), "bias of its own, float32": ("BERT", "float32", 3),
       "one bias for all, float64": ("encoder, pre-norm", "float64", 3)})
def test_the_gram_of_parameters_passes_though_the_gradient_of_a_keys_bias_is_rounding(folder, name, precision, ranks):
    with ONE_AT_A_TIME:
        model, samples = made(name, precision)
        data, named = write(folder, model, samples, 17, True)
        rows = jacobians(model, samples)
    more = [word for location in named[1:] for word in ("--data", location)]
    with kernel(folder / "net.onnx", named[0], folder / "p.h5", *more, "--space", "params", precision=precision, ranks=ranks) as out:
        J = numpy.concatenate([rows[tensor] for tensor in out["parameter_blocks/tensor"].asstr()], 2)
        J = J.reshape(-1, J.shape[2])
        sizes = (J**2).sum(0)
        assert sizes.min() < 1e-24 * sizes.max()  # the bias's
        assert_close(out["parameter_gram"][:], J.T @ J, precision, "J^T J")


def refused(folder, *words):
    done = tangram("kernel", "--model", folder / "net.onnx", "--output", folder / "k.h5", *words)
    assert done.code == BAD_INPUT and len(done.errors) == 1 and not list(folder.glob("k.h5*")), done
    return done.errors[0]


def test_ids_that_name_nothing_are_refused_by_sample_and_value(folder):
    with ONE_AT_A_TIME:
        model, samples = made("GPT", "float64")
        write(folder, model, samples, 17, True)
    ids = samples[0].numpy().copy()
    for place, value, words in (((3, 2), 11, ["11 at place 2", "row 3", "-11 to 10"]), ((1, 0), -12, ["-12 at place 0", "row 1"])):
        wrong = ids.copy()
        wrong[place] = value
        said = refused(folder, "--data", f"{write_h5(folder / 'wrong.h5', x=wrong)}:x")
        assert all(word in said for word in words), said
    said = refused(folder, "--data", f"{write_h5(folder / 'half.h5', x=ids + 0.5)}:x")
    assert "row 0, column 0" in said and "integers" in said, said


def test_ids_from_the_end_and_ids_stored_as_floats_are_the_same_rows(folder):
    with ONE_AT_A_TIME:
        model, samples = made("GPT, many words", "float64")
        _, named = write(folder, model, samples, 17, True)
    ids = samples[0].numpy()
    words = model.wte.weight.shape[0]
    numpy.save(folder / "ids.npy", numpy.where(ids % 2 == 0, ids, ids - words).astype("f4"))
    with kernel(folder / "net.onnx", named[0], folder / "a.h5", precision="float64") as one:
        with kernel(folder / "net.onnx", folder / "ids.npy", folder / "b.h5", precision="float64") as other:
            assert one["ntk"][:].tobytes() == other["ntk"][:].tobytes()


def test_samples_that_meet_by_ids_are_refused(folder):
    torch = need_torch()

    class Meets(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.words, self.last = torch.nn.Embedding(9, 4), torch.nn.Linear(4, 2)

        def forward(self, ids, mask):
            x = self.words(ids).mean(1)
            return self.last(x - (x * mask[:, :1].to(x.dtype)).mean(0))

    need("torch")
    with ONE_AT_A_TIME:
        torch.manual_seed(0)
        samples = (torch.randint(0, 9, (4, 3)), torch.ones(4, 3).long())
        _, named = write(folder, Meets().eval(), samples, 17, True)
    assert "samples of a batch meet" in refused(folder, "--data", named[0], "--data", named[1])


def test_one_position_s_logits_are_an_inner_value(folder):
    """The file's output are the logits of one position; --value names them, or what they are made of."""
    need_torch()
    with ONE_AT_A_TIME:
        model, samples = made("GPT", "float64")
        expected = kernels(jacobians(model, samples), "trace")
        _, named = write(folder, model, samples, 17, True)
        onnx = need("onnx")
        file = onnx.load(folder / "net.onnx")
        last = file.graph.node[-1]
        assert last.op_type == "MatMul"
    with kernel(folder / "net.onnx", named[0], folder / "k.h5", "--value", last.output[0], precision="float64") as out:
        assert_components(out, expected, "float64")
    with kernel(folder / "net.onnx", named[0], folder / "v.h5", "--value", last.input[0], precision="float64") as out:
        assert out["outputs"].shape[1] == 8 and "lm_head.weight" not in out["components"]
