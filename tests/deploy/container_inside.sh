#!/bin/sh
# Within the namespaces that container.sh has made: what a machine has and they have not yet, then the tests.
set -eu
: "${CONTAINERS_STORAGE_CONF:?container.sh sets it: what is removed here must be the test's own}"
umount /sys/fs/cgroup/unified 2>/dev/null || true
mount -t tmpfs tmpfs /run
ip link set lo up
cd "$(dirname "$0")"
podman rm -f -a -t 0 >/dev/null 2>&1 || true
podman volume prune -f >/dev/null 2>&1 || true
exec node --test --test-reporter=tap container.test.mjs
