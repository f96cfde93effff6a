#!/usr/bin/env bash
# The figures of README and docs, made anew: the kernel of jobs/digits by jobs/plot.py, and what docs/performance.md has measured.
#
#   jobs/docs_figures.sh     writes docs/figures/kernel.png and docs/figures/performance.svg; needs what jobs/quickstart.sh installs
set -euo pipefail
# shellcheck source=jobs/environment.sh
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
cd "$project_root"

jobs/digits/run.sh build/jobs/docs_ntk.h5
/usr/bin/python3 jobs/plot.py build/jobs/docs_ntk.h5 --samples 150 --dpi 130 --output docs/figures/kernel.png
/usr/bin/python3 jobs/figures/performance.py docs/performance.md docs/figures/performance.svg
