#!/bin/sh
# From a fresh Debian 12 or 13 to a running demo: installs the packages that are missing, builds, runs until Ctrl-C.
# Arguments go to barker: sh deploy/quickstart.sh --listen-address 127.0.0.1:9000
set -eu
cd "$(dirname "$0")/.."

binary=build/src/app/barker
log=$(mktemp)
packages="gcc libc6-dev meson ninja-build pkg-config python3 libuv1-dev libwebsockets-dev libwebsockets-evlib-uv
  libhiredis-dev libjansson-dev libinih-dev libseccomp-dev libsodium-dev libssl-dev redis-tools ca-certificates"

fail() {
  echo "quickstart: $*" >&2
  exit 1
}

is_complete() {
  for tool in cc meson ninja pkg-config python3 redis-cli; do
    command -v "$tool" >/dev/null || return 1
  done
  pkg-config --exists libuv libwebsockets hiredis jansson inih libseccomp libsodium libcrypto
}

is_supported() {
  [ -r /etc/os-release ] && (
    . /etc/os-release
    case "${ID:-}-${VERSION_ID:-}" in debian-12 | debian-13) exit 0 ;; esac
    exit 1
  )
}

install_packages() {
  is_supported || fail "this is not Debian 12 or 13. Install the like of these packages yourself, then run this again:" $packages
  as_root=
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "packages are missing, and installing them needs root or sudo:" $packages
    as_root=sudo
  fi
  echo "Installing the packages that building and trying it needs."
  $as_root apt-get -o DPkg::Lock::Timeout=120 update -q ||
    fail "apt-get update failed; is the network there?"
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 install -q -y --no-install-recommends $packages ||
    fail "apt-get could not install the packages"
  is_complete || fail "the packages are installed, yet something of them is not found"
}

# A build folder that came along with a copy of the tree is made anew.
build() {
  if [ ! -f build/build.ninja ]; then
    echo "Building barker, which takes a minute or two."
    meson setup build -Dbuildtype=release >"$log" 2>&1 || explain
  elif ! grep -qF "\"source\": \"$(pwd -P)\"" build/meson-info/meson-info.json; then
    meson setup --wipe build . -Dbuildtype=release >"$log" 2>&1 || explain
  fi
  ninja -C build src/app/barker >"$log" 2>&1 || explain
  rm -f "$log"
}

explain() {
  tail -n 30 "$log" >&2
  fail "the build failed; all of its output is in $log"
}

# setting SECTION KEY ARGUMENTS...: the value that barker will use.
setting() {
  wanted_section=$1
  wanted_key=$2
  shift 2
  "$binary" check-config --dev "$@" | awk -v section="[$wanted_section]" -v key="$wanted_key" '
    /^\[/ { inside = $0 == section }
    inside && $1 == key && $2 == "=" { sub(/^[^=]*= */, ""); sub(/ *;.*/, ""); print }'
}

# The first of the addresses that another program listens on; nothing when all are free.
taken() {
  python3 - "$1" <<'PYTHON'
import errno, socket, sys

for text in filter(None, (part.strip() for part in sys.argv[1].split(','))):
    host, _, port = text.rpartition(':')
    if text.startswith('unix:') or port == '0':
        continue
    family = socket.AF_INET6 if host.startswith('[') or not host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host.strip('[]') or '::', int(port)))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            print(text)
            break
PYTHON
}

is_complete || install_packages
build

"$binary" check-config --dev "$@" >/dev/null || exit
listen=$(setting listen address "$@")
admin=$(setting admin address "$@")
embedded=$(setting embedded address "$@")
prefix=$(setting redis prefix "$@")
busy=$(taken "$listen")
[ -z "$busy" ] || fail "$busy is in use. Stop what listens there, or choose: sh deploy/quickstart.sh --listen-address 127.0.0.1:9000"
busy=$(taken "$admin")
[ -z "$busy" ] || fail "$busy is in use. Stop what listens there, or choose: sh deploy/quickstart.sh --admin-address 127.0.0.1:9090"
if [ -z "$(setting redis url "$@")" ]; then
  busy=$(taken "$embedded")
  [ -z "$busy" ] || fail "$busy is in use. Stop what listens there, or choose: sh deploy/quickstart.sh --embedded-address 127.0.0.1:6390"
  publish="redis-cli -p ${embedded##*:} PUBLISH ${prefix}demo '{\"hello\":\"world\"}'"
else
  publish="redis-cli PUBLISH ${prefix}demo '{\"hello\":\"world\"}'   (at your Redis)"
fi

# reachable ADDRESSES: the first of them, as a browser on this machine asks for it; nothing for a unix socket.
reachable() {
  case "$1" in unix:*) ;; :*) echo "127.0.0.1${1%%,*}" ;; *) echo "${1%%,*}" ;; esac
}

first=$(reachable "$listen")
admin_page=$(reachable "$admin")
echo
[ -z "$first" ] || echo "  Demo page:  http://$first/   (open it in two windows)"
[ -z "$admin_page" ] || echo "  Admin page: http://$admin_page/"
echo "  Publish:    $publish"
echo "  Stop:       Ctrl-C"
echo
exec "$binary" run --dev "$@"
