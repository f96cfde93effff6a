"""The kernel file holds every dataset and attribute of format "tangram", version 1, as other programs expect them."""

import hashlib
import json
import math
import os
import re
import subprocess
from pathlib import Path

import h5py
import numpy

from harness import DATA, JOBS, each, kernel, write_h5

MODEL = JOBS / "digits" / "digits_mlp.safetensors"
DIGITS = f"{JOBS}/digits/digits.h5"
SAMPLES, OUTPUTS, PARAMETERS = 23, 10, 64 * 128 + 128 + 128 * 128 + 128 + 128 * 10 + 10
TENSORS = {"0.weight": (64, 128, 1), "0.bias": (64, 128, 1), "2.weight": (128, 128, 2), "2.bias": (128, 128, 2),
           "4.weight": (128, 10, 3), "4.bias": (128, 10, 3)}  # fan_in, fan_out, layer


def make(folder, *options, **settings):
    """A kernel file with everything in it that can be there, on 3 ranks."""
    with h5py.File(DATA / "digits_reference.h5") as reference:
        expected = write_h5(folder / "expected.h5", y=reference["outputs"][:])
    rows = write_h5(folder / "rows.h5", i=list(range(20)))
    return kernel(MODEL, f"{DIGITS}:x", folder / "out.h5", "--activation", "tanh", "--tile", 5, "--conjugate-kernels", "all",
                  *(options or ["--indices", f"{rows}:i", "--labels", f"{DIGITS}:y", "--expect-outputs", f"{expected}:y"]),
                  ranks=3, threads=2, **settings)


def assert_attributes(item, **kinds):
    for name, kind in kinds.items():
        assert name in item.attrs, f"{item.name} has no attribute {name}: {sorted(item.attrs)}"
        value = item.attrs[name]
        fits = {str: isinstance(value, str), int: isinstance(value, numpy.integer),
                float: isinstance(value, numpy.floating)}[kind]
        assert fits, f"attribute {name} of {item.name} is {value!r} ({type(value).__name__}), expected {kind.__name__}"


def assert_strings(dataset):
    text = h5py.check_string_dtype(dataset.dtype)
    assert text is not None and text.encoding == "utf-8" and text.length is None, f"{dataset.name} is {dataset.dtype}"
    return dataset.asstr()[:].tolist()


def test_root_attributes(folder):
    with make(folder) as file:
        assert_attributes(file, format=str, format_version=int, software=str, software_version=str, git_commit=str,
                          date=str, status=str, space=str, n_samples=int, n_outputs=int, n_parameters=int, output_operator=str, reduction=str,
                          logit=int, parameterization=str, precision=str, tile=int)
        assert (file.attrs["format"], file.attrs["format_version"], file.attrs["software"]) == ("tangram", 1, "tangram")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)", file.attrs["date"]), file.attrs["date"]
        described = {name: file.attrs[name] for name in ("status", "n_samples", "n_outputs", "n_parameters", "reduction",
                                                         "logit", "parameterization", "precision", "tile")}
        assert described == {"status": "complete", "n_samples": 20, "n_outputs": OUTPUTS, "n_parameters": PARAMETERS,
                             "reduction": "trace", "logit": -1, "parameterization": "standard", "precision": "float64",
                             "tile": 5}, described


def test_a_logit_is_recorded(folder):
    with make(folder, "--rows", "0:9", "--logit", 3) as file:
        assert file.attrs["logit"] == 3


@each({"trace": ("trace", SAMPLES), "full": ("full", SAMPLES * OUTPUTS)})
def test_matrices_and_their_attributes(folder, reduction, n):
    with make(folder, "--rows", f"0:{SAMPLES}", "--reduction", reduction, precision="float32") as file:
        assert file["ntk"].shape == (n, n) and file["ntk"].dtype == "f4"
        assert_attributes(file["ntk"], symmetric=int, long_name=str)
        assert file["ntk"].attrs["symmetric"] == 1
        assert sorted(file["components"]) == sorted(TENSORS)
        for name, (fan_in, fan_out, layer) in TENSORS.items():
            component = file["components"][name]
            kind = name.split(".")[1]
            assert component.shape == (n, n) and component.dtype == "f4"
            assert_attributes(component, n_parameters=int, fan_in=int, fan_out=int, layer=int, activation=str,
                              output_scale=float, **{kind + "_scale": float})
            found = tuple(component.attrs[a] for a in ("n_parameters", "fan_in", "fan_out", "layer", "activation"))
            size = fan_in * fan_out if kind == "weight" else fan_out
            assert found == (size, fan_in, fan_out, layer, "identity" if layer == 3 else "tanh"), found
            assert component.attrs[kind + "_scale"] == 1 and component.attrs["output_scale"] == 1
        for module in ("0", "2", "4"):
            assert file["conjugate_kernels"][module].shape == (SAMPLES, SAMPLES)
        assert file["outputs"].shape == (SAMPLES, OUTPUTS)
        assert file["samples"].shape == (SAMPLES,) and file["samples"].dtype == "i8"
        assert "labels" not in file and "accuracy" not in file["checks"].attrs
        assert "outputs_error" not in file["checks"].attrs


def test_scales_of_a_parameterization_are_recorded_with_each_component(folder):
    model, data = f"{DATA}/references.h5:ntk_std_each/model", f"{DATA}/references.h5:ntk_std_each/x"
    with h5py.File(DATA / "references.h5") as references:
        options = references["ntk_std_each"].attrs["options"]
        with kernel(model, data, folder / "out.h5", *options) as file:
            assert file.attrs["parameterization"] == "ntk"
            assert math.isclose(file["components/layer2.weight"].attrs["weight_scale"], 1.2 / math.sqrt(10))
            assert math.isclose(file["components/layer2.bias"].attrs["bias_scale"], 0.3)
            assert sorted(file["components"]) == ["layer1.weight", "layer2.bias", "layer2.weight", "layer3.bias",
                                                  "layer3.weight"]


def test_checks(folder):
    with make(folder) as file:
        checks = file["checks"]
        assert_attributes(checks, passed=int, tolerance=float, seed=int, symmetry_error=float, sum_of_components_error=float,
                          total_relative_error=float, finite_difference_error=float, smallest_eigenvalue=float, smallest_diagonal=float,
                          probe_error=float, outputs_compared=int, outputs_error=float, accuracy=float, samples_near_kink=int)
        assert checks.attrs["passed"] == 1 and checks.attrs["symmetry_error"] == 0
        names = assert_strings(checks["component"])
        assert names == list(TENSORS), names
        for name in ("relative_error", "normalized_error", "scale", "probe_error"):
            assert checks[name].shape == (6,) and checks[name].dtype == "f8", name
        assert assert_strings(checks["remark"]) == [""] * 6 and checks.attrs["underflowing_components"] == 0
        assert numpy.abs(checks["scale"][:] - 1).max() < 1e-12 and checks["relative_error"][:].max() < 1e-12

        rows = checks["samples"][:]
        assert rows.shape == (16,) and len(set(rows)) == 16 and set(rows) <= set(range(20)), rows
        reference, layerwise = checks["jacobian_ntk"][:], checks["layerwise_ntk"][:]
        assert reference.shape == layerwise.shape == (16, 16)
        assert (layerwise == file["ntk"][:][numpy.ix_(rows, rows)]).all()
        assert math.isclose(numpy.linalg.eigvalsh(layerwise)[0], checks.attrs["smallest_eigenvalue"], rel_tol=1e-6)


def test_checks_of_a_full_kernel_have_a_block_for_each_sample(folder):
    with make(folder, "--rows", "0:9", "--reduction", "full", "--check-samples", 4) as file:
        assert file["checks/samples"].shape == (4,)
        assert file["checks/jacobian_ntk"].shape == (4 * OUTPUTS, 4 * OUTPUTS)


def test_checksums_cover_every_matrix(folder):
    with make(folder) as file:
        for name in ["ntk", *("components/" + tensor for tensor in TENSORS)]:
            sums = file["checksums/" + name]
            assert sums.shape == (4, 4) and sums.dtype == "u8", name
        assert file["checksums"].attrs["contents"].dtype == "u8"
        lines = file["checksums"].attrs["objects"].splitlines()
        paths = []
        file.visit(paths.append)
        assert sorted(line.split(" ", 1)[1] for line in lines) == sorted(["/", *("/" + path for path in paths)])


def test_timing_and_provenance(folder):
    with make(folder) as file:
        timing = file["timing"]
        assert_attributes(timing, ranks=int, threads=int, flops=float, bytes_received=int, bytes_written=int,
                          planned_memory=int)
        assert (timing.attrs["ranks"], timing.attrs["threads"]) == (3, 2)
        phases = assert_strings(timing["phase"])
        assert phases == ["read", "features", "exchange", "assemble", "write", "check"], phases
        assert timing["seconds"].shape == (6, 3) and (timing["seconds"][:] >= 0).all()
        assert timing["peak_memory"].shape == (3,) and (timing["peak_memory"][:] > 1e6).all()

        provenance = file["provenance"]
        assert_attributes(provenance, command_line=str, configuration=str, compiler=str, blas=str, mpi=str, hdf5=str)
        assert "--activation tanh" in provenance.attrs["command_line"]
        assert "tanh" in provenance.attrs["configuration"] and "tile" in provenance.attrs["configuration"]
        assert "1.1" in provenance.attrs["hdf5"] and "OpenBLAS" in provenance.attrs["blas"]
        assert provenance.attrs["slurm_job_id"] == os.environ.get("SLURM_JOB_ID", "")
        assert len(set(provenance.attrs["hosts"])) == 1 and all(isinstance(host, str) for host in provenance.attrs["hosts"])
        inputs = [json.loads(entry) for entry in provenance.attrs["inputs"]]
        by_name = {entry["name"].split("/")[-1]: entry for entry in inputs}
        assert sorted(by_name) == ["digits.h5", "digits_mlp.safetensors", "expected.h5", "rows.h5"], inputs
        for path in (MODEL, Path(DIGITS)):
            raw, entry = path.read_bytes(), by_name[path.name]
            assert entry["bytes"] == len(raw) and entry["sha256"] == hashlib.sha256(raw).hexdigest(), entry


def test_h5dump_reads_the_file(folder):
    with make(folder) as file:
        path = file.filename
    header = subprocess.run(["h5dump", "-H", path], capture_output=True, text=True, check=True).stdout
    for word in ('DATASET "ntk"', 'DATASET "2.weight"', 'GROUP "conjugate_kernels"', 'GROUP "checks"', 'GROUP "provenance"'):
        assert word in header, word
