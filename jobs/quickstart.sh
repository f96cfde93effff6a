#!/usr/bin/env bash
# From a fresh Debian 12 machine to a verified kernel file in one command: installs what is missing (with apt, and sudo
# when not root), builds, and runs jobs/digits on 2 ranks. Safe to run again.
set -euo pipefail
# shellcheck source=jobs/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
cd "$project_root"

jobs/install-packages.sh

echo "== building build/release/tangram"
cmake --preset release
cmake --build --preset release --parallel "$(nproc)"

jobs/digits/run.sh
