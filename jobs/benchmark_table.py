"""The table of jobs/benchmark.sh: reads what it measured, in the directory that is the one argument, and prints
Markdown. A ratio is the median over the rounds of the ratio within a round, where both numbers were taken in turn."""

import json
import sys
from pathlib import Path
from statistics import median

LAYOUTS = {"1x1": "1 rank x 1 thread", "2x1": "2 ranks x 1 thread", "1x2": "1 rank x 2 threads"}

work = Path(sys.argv[1])


def benches(name):
    """The JSON of all rounds NAME.1.json, NAME.2.json, .., in their order."""
    paths = sorted(work.glob(f"{name}.*.json"), key=lambda path: int(path.name.split(".")[-2]))
    return [json.loads(path.read_text()) for path in paths]


def seconds(name):
    """Of each round in NAME.times."""
    lines = [line.split() for line in (work / f"{name}.times").read_text().splitlines()]
    return [float(end) - float(begin) for begin, end in lines]


def row(name, what, result, numbers):
    print(f"| {name} | {what} | {result} | {numbers} |")


def problem(bench):
    return f"N = {bench['samples']}, {'-'.join(map(str, bench['widths']))}"


def assembly(name, network, precision):
    for layout, words in LAYOUTS.items():
        rounds = benches(f"{network}.{precision}.{layout}")
        fraction = median(bench["assembly_fraction_of_peak"] for bench in rounds)
        rate = median(bench["assembly_gflops"] for bench in rounds)
        peak = median(bench["gemm_peak_gflops"] for bench in rounds)
        row(name, f"assembly of the gemm peak; {problem(rounds[0])}, {precision}; {words}", f"{100 * fraction:.1f} %",
            f"{rate:.1f} of {peak:.1f} GF/s")


def whole_runs():
    rounds = benches("whole")
    floors = [bench["operations"] / bench["gemm_peak_gflops"] / 1e9 for bench in rounds]
    disks = [bench["write_bytes"] / bench["plain_write_gbytes_per_second"] / 1e9 for bench in rounds]
    bounds = [max(pair) for pair in zip(floors, disks)]
    for times, words in (("checked", "checked"), ("unchecked", "`--check-samples 0`")):
        walls = seconds(times)
        ratio = median(wall / bound for wall, bound in zip(walls, bounds))
        row("d", f"whole run of its bound; {problem(rounds[0])}, all components, {words}; {LAYOUTS['2x1']}",
            f"{ratio:.2f}",
            f"{median(walls):.2f} s; products {median(floors):.2f} s, "
            f"{rounds[0]['write_bytes'] / 1e9:.2f} GB by a plain write {median(disks):.2f} s; "
            f"of mpirun's own start and end {median(seconds('start')):.2f} s")


def speed_up():
    one, two = benches("wide.float32.1x1"), benches("wide.float32.2x1")
    ratios = [b["assembly_gflops"] / a["assembly_gflops"] for a, b in zip(one, two)]
    row("e", f"assembly, 2 ranks against 1; {problem(one[0])}, float32", f"{median(ratios):.2f}",
        f"{min(ratios):.2f} to {max(ratios):.2f} in {len(ratios)} pairs")


def exchange():
    runs = benches("exchange")
    worst = max(runs, key=lambda bench: bench["exchange_ratio"])
    row("f", f"bytes exchanged of the formula, the worst of 1 to {len(runs)} ranks; {problem(worst)}",
        f"{worst['exchange_ratio']:.4f}", f"{worst['exchange_bytes_per_rank'] / 1e6:.1f} of "
        f"{worst['exchange_formula_bytes'] / 1e6:.1f} MB a rank on {worst['ranks']} ranks")


def memory():
    path = work / "memory.json"
    if path.exists():
        bench = json.loads(path.read_text())
        samples, peak = bench["samples"], bench["peak_memory_bytes"]
    else:
        import h5py
        with h5py.File(work / "memory.ntk.h5") as file:
            samples, peak = file["ntk"].shape[0], file["timing/peak_memory"][:].max()
    row("g", f"resident memory of a rank; N = {samples}, two layers; {LAYOUTS['2x1']}", f"{peak / 1e6:.0f} MB",
        f"the kernel itself has {4 * samples**2 / 1e6:.0f} MB")


def factors():
    paths = sorted(work.glob("factors.*.ntk.h5"))
    if not paths:
        return
    import h5py
    rates = []
    for path in paths:
        with h5py.File(path) as file:
            phases = list(file["timing/phase"].asstr())
            rates.append(file["timing"].attrs["flops"] / file["timing/seconds"][phases.index("assemble")].max() / 1e9)
            samples, entries = file["ntk"].shape[0], file.attrs["n_parameters"]
    peak = median(bench["gemm_peak_gflops"] for bench in benches("wide.float32.2x1"))
    row("h", f"tiles of `--factors` of the gemm peak; N = {samples}, P = {entries}, float32; {LAYOUTS['2x1']}",
        f"{100 * median(rates) / peak:.1f} %", f"{median(rates):.1f} of {peak:.1f} GF/s")


def main():
    machine = benches("wide.float32.2x1")[0]
    print(f"{machine['software']}, {machine['blas_kernel']} kernel of {machine['blas_library']}; medians of "
          f"{len(benches('whole'))} rounds\n")
    row("", "what", "result", "numbers")
    row("---", "---", "---:", "---")
    assembly("a", "wide", "float32")
    assembly("b", "narrow", "float32")
    assembly("c", "wide", "float64")
    assembly("c", "narrow", "float64")
    whole_runs()
    speed_up()
    exchange()
    memory()
    factors()


main()
