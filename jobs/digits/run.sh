#!/usr/bin/env bash
# The neural tangent kernel of a network trained on handwritten digits.
#
#   digits.h5                 x (1797, 64): 8 x 8 images of handwritten digits (UCI), scaled to 0..1;  y (1797): which digit
#   digits_mlp.safetensors    a tanh network 64-128-128-10 trained on them, as PyTorch's state_dict names it
#   outputs.npy               (1797, 10): what PyTorch makes of the digits with it, in float32
#
#   jobs/digits/run.sh [OUT.h5]     writes OUT.h5 (build/jobs/digits_ntk.h5), 120 MB; RANKS=2 THREADS=1 can be set
#
# Read it in Python:   h5py.File("digits_ntk.h5")["ntk"][:]   (1797, 1797), the trace over the 10 outputs.
set -euo pipefail
# shellcheck source=jobs/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/../environment.sh"
here="$project_root/jobs/digits"
output="${1:-$results/digits_ntk.h5}"

tangram="$(find_tangram)"
mkdir -p "$(dirname "$output")"
echo "== the kernel of jobs/digits on ${RANKS:-2} ranks"
mpirun -n "${RANKS:-2}" "$tangram" kernel \
    --model "$here/digits_mlp.safetensors" --activation tanh \
    --data "$here/digits.h5:x" --labels "$here/digits.h5:y" --expect-outputs "$here/outputs.npy" \
    --threads "${THREADS:-1}" --output "$output" --overwrite
echo "the verified kernel is in $output"
