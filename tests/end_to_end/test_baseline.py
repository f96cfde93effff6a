"""Kernels have the bits that they always had: where compiler, libm, BLAS and CPU are those of the recorded ones."""

import json

import baseline
from harness import TANGRAM, Skip, each


def compiled_for_this_cpu():
    """Whether the program's build says -march, for the whole project or one option more."""
    cache = TANGRAM.parent / "CMakeCache.txt"
    lines = cache.read_text().splitlines() if cache.exists() else []
    return "TANGRAM_NATIVE:BOOL=ON" in lines or any("CXX_FLAGS" in line and "-march" in line for line in lines)


def assert_same_build(found, recorded):
    """Skips, and says why, where bits may rightly differ."""
    others = [f"{what} {found[what]} here, {recorded[what]} there" for what in recorded if found[what] != recorded[what]]
    if others:
        raise Skip("recorded with another " + "; ".join(others))


@each({name: (name, network) for name, network in baseline.networks().items()})
def test_bits_are_those_recorded(folder, name, network):
    if compiled_for_this_cpu():
        raise Skip("built for this CPU alone (-march)")
    recorded = json.loads(baseline.BITS.read_text())
    expected = recorded["networks"][name]
    kernels = baseline.kernels(network)
    assert set(kernels) == set(expected["kernels"]), "record_bits.py was not run after the list of kernels changed"
    for label, options in kernels.items():
        found, versions = baseline.take(network, options, folder / "out.h5")
        assert_same_build(versions, recorded["versions"])
        matrices = expected["matrices"][label.split()[0]].split()
        assert sorted(found) == sorted(matrices), f"{label}: matrices {sorted(found)}, expected {matrices}"
        other = [matrix for matrix, digest in zip(matrices, expected["kernels"][label].split()) if found[matrix] != digest]
        assert not other, f"{label}: other bits than recorded in {', '.join(other)}"


def test_bits_on_two_ranks_with_two_threads_are_those_recorded(folder):
    recorded = json.loads(baseline.BITS.read_text())
    if compiled_for_this_cpu():
        raise Skip("built for this CPU alone (-march)")
    for name, label in [("wide", "samples full float32"), ("explicit_scales", "params trace float64")]:
        network = baseline.networks()[name]
        options = baseline.kernels(network)[label]
        found, versions = baseline.take(network, options, folder / "out.h5", threads=2, ranks=2)
        assert_same_build(versions, recorded["versions"])
        assert " ".join(found[matrix] for matrix in sorted(found)) == recorded["networks"][name]["kernels"][label], label
