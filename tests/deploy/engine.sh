# What container.sh and package.sh build with: images without an engine and without a registry, in a storage of their own. The
# base image is made of Debian's packages. All of it lies in build-container/, so that a second run is short. Read by `.`, with
# the name of the test in $subject.
set -u
cd "$(dirname "$0")/../.." || exit 1
root=$(pwd)
here=$root/tests/deploy
work=$root/build-container

# A machine that cannot do it says why, in one skipped test.
skip() {
    echo "1..1"
    echo "ok 1 - $subject # SKIP $*"
    exit 0
}
fail() {
    echo "# $*"
    [ -s "$work/log.txt" ] && tail -n 40 "$work/log.txt" | sed 's/^/# /'
    echo "not ok 1 - $subject"
    echo "1..1"
    exit 1
}

for tool in buildah podman crun mmdebstrap unshare iptables node; do
    command -v "$tool" >/dev/null || skip "$tool is not installed"
done
[ "$(id -u)" -eq 0 ] || skip "only root may make the namespaces"
unshare -m -n -p -f --mount-proc --kill-child --propagation private true 2>/dev/null || skip "namespaces are not permitted here"
# Containers and networks are of one run; images stay.
rm -rf "$work/networks"
mkdir -p "$work/run" "$work/networks"
: >"$work/log.txt"
# A limit that the process itself has not cannot be given to a container; buildah lowers its own processes to 32768.
hard_limit() { sed -nE "s/^$1 +[^ ]+ +([^ ]+).*/\1/p" /proc/self/limits | sed 's/unlimited/1048576/'; }
descriptors=$(hard_limit 'Max open files')
processes=$(hard_limit 'Max processes')
[ "$processes" -lt 32768 ] || processes=32768
cat >"$work/containers.conf" <<CONF
[containers]
cgroups = "disabled"
default_ulimits = ["nofile=$descriptors:$descriptors", "nproc=$processes:$processes"]
[network]
network_backend = "netavark"
network_config_dir = "$work/networks"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "crun"
CONF
cat >"$work/storage.conf" <<CONF
[storage]
driver = "overlay"
graphroot = "$work/storage"
runroot = "$work/run"
CONF
CONTAINERS_CONF=$work/containers.conf
CONTAINERS_STORAGE_CONF=$work/storage.conf
export CONTAINERS_CONF CONTAINERS_STORAGE_CONF

log() { "$@" >>"$work/log.txt" 2>&1; }

# Debian's own slim image, near enough: no documents but the licences, no package lists, no waiting for the disk.
if [ ! -e "$work/trixie.tar" ]; then
    rm -rf "$work/trixie.tar.new"
    log mmdebstrap --format=tar --variant=minbase --mode=root --aptopt='APT::Install-Recommends "false"' \
        --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
        --customize-hook='echo force-unsafe-io >"$1"/etc/dpkg/dpkg.cfg.d/docker-apt-speedup' \
        --customize-hook='rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*' trixie "$work/trixie.tar.new" ||
        skip "no base image can be made of Debian's packages"
    mv "$work/trixie.tar.new" "$work/trixie.tar"
fi
log podman info || skip "podman has no storage here"
podman image exists docker.io/library/debian:trixie-slim 2>/dev/null ||
    log podman import "$work/trixie.tar" docker.io/library/debian:trixie-slim || fail "the base image cannot be imported"

build() { log buildah bud --isolation chroot --format docker --pull-never --layers "$@"; }
# Whether anything can be built here at all: not for want of ours.
printf 'FROM docker.io/library/debian:trixie-slim\nRUN apt-get update -q\n' | build -f - "$here" ||
    skip "buildah can build nothing of Debian's packages here"
