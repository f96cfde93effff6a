#!/usr/bin/env bash
# Installs what is missing, builds, and runs every test: includes, unit tests in one process and on 2 to 4 ranks, then the
# end-to-end tests. Works from a fresh clone on a fresh machine. Stops at the first step that fails; the last line of a run
# that gets there is the end-to-end tests' `N passed, M failed`. Tests with tools that cannot be installed here, or that need
# root (a Slurm of our own), are skipped and say so; with --no-skips they fail.
#
#   tests/run.sh [--fast] [--no-skips] [PART OF AN END-TO-END TEST'S NAME ..]
#
#   --fast     while you work: unit tests in one process and on 3 ranks, and the first row of each end-to-end test, without
#              those that wait, kill, or try other tools
set -euo pipefail
# shellcheck source=jobs/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/../jobs/environment.sh"
cd "$project_root"

units=unit
for option in "$@"; do
    [ "$option" != --fast ] || units='unit_1_rank|unit_3_ranks'
done

if [ "$units" = unit ]; then
    jobs/install-packages.sh
    jobs/install-packages.sh --tests || echo "== some tools are not here: the tests that need them are skipped below"
fi

echo "== includes"
tests/rooms.py --self-test
tests/rooms.py

echo "== building build/release"
cmake --preset release -DTANGRAM_FAULTS=ON
timeout 1800 cmake --build --preset release --parallel "$(nproc)"

echo "== unit tests"
timeout 1200 ctest --preset release --tests-regex "$units|threads"

echo "== end-to-end tests"
timeout 1800 /usr/bin/python3 tests/end_to_end/run.py "$@"
