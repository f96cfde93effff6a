"""What is computed beside the kernel, and what the file says of it."""

import numpy

from digits_kernel import DIGITS, MODEL, TANH, pixels, trace
from harness import assert_close, each, gram, kernel, read_safetensors


def digits_activations():
    """{layer name: its input on the first 20 digits}, in float64."""
    tensors = read_safetensors(MODEL)
    x = pixels(20).astype("f8")
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
    with kernel(MODEL, f"{DIGITS}:x", folder / "out.h5", *TANH, "--rows", "0:20", "--tile", 3, *options,
                ranks=3) as out:
        assert sorted(out.get("conjugate_kernels", [])) == layers
        for module in layers:
            assert_close(out["conjugate_kernels"][module][:], gram(digits_activations()[module]), "float64", module)
        assert len(out.get("components", [])) == (0 if "--components" in options else 6)
        assert_close(out["ntk"][:], trace(), "float64", "ntk")


def test_without_check_samples_the_file_says_that_nothing_was_checked(folder):
    with kernel(MODEL, f"{DIGITS}:x", folder / "out.h5", *TANH, "--rows", "0:20", "--check-samples", 0) as out:
        assert out["checks"].attrs["passed"] == -1
        assert_close(out["ntk"][:], trace(), "float64", "ntk")


def test_overwrite_replaces_an_existing_output(folder):
    (folder / "out.h5").write_text("an older result")
    with kernel(MODEL, f"{DIGITS}:x", folder / "out.h5", *TANH, "--rows", "0:20", "--overwrite", ranks=2) as out:
        assert_close(out["ntk"][:], trace(), "float64", "ntk")
    assert [path.name for path in folder.iterdir()] == ["out.h5"]
