#!/usr/bin/env bash
# From a fresh Debian 12 machine to a verified kernel and its picture in one command: installs what is missing (with apt, and
# sudo when not root), builds, runs jobs/digits on 2 ranks, draws. Safe to run again.
#
#   jobs/quickstart.sh [OUT.h5]     writes OUT.h5 (build/jobs/digits_ntk.h5) and beside it OUT.png
set -euo pipefail
# shellcheck source=jobs/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
output="$(realpath --canonicalize-missing "${1:-$project_root/build/jobs/digits_ntk.h5}")"
cd "$project_root"

jobs/install-packages.sh

echo "== building build/release/tangram"
cmake --preset release
cmake --build --preset release --parallel "$(nproc)"

jobs/digits/run.sh "$output"

echo "== the picture"
picture="$(/usr/bin/python3 jobs/plot.py "$output")"

echo
/usr/bin/python3 jobs/tangram_file.py "$output"
cat <<END
file        $output
picture     $picture

Your own network, trained in PyTorch (X.npy: its samples; outputs.npy: what it makes of them):

  jobs/to_safetensors.py model.pt
  mpirun -n 2 build/release/tangram kernel --model model.safetensors --activation tanh --data X.npy --expect-outputs outputs.npy --output ntk.h5

Convolutions, attention, other programs: docs/formats.md
END
