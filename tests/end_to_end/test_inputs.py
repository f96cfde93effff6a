"""What a user may bring: samples of every shape and type, models of every format, and options that pick among them."""

import h5py
import numpy

from harness import (DATA, JOBS, as_stored, assert_close, assert_kernel, each, gram, kernel, read_model,
                     read_safetensors, tangram, write_h5, write_safetensors)

REFERENCES = DATA / "references.h5"
DIGITS_MODEL = JOBS / "digits" / "digits_mlp.safetensors"
DIGITS = JOBS / "digits" / "digits.h5"
TANH = ["--activation", "tanh"]


def digits_pixels(count):
    with h5py.File(DIGITS) as file:
        return file["x"][:count]


def digits_trace():
    with h5py.File(DATA / "digits_reference.h5") as file:
        return file["trace/kernel"][:]


# ---- samples


@each({"uint8 images": (lambda x: (16 * x).astype("u1").reshape(-1, 8, 8), ["--data-scale", 0.0625]),
       "int64": (lambda x: (16 * x).astype("i8"), ["--data-scale", 0.0625]),
       "int16 scaled and shifted": (lambda x: (16 * x).astype("i2") - 100, ["--data-scale", 0.0625, "--data-shift", 6.25]),
       "float64 images with a channel": (lambda x: x.astype("f8").reshape(-1, 1, 8, 8), []),
       "float16": (lambda x: x.astype("f2"), []),
       "big-endian float32": (lambda x: x.astype(">f4"), []),
       "float32 shifted": (lambda x: x + 1, ["--data-shift", -1])})
def test_samples_of_other_types_and_shapes_are_the_same_samples(folder, convert, options):
    data = write_h5(folder / "data.h5", **{"test/images": convert(digits_pixels(20))})
    for ranks in (1, 3):
        with kernel(DIGITS_MODEL, f"{data}:test/images", folder / f"{ranks}.h5", *TANH, *options, "--tile", 4,
                    ranks=ranks) as out:
            assert_close(out["ntk"][:], digits_trace(), "float64", "ntk")


@each({"gzip": ({"compression": "gzip", "shuffle": True},), "chunked": ({"chunks": (3, 5)},),
       "fletcher32": ({"chunks": (7, 64), "fletcher32": True},), "extendible": ({"maxshape": (None, 64)},)})
def test_samples_stored_in_chunks_and_filters_are_read(folder, storage):
    with h5py.File(folder / "data.h5", "w") as file:
        file.create_dataset("x", data=digits_pixels(20), **storage)
    with kernel(DIGITS_MODEL, f"{folder}/data.h5:x", folder / "out.h5", *TANH, "--tile", 4, ranks=3) as out:
        assert_close(out["ntk"][:], digits_trace(), "float64", "ntk")


def test_integer_samples_without_a_scale_are_warned_of(folder):
    data = write_h5(folder / "data.h5", x=(16 * digits_pixels(6)).astype("u1"))
    words = ["kernel", "--model", DIGITS_MODEL, *TANH, "--output", folder / "out.h5", "--overwrite", "--data", f"{data}:x"]
    plain, scaled = tangram(*words), tangram(*words, "--data-scale", 0.0625)
    assert plain.code == 0 and scaled.code == 0, f"{plain}{scaled}"
    assert "--data-scale" in plain.stderr and "--data-scale" not in scaled.stderr


@each({f"{ranks} ranks": (ranks,) for ranks in (1, 4)})
def test_rows_picks_a_half_open_range(folder, ranks):
    with kernel(DIGITS_MODEL, f"{DIGITS}:x", folder / "out.h5", *TANH, "--rows", "3:17", "--tile", 4, ranks=ranks) as out:
        assert out["samples"][:].tolist() == list(range(3, 17))
        assert_close(out["ntk"][:], digits_trace()[3:17, 3:17], "float64", "ntk")


@each({f"{ranks} ranks": (ranks,) for ranks in (1, 3)})
def test_indices_pick_rows_in_their_own_order(folder, ranks):
    rows = [19, 2, 7, 0, 11, 5]
    picked = write_h5(folder / "rows.h5", test=numpy.array(rows, "i4"))
    with kernel(DIGITS_MODEL, f"{DIGITS}:x", folder / "out.h5", *TANH, "--indices", f"{picked}:test", "--tile", 2,
                "--labels", f"{DIGITS}:y", ranks=ranks) as out, h5py.File(DIGITS) as digits:
        assert out["samples"].dtype == "i8" and out["samples"][:].tolist() == rows
        assert out["labels"][:].tolist() == digits["y"][:][rows].tolist()
        assert_close(out["ntk"][:], digits_trace()[numpy.ix_(rows, rows)], "float64", "ntk")


def test_labels_are_kept_and_give_the_accuracy(folder):
    with h5py.File(DIGITS) as digits, h5py.File(DATA / "digits_reference.h5") as reference:
        labels = digits["y"][:20]
        right = (reference["outputs"][:].argmax(axis=1) == labels).mean()
    one_a_sample = write_h5(folder / "labels.h5", y=labels)
    for name, location in {"one a row": f"{DIGITS}:y", "one a sample": f"{one_a_sample}:y"}.items():
        with kernel(DIGITS_MODEL, f"{DIGITS}:x", folder / f"{name}.h5", *TANH, "--rows", "0:20", "--labels", location,
                    ranks=2) as out:
            assert out["labels"][:].tolist() == labels.tolist(), name
            assert abs(out["checks"].attrs["accuracy"] - right) < 1e-12, name


# ---- expected outputs


@each({f"{ranks} ranks": (ranks,) for ranks in (1, 3)})
def test_right_expected_outputs_pass(folder, ranks):
    with h5py.File(DATA / "digits_reference.h5") as reference:
        outputs = reference["outputs"][:]
    for dtype in ("f8", "f4"):
        expected = write_h5(folder / f"expected-{dtype}.h5", y=outputs.astype(dtype))
        with kernel(DIGITS_MODEL, f"{DIGITS}:x", folder / f"out-{dtype}.h5", *TANH, "--rows", "0:20", "--expect-outputs",
                    f"{expected}:y", "--tile", 3, ranks=ranks) as out:
            assert out["checks"].attrs["outputs_error"] < (1e-12 if dtype == "f8" else 1e-5)


@each({f"{ranks} ranks": (ranks,) for ranks in (1, 4)})
def test_one_wrong_expected_output_fails_the_check_and_the_file_says_so(folder, ranks):
    with h5py.File(DATA / "digits_reference.h5") as reference:
        outputs = reference["outputs"][:]
    outputs[17, 6] += 0.01
    expected = write_h5(folder / "expected.h5", y=outputs)
    run = tangram("kernel", "--model", DIGITS_MODEL, "--data", f"{DIGITS}:x", "--output", folder / "out.h5", *TANH,
                  "--rows", "0:20", "--expect-outputs", f"{expected}:y", "--tile", 3, ranks=ranks)
    assert run.code == 5, run
    assert len(run.errors) == 1, run
    assert not (folder / "out.h5").exists() and not (folder / "out.h5.partial").exists()
    with h5py.File(folder / "out.h5.failed") as out:
        assert out.attrs["status"] == "check failed"
        assert out["checks"].attrs["passed"] == 0
        assert out["checks"].attrs["outputs_error"] > 1e-4


def test_another_activation_than_the_users_fails_the_expected_outputs(folder):
    with h5py.File(DATA / "digits_reference.h5") as reference:
        expected = write_h5(folder / "expected.h5", y=reference["outputs"][:])
    run = tangram("kernel", "--model", DIGITS_MODEL, "--data", f"{DIGITS}:x", "--output", folder / "out.h5",
                  "--activation", "erf", "--rows", "0:20", "--expect-outputs", f"{expected}:y")
    assert run.code == 5, run


# ---- models


@each({dtype: (dtype,) for dtype in ("F64", "F32", "F16", "BF16")})
def test_weights_of_every_dtype_are_read_exactly(folder, dtype):
    with h5py.File(REFERENCES) as file:
        model = read_model(file["normal_weights/model"])
    stored = write_safetensors(folder / "stored.safetensors", model, dtype)
    widened = write_safetensors(folder / "widened.safetensors", {name: as_stored(v, dtype) for name, v in model.items()}, "F64")
    options = ["--activation", "relu_normalized,elu"]
    with kernel(stored, f"{REFERENCES}:normal_weights/x", folder / "stored.h5", *options) as one, \
            kernel(widened, f"{REFERENCES}:normal_weights/x", folder / "widened.h5", *options) as other:
        assert (one["ntk"][:] == other["ntk"][:]).all()
        if dtype == "F64":
            with h5py.File(REFERENCES) as file:
                assert_kernel(one, file["normal_weights/expected/trace"], "float64")


@each({"deep_mixed": ("deep_mixed", "trace"), "deep_without_bias": ("deep_without_bias", "trace"),
       "single_layer_tanh": ("single_layer_tanh", "trace")})
def test_safetensors_are_read_as_hdf5_models_are(folder, network, reduction):
    with h5py.File(REFERENCES) as file:
        case = file[network]
        dtype = "F32" if case["x"].dtype == "f4" else "F64"
        model = write_safetensors(folder / "m.safetensors", read_model(case["model"]), dtype)
        with kernel(model, f"{REFERENCES}:{network}/x", folder / "out.h5", "--reduction", reduction, "--tile", 4,
                    *case.attrs["options"], ranks=2) as out:
            assert_kernel(out, case["expected"][reduction], "float64")


def test_metadata_of_safetensors_gives_the_defaults_and_options_override_it(folder):
    with h5py.File(REFERENCES) as file:
        case = file["ntk_one_std"]
        tensors = read_model(case["model"])
        metadata = {"activation": "gelu_tanh", "parameterization": "ntk", "weight_std": "1.5", "bias_std": "0.1"}
        right = write_safetensors(folder / "right.safetensors", tensors, metadata=metadata)
        wrong = write_safetensors(folder / "wrong.safetensors", tensors, metadata=dict(metadata, weight_std="3", activation="sin"))
        data = f"{REFERENCES}:ntk_one_std/x"
        with kernel(right, data, folder / "right.h5") as out:
            assert_kernel(out, case["expected/trace"], "float64")
        with kernel(wrong, data, folder / "wrong.h5", "--weight-std", 1.5, "--activation", "gelu_tanh") as out:
            assert_kernel(out, case["expected/trace"], "float64")


def test_a_module_of_a_larger_model_is_picked_by_its_prefix(folder):
    with h5py.File(REFERENCES) as file:
        case = file["wide"]
        tensors = {"head." + name: values for name, values in read_model(case["model"]).items()}
        tensors["encoder.1.weight"] = numpy.ones((3, 2), "f4")
        tensors["temperature"] = numpy.ones(1, "f4")
        model = write_safetensors(folder / "m.safetensors", tensors)
        with kernel(f"{model}:head", f"{REFERENCES}:wide/x", folder / "out.h5", *case.attrs["options"]) as out:
            assert_kernel(out, case["expected/trace"], "float64")


def test_layers_without_numbers_are_put_in_the_order_given(folder):
    with h5py.File(REFERENCES) as file:
        case = file["normal_weights"]
        names = {"layer1": "entry", "layer2": "middle", "layer3": "exit"}
        tensors = {names[name.split(".")[0]] + "." + name.split(".")[1]: values
                   for name, values in read_model(case["model"]).items()}
        model = write_safetensors(folder / "m.safetensors", tensors, "F64")
        with kernel(model, f"{REFERENCES}:normal_weights/x", folder / "out.h5", *case.attrs["options"], "--layers",
                    "entry,middle,exit") as out:
            assert_close(out["ntk"][:], case["expected/trace/ntk"][:], "float64", "ntk")
            assert_close(out["components/exit.bias"][:], case["expected/trace/components/layer3.bias"][:], "float64", "bias")


# ---- what is computed


def digits_activations():
    """{layer name: its input on the first 20 digits}, in float64."""
    tensors = read_safetensors(DIGITS_MODEL)
    x = digits_pixels(20).astype("f8")
    inputs = {}
    for module in ("0", "2", "4"):
        inputs[module] = x
        x = numpy.tanh(x @ tensors[module + ".weight"].T + tensors[module + ".bias"])
    return inputs


@each({"all": (["--conjugate-kernels", "all"], ["0", "2", "4"]), "last": (["--conjugate-kernels", "last"], ["4"]),
       "the default": ([], ["4"]), "none": (["--conjugate-kernels", "none"], []),
       "no components": (["--components", "none"], []),
       "no components, but asked for": (["--components", "none", "--conjugate-kernels", "all"], ["0", "2", "4"])})
def test_conjugate_kernels_are_grams_of_layer_inputs(folder, options, layers):
    with kernel(DIGITS_MODEL, f"{DIGITS}:x", folder / "out.h5", *TANH, "--rows", "0:20", "--tile", 3, *options,
                ranks=3) as out:
        assert sorted(out.get("conjugate_kernels", [])) == layers
        for module in layers:
            assert_close(out["conjugate_kernels"][module][:], gram(digits_activations()[module]), "float64", module)
        assert len(out.get("components", [])) == (0 if "--components" in options else 6)
        assert_close(out["ntk"][:], digits_trace(), "float64", "ntk")


def test_without_check_samples_the_file_says_that_nothing_was_checked(folder):
    with kernel(DIGITS_MODEL, f"{DIGITS}:x", folder / "out.h5", *TANH, "--rows", "0:20", "--check-samples", 0) as out:
        assert out["checks"].attrs["passed"] == -1
        assert_close(out["ntk"][:], digits_trace(), "float64", "ntk")


def test_overwrite_replaces_an_existing_output(folder):
    (folder / "out.h5").write_text("an older result")
    with kernel(DIGITS_MODEL, f"{DIGITS}:x", folder / "out.h5", *TANH, "--rows", "0:20", "--overwrite", ranks=2) as out:
        assert_close(out["ntk"][:], digits_trace(), "float64", "ntk")
    assert [path.name for path in folder.iterdir()] == ["out.h5"]
