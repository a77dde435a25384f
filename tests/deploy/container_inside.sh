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
# Not ours either: an image of Debian's packages alone.
if ! { podman network create probe && podman run --rm --network probe docker.io/library/redis:8 true; } >/dev/null 2>&1; then
    echo "1..1"
    echo "ok 1 - ${subject:-containers run} # SKIP podman can run no container with a network here"
    exit 0
fi
podman network rm probe >/dev/null
exec node --test --test-reporter=tap container.test.mjs
