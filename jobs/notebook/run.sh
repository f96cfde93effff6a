#!/usr/bin/env bash
# The notebook that tangram grew out of, reproduced: three linear networks 2-3-3-1 with N(0, 1) parameters and three samples.
#
#   samples.h5                            x (3, 2), the samples of all three cases
#   notebook_with_bias.safetensors        its first comparison: the total by autograd against its layerwise total
#   notebook_without_bias.safetensors     its second: the weight components by autograd, by hand and layerwise
#   notebook_by_hand.safetensors          its third: J J^T with a Jacobian written out by hand
#
#   jobs/notebook/run.sh        prints what the notebook printed and what tangram finds, side by side; needs python3-h5py
set -euo pipefail
# shellcheck source=jobs/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/../environment.sh"
here="$project_root/jobs/notebook"
output="$project_root/build/jobs"

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
