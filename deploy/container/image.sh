#!/bin/sh
# Lays out the file system of an image from scratch: the binary, what it loads, and what tells a scanner of it.
# Usage: image.sh BINARY FOLDER VERSION REVISION; on the Debian that the binary was built on.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
binary=$1
image=$2
version=$3
revision=$4

# The plugin by which libwebsockets runs on libuv is opened at run time: ldd does not name it.
plugin=$(dpkg -L libwebsockets-evlib-uv | grep -E '/libwebsockets-evlib_uv\.so$')

# Absolute paths, as the loader looks for them; the first line of ldd, linux-vdso, is no file.
libraries() {
    ldd "$binary" "$plugin" | grep -oE '(=> )?/[^ ]+ \(0x' | sed -E 's/^=> //; s/ \(0x$//' | sort -u
}

# put FILE: with its path, links followed, since only that name is looked for.
put() {
    mkdir -p "$image$(dirname "$1")"
    cp -L --preserve=mode,timestamps "$1" "$image$1"
}

# A library's file belongs to the package under its path in /usr or, before /usr was merged, without it.
package_of() {
    path=$(readlink -f "$1")
    dpkg-query -S "$path" 2>/dev/null | sed 's/: .*//' && return
    dpkg-query -S "${path#/usr}" | sed 's/: .*//'
}

mkdir -p "$image/etc/ssl/certs" "$image/etc/barker" "$image/usr/lib/ssl" "$image/var/lib/dpkg/status.d" "$image/usr/share/sbom"
cp "$binary" "$image/barker"
strip "$image/barker"
packages=
for file in $(libraries) "$plugin"; do
    put "$file"
    packages="$packages $(package_of "$file")"
done
put /etc/ssl/certs/ca-certificates.crt
# Where OpenSSL looks for authorities that it was not told of.
ln -s /etc/ssl/certs/ca-certificates.crt "$image/usr/lib/ssl/cert.pem"
packages="$packages ca-certificates"

echo 'root:x:0:0:root:/:/sbin/nologin
barker:x:65532:65532:barker:/:/sbin/nologin' >"$image/etc/passwd"
echo 'root:x:0:
barker:x:65532:' >"$image/etc/group"
echo 'hosts: files dns' >"$image/etc/nsswitch.conf"
cp /etc/os-release "$image/etc/os-release"

packages=$(printf '%s\n' $packages | sort -u)
for package in $packages; do
    name=${package%%:*}
    dpkg-query -s "$package" >"$image/var/lib/dpkg/status.d/$name"
    mkdir -p "$image/usr/share/doc/$name"
    cp -L "/usr/share/doc/$name/copyright" "$image/usr/share/doc/$name/copyright"
done
mkdir -p "$image/usr/share/doc/barker"
cp "$here/../../LICENSE" "$image/usr/share/doc/barker/copyright"
# shellcheck disable=SC2086 # one word a package
python3 "$here/sbom.py" "$image" "$version" "$revision" $packages >"$image/usr/share/sbom/barker.spdx.json"
find "$image" -exec touch -h -d @"${SOURCE_DATE_EPOCH:-0}" {} +
