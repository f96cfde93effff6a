#!/usr/bin/env bash
# How close to the hardware the program comes on this machine: prints the table of docs/performance.md, in Markdown, on
# stdout.
#
#   jobs/benchmark.sh              a quarter of an hour on two cores, 4 GB of disk at a time; nothing else should run meanwhile
#   QUICK=1 jobs/benchmark.sh      everything 16 times smaller: whether it works, not how fast
#
# What is compared runs in turn, so that a machine that is slow for a minute is slow for all. The files are in a
# directory of their own in TMPDIR (or here), removed at the end: it should be on the disk that is meant.
set -euo pipefail
# shellcheck source=jobs/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
export LC_ALL=C # a point in the seconds

tangram="$(find_tangram)"
smaller=1 repeat=5 most_ranks=16 gemm_seconds=1
if [ "${QUICK:-0}" = 1 ]; then
    smaller=16 repeat=1 most_ranks=3 gemm_seconds=0.02
fi
work="$(mktemp -d "${TMPDIR:-.}/tangram-benchmark-XXXXXX")"
trap 'rm -rf "$work"' EXIT

say() { echo "benchmark: $*" >&2; }

# Runs a command, its stdout to the file `out`; shows what it said only if it fails.
quietly() {
    "$@" >"$work/out" 2>"$work/log" </dev/null || {
        cat "$work/out" "$work/log" >&2
        say "failed: $*"
        exit 1
    }
}

# launch RANKS WORD..: the program.
launch() { quietly mpirun -n "$1" "$tangram" "${@:2}"; }

# timed FILE COMMAND..: adds a line with the times of begin and end to the file.
timed() {
    local begin="$EPOCHREALTIME"
    "${@:2}"
    echo "$begin $EPOCHREALTIME" >>"$work/$1"
}

# bench NAME RANKS THREADS OPTION..: one round of the bench, as NAME.json.
bench() {
    launch "$2" bench --json --repeat 1 --gemm-seconds "$gemm_seconds" --threads "$3" --directory "$work" "${@:4}"
    mv "$work/out" "$work/$1.json"
}

# init NAME SAMPLES WIDTHS: a random network and samples for it.
init() { launch 1 init --fan-in --widths "$3" --output "$work/$1.safetensors" --samples "$2" --data "$work/$1.h5"; }

# kernel NAME OPTION..: the kernel of what init made, on 2 ranks, as NAME.ntk.h5.
kernel() {
    launch 2 kernel --model "$work/$1.safetensors" --activation tanh --data "$work/$1.h5:x" --threads 1 \
        --output "$work/$1.ntk.h5" "${@:2}"
}

samples=$((8192 / smaller))
width=$((1024 / smaller))
wide="$width,$width,$width,1"
width=$((100 / smaller))
narrow="$width,$width,$width,10"

for ((k = 1; k <= repeat; ++k)); do
    say "assembly, round $k of $repeat"
    for precision in float32 float64; do
        for layout in 1x1 2x1 1x2; do
            run=(--samples "$samples" --precision "$precision")
            bench "wide.$precision.$layout.$k" "${layout%x*}" "${layout#*x}" "${run[@]}" --widths "$wide"
            bench "narrow.$precision.$layout.$k" "${layout%x*}" "${layout#*x}" "${run[@]}" --widths "$narrow"
        done
    done
done

init whole "$samples" "$wide"
for ((k = 1; k <= repeat; ++k)); do
    say "whole runs, round $k of $repeat"
    timed start.times launch 2 init --widths 1,1 --output "$work/start.safetensors" --overwrite
    timed checked.times kernel whole --components all
    rm "$work/whole.ntk.h5"
    timed unchecked.times kernel whole --components all --check-samples 0
    rm "$work/whole.ntk.h5"
    bench "whole.$k" 2 1 --samples "$samples" --widths "$wide" --components all
done

for ((ranks = 1; ranks <= most_ranks; ++ranks)); do
    say "exchange, $ranks of $most_ranks ranks"
    bench "exchange.$ranks" "$ranks" 1 --samples $((4096 / smaller)) --widths "$wide"
done

say "memory"
width=$((256 / smaller))
samples=$((30000 / smaller))
if /usr/bin/python3 -c "import h5py" 2>/dev/null; then
    init memory "$samples" "$width,$width,1"
    kernel memory --components none
else
    bench memory 2 1 --samples "$samples" --widths "$width,$width,1"
fi

if /usr/bin/python3 -c "import h5py" 2>/dev/null; then
    say "factors"
    samples=$((10000 / smaller)) entries=$((10240 / smaller))
    /usr/bin/python3 - "$work/factors.h5" "$samples" "$entries" <<'EOF'
import sys, h5py, numpy
path, samples, entries = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
with h5py.File(path, "w") as file:
    g = file.create_dataset("all/g", (samples, 1, entries), "f4")
    for first in range(0, samples, 500):
        count = min(500, samples - first)
        g[first:first + count, 0] = numpy.random.default_rng(first).standard_normal((count, entries), "f4")
EOF
    for ((k = 1; k <= repeat; ++k)); do
        launch 2 kernel --factors "$work/factors.h5" --threads 1 --store ntk --output "$work/factors.$k.ntk.h5"
    done
fi

/usr/bin/python3 "$project_root/jobs/benchmark_table.py" "$work"
