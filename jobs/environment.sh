# shellcheck shell=bash
# Sourced by the scripts: what Open MPI must be told on a single machine, and where the program is.

# Open MPI refuses to run as root, as in a container, unless it is told twice.
if [ "$(id -u)" -eq 0 ]; then
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
# More ranks than cores are fine for a small job; binding would then pile them on the first cores.
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none

project_root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

# Where the examples write: build/jobs of a clone; where they are called from, if they are installed (share/tangram/jobs).
# shellcheck disable=SC2034 # for whoever sources this
if [ -e "$project_root/CMakeLists.txt" ]; then results="$project_root/build/jobs"; else results="$PWD"; fi

# Prints the path of the program: what TANGRAM names, this project's release build, what was installed with this, or what PATH has.
find_tangram() {
    if [ -n "${TANGRAM:-}" ]; then
        echo "$TANGRAM"
    elif [ -x "$project_root/build/release/tangram" ]; then
        echo "$project_root/build/release/tangram"
    elif [ -x "$project_root/../../bin/tangram" ] && [ ! -e "$project_root/CMakeLists.txt" ]; then
        echo "$project_root/../../bin/tangram"
    elif ! command -v tangram; then
        echo "tangram is not built: run $project_root/jobs/quickstart.sh" >&2
        return 1
    fi
}
