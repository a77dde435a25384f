#!/bin/sh
# Makes barker_*.deb of this tree, on the Debian that it is for, and lays it into FOLDER. What building wants stands in control;
# `apt-get build-dep` takes the folder that this makes.
# Usage: sh deploy/debian/build.sh FOLDER
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
[ $# -eq 1 ] || { sed -n '2,4s/^# //p' "$0" >&2; exit 64; }
mkdir -p "$1"
folder=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir "$work/barker"
for part in meson.build meson_options.txt LICENSE include src deploy proto; do
    cp -a "$root/$part" "$work/barker/"
done
cp -a "$root/deploy/debian" "$work/barker/debian"
cd "$work/barker"
dpkg-buildpackage --build=binary --no-sign
cp "$work"/barker_*.deb "$folder/"
