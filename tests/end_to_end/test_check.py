"""`tangram check` redoes the checks of a finished file: with other samples, from inputs that were moved, and on every entry."""

import h5py

from bad_input_table import BAD_INPUT
from compare_net import Net, make
from harness import JOBS, kernel, tangram


def test_check_redoes_the_checks_with_other_samples(folder):
    net = make(folder, "tanh, 4 outputs")
    run = tangram("check", net.path, "--samples", 7, ranks=3)
    assert run.code == 0 and "7 of 60 samples" in run.stdout and "checks      passed" in run.stdout, run
    run = tangram("check", net.path, "--all", ranks=2)
    assert run.code == 0 and "60 of 60 samples" in run.stdout, run
    full = Net(folder, [6, 7, 3], reduction="full", samples=19, name="full")
    assert tangram("check", full.path, "--all", "--seed", 9).code == 0


def test_check_finds_one_wrong_entry_that_the_run_did_not_look_at(folder):
    net = make(folder, "tanh, 4 outputs")
    with h5py.File(net.path, "r+") as file:
        part = file["components/fc2.weight"]
        for place in ((17, 23), (23, 17)):
            part[place] = part[place] * 1.001
    assert tangram("check", net.path, "--samples", 2, "--seed", 3, "--tolerance", "1e-2").code == 0
    run = tangram("check", net.path, "--all", ranks=2)
    assert run.code == 5 and len(run.errors) == 1 and "fc2.weight" in run.errors[0], run


def test_check_wants_the_recorded_inputs(folder):
    net = make(folder, "tanh, 4 outputs", own=True)
    model, data = folder / "k.safetensors", folder / "k-data.h5"
    raw = bytearray(model.read_bytes())
    raw[-1] ^= 1
    model.rename(folder / "moved.safetensors")
    run = tangram("check", net.path)
    assert run.code == BAD_INPUT and "k.safetensors" in run.errors[0] and "--model" in run.errors[0], run
    assert tangram("check", net.path, "--model", folder / "moved.safetensors").code == 0
    model.write_bytes(raw)
    run = tangram("check", net.path, ranks=2)
    assert run.code == BAD_INPUT and len(run.errors) == 1 and "sha256" in run.errors[0], run
    model.unlink()
    (folder / "moved.safetensors").rename(model)
    data.rename(folder / "elsewhere.h5")
    assert tangram("check", net.path).code == BAD_INPUT
    assert tangram("check", net.path, "--data", folder / "elsewhere.h5").code == 0
    assert tangram("check", net.path, "--data", f"{folder}/elsewhere.h5:x").code == 0


def test_check_of_a_single_output_and_of_chosen_rows(folder):
    model, data = JOBS / "digits" / "digits_mlp.safetensors", f"{JOBS}/digits/digits.h5:x"
    with h5py.File(folder / "rows.h5", "w") as file:
        file["i"] = [5, 3, 900, 77, 12, 13]
    kernel(model, data, folder / "k.h5", "--activation", "tanh", "--logit", 4, "--indices", f"{folder}/rows.h5:i", "--labels",
           f"{JOBS}/digits/digits.h5:y", "--data-scale", 2, "--data-shift", -1).close()
    run = tangram("check", folder / "k.h5", "--all", ranks=2)
    assert run.code == 0 and "6 of 6 samples" in run.stdout, run
