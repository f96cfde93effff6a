#!/usr/bin/env bash
# The notebook that tangram grew out of, reproduced: three linear networks 2-3-3-1 with N(0, 1) parameters and three samples.
#
#   samples.h5                            x (3, 2), the samples of all three cases
#   notebook_with_bias.safetensors        its first comparison: the total by autograd against its layerwise total
#   notebook_without_bias.safetensors     its second: the weight components by autograd, by hand and layerwise
#   notebook_by_hand.safetensors          its third: J J^T with a Jacobian written out by hand
#
# Then its open question, why its layerwise total was off, is put to `tangram compare`; and, as its last line asks for, a sweep
# over widths: kernels spoilt by one rule, which is read off each time.
#
#   jobs/notebook/run.sh        prints what the notebook printed and what tangram finds, side by side; needs python3-h5py
set -euo pipefail
# shellcheck source=jobs/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/../environment.sh"
here="$project_root/jobs/notebook"
output="$results"

tangram="$(find_tangram)"
mkdir -p "$output"
for case in with_bias without_bias by_hand; do
    if ! mpirun -n 2 "$tangram" kernel --model "$here/notebook_$case.safetensors" --activation identity \
        --data "$here/samples.h5:x" --output "$output/notebook_$case.h5" --overwrite >"$output/notebook_$case.log" 2>&1; then
        cat "$output/notebook_$case.log" >&2
        exit 1
    fi
done
/usr/bin/python3 "$here/side_by_side.py" "$output"

# Prints what tangram says of another kernel; that it differs (code 5) is what is expected here.
compare() {
    local code=0
    mpirun -n 1 "$tangram" compare "$@" 2>"$output/notebook_compare.log" || code=$?
    if [ "$code" -ne 0 ] && [ "$code" -ne 5 ]; then
        cat "$output/notebook_compare.log" >&2
        exit "$code"
    fi
}

echo
echo "The same question, put to tangram compare:"
/usr/bin/python3 "$here/other_kernels.py" printed "$output/notebook_printed.npy"
compare "$output/notebook_with_bias.h5" "$output/notebook_printed.npy" | sed 's/^/  /'

echo
echo "A width sweep: kernels of linear networks 2-w-2w-1 whose weight components were divided by sqrt(fan_in)"
for width in 3 6 12 24; do
    sweep="$output/notebook_width_$width"
    "$tangram" init --widths "2,$width,$((2 * width)),1" --output "$sweep.safetensors" --samples 50 --data "$sweep.samples.h5" \
        --overwrite >"$output/notebook_sweep.log"
    mpirun -n 2 "$tangram" kernel --model "$sweep.safetensors" --activation identity --data "$sweep.samples.h5:x" \
        --precision float64 --output "$sweep.h5" --overwrite >"$output/notebook_sweep.log" 2>&1
    /usr/bin/python3 "$here/other_kernels.py" spoilt "$sweep.h5" "$sweep.npy"
    echo "  width $width: $(compare "$sweep.h5" "$sweep.npy" | head -n 1)"
done
