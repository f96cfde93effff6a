#!/usr/bin/env bash
# Installs the Debian packages that building, running and testing tangram needs; does nothing where all are there.
#
#   jobs/install-packages.sh            what the build, the program, the plot and most tests need
#   jobs/install-packages.sh --tests    and what the other tests need: SLEPc, Slurm, xarray, scikit-learn, Octave, R, PyTorch, ONNX,
#                                       man, shells
#   jobs/install-packages.sh --ci       and what the checks of the code need: format, lint
set -euo pipefail

packages=(
    g++ make cmake ninja-build pkg-config git
    libopenmpi-dev openmpi-bin libhdf5-openmpi-dev hdf5-tools libopenblas-pthread-dev
    libxxhash-dev libssl-dev zlib1g-dev libcli11-dev nlohmann-json3-dev libspdlog-dev libfmt-dev doctest-dev
    libscalapack-openmpi-dev libelpa-dev libonnx-dev libprotobuf-dev
    python3-numpy python3-h5py python3-matplotlib
)
tools=(
    slepc-dev slurm-wlm munge python3-xarray python3-h5netcdf python3-netcdf4 python3-sklearn python3-torch python3-onnx octave r-cran-hdf5r
    man-db mandoc zsh fish shellcheck
)
case "${1:-}" in
"") ;;
--tests) packages+=("${tools[@]}") ;;
--ci) packages+=("${tools[@]}" clang-format clang-tidy libclang-rt-dev libomp-dev) ;;
*)
    echo "usage: jobs/install-packages.sh [--tests | --ci]" >&2
    exit 2
    ;;
esac

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "install-packages: this is not a Debian system; install what corresponds to: ${packages[*]}" >&2
    exit 1
fi

is_installed() { [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

missing=()
for package in "${packages[@]}"; do
    is_installed "$package" || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
    echo "install-packages: all ${#packages[@]} packages are installed"
    exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "install-packages: not root and there is no sudo; have an administrator install: ${missing[*]}" >&2
        exit 1
    fi
    as_root=(sudo)
fi
apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120 "$@"; }

echo "install-packages: installing ${missing[*]}"
# Package lists that are not there, or too old to name what the mirror still has, show in one of the two steps.
if ! apt install --simulate --no-install-recommends "${missing[@]}" >/dev/null 2>&1; then
    apt update || true # the installation below says what is wrong, and tries again
fi
if ! apt install --yes --no-install-recommends "${missing[@]}"; then
    echo "install-packages: that failed; trying once more with fresh package lists"
    apt update
    apt install --yes --no-install-recommends "${missing[@]}"
fi
echo "install-packages: done"
