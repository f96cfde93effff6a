#!/usr/bin/env bash
# The neural tangent kernel of a small CNN with BatchNorm, trained on images of handwritten digits; its kernel drawn.
#
#   digits_cnn.onnx          the network, exported whole: it lists its own parameters (train.py makes it, with PyTorch)
#   digits_cnn.samples.h5    samples (1797, 1, 8, 8): the digits of jobs/digits;  labels (1797);  outputs (1797, 10): PyTorch's own
#
#   jobs/images/run.sh [OUT.h5]     writes OUT.h5 (build/jobs/digits_cnn_ntk.h5), 192 MB, and beside it OUT.png;
#                                   RANKS=2 THREADS=1 ROWS=0:1797 can be set; needs python3-h5py and python3-matplotlib
set -euo pipefail
# shellcheck source=jobs/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/../environment.sh"
here="$project_root/jobs/images"
output="${1:-$results/digits_cnn_ntk.h5}"

tangram="$(find_tangram)"
mkdir -p "$(dirname "$output")"
echo "== the kernel of jobs/images on ${RANKS:-2} ranks"
mpirun -n "${RANKS:-2}" "$tangram" kernel \
    --model "$here/digits_cnn.onnx" --data "$here/digits_cnn.samples.h5:samples" --rows "${ROWS:-0:1797}" \
    --labels "$here/digits_cnn.samples.h5:labels" --expect-outputs "$here/digits_cnn.samples.h5:outputs" \
    --threads "${THREADS:-1}" --output "$output" --overwrite
echo "the verified kernel is in $output; its picture:"
/usr/bin/python3 "$project_root/jobs/plot.py" "$output"
