#!/usr/bin/env bash
# Installs what is missing, builds, and runs every test: the unit tests on 1 to 4 ranks, then the end-to-end tests.
# Works from a fresh clone on a fresh machine. Stops at the first step that fails; the last line of a run that gets
# there is the end-to-end tests' `N passed, M failed`. Tests with tools that cannot be installed here, or that need root
# (a Slurm of our own), are skipped and say so; with --no-skips they fail.
#
#   tests/run.sh [--no-skips] [PART OF AN END-TO-END TEST'S NAME ..]
set -euo pipefail
# shellcheck source=jobs/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/../jobs/environment.sh"
cd "$project_root"

jobs/install-packages.sh
jobs/install-packages.sh --tests || echo "== some tools are not here: the tests that need them are skipped below"

echo "== building build/release"
cmake --preset release -DTANGRAM_FAULTS=ON
timeout 1800 cmake --build --preset release --parallel "$(nproc)"

echo "== unit tests, each on 1, 2, 3 and 4 ranks"
timeout 1200 ctest --preset release --timeout 300

echo "== end-to-end tests"
timeout 1800 /usr/bin/python3 tests/end_to_end/run.py "$@"
