#!/usr/bin/env bash
# Tries the Debian package as a stranger would who has nothing else: on a bare Debian 12 made by debootstrap, in a chroot (as root; a
# few minutes and 2 GB), and unpacked into a private prefix. There: manual pages, completion in bash, a kernel of an ONNX network and
# samples in .npy on two ranks, a spectrum without a matrix, scripts from /usr/share/tangram/jobs.
#
#   packaging/try_deb.sh build/package/tangram_1.0.0-1_amd64.deb [FOLDER [MIRROR]]
#
# The chroot is made in FOLDER (a new one below TMPDIR), and taken from there if there is one already. The samples of its network are those
# of the tests: python3 with numpy and h5py is needed outside.
set -euo pipefail
package="$(realpath "${1:?usage: packaging/try_deb.sh PACKAGE.deb [FOLDER [MIRROR]]}")"
root="${2:-$(mktemp -d)/debian}"
mirror=("${@:3:1}")
here="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

say() { echo "== $*"; }

# What the stranger does; runs inside, with the program on the PATH, and its files below $1.
cat >"${TMPDIR:-/tmp}/tangram-stranger.sh" <<'STRANGER'
set -euo pipefail
share="$1/share"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
cd "$(mktemp -d)"
cp "$2"/model.onnx "$2"/X.npy .
echo "-- a kernel"
mpirun -n 2 tangram kernel --model model.onnx --data X.npy --output ntk.h5 >kernel.log 2>&1 || { cat kernel.log; exit 1; }
tail -n 3 kernel.log
tangram verify ntk.h5 | tail -n 1
echo "-- without a matrix"
mpirun -n 2 tangram spectrum --model model.onnx --data X.npy --top 3 --output top.h5 >top.log 2>&1 || { cat top.log; exit 1; }
echo "$(wc -c <top.h5) bytes"
echo "-- completion"
bash -c "source '$share/bash-completion/completions/tangram'; COMP_WORDS=(tangram kernel --red); COMP_CWORD=2; _tangram; echo \"\${COMPREPLY[@]}\""
echo "-- scripts"
"$share/tangram/jobs/digits/run.sh" >digits.log 2>&1 || { cat digits.log; exit 1; }
tail -n 1 digits.log
if python3 -c 'import h5py, matplotlib' 2>/dev/null; then "$share/tangram/jobs/plot.py" ntk.h5; fi
if command -v man >/dev/null; then
    echo "-- man"
    MANPATH="$share/man" man tangram-kernel 2>&1 | head -n 12
    MANPATH="$share/man" man --warnings tangram 2>&1 >/dev/null
fi
STRANGER

inputs="$(mktemp -d)"
trap 'rm -rf "$inputs"' EXIT
cp "$here/tests/data/onnx/bn_mlp.onnx" "$inputs/model.onnx"
/usr/bin/python3 - "$here/tests/data/onnx/bn_mlp.h5" "$inputs/X.npy" <<'PYTHON'
import sys, h5py, numpy
with h5py.File(sys.argv[1]) as file:
    numpy.save(sys.argv[2], file["x"][:])
PYTHON

if [ ! -e "$root/etc/debian_version" ]; then
    say "a bare Debian 12 in $root"
    debootstrap --variant=minbase bookworm "$root" "${mirror[@]}" >"$inputs/debootstrap.log" || { tail "$inputs/debootstrap.log"; exit 1; }
fi
say "only the package"
mkdir -p "$root/stranger"
cp "$package" "$inputs"/model.onnx "$inputs"/X.npy "${TMPDIR:-/tmp}/tangram-stranger.sh" "$root/stranger"
cp /etc/resolv.conf "$root/etc/" 2>/dev/null || true
mountpoint -q "$root/proc" || mount -t proc proc "$root/proc" 2>/dev/null || say "no /proc in the chroot"
chroot "$root" sh -c 'export DEBIAN_FRONTEND=noninteractive
    apt-get -qq update && apt-get -qq install --yes --no-install-recommends man-db "/stranger/'"$(basename "$package")"'"' >"$inputs/apt.log" 2>&1 ||
    { tail -n 20 "$inputs/apt.log"; exit 1; }
chroot "$root" bash /stranger/tangram-stranger.sh /usr /stranger

say "a private prefix, its libraries from the system"
private="$(mktemp -d)"
dpkg-deb -x "$package" "$private"
PATH="$private/usr/bin:$PATH" bash "${TMPDIR:-/tmp}/tangram-stranger.sh" "$private/usr" "$inputs"
rm -rf "$private"
say "all done"
