#!/bin/sh
# Builds the image of deploy/Dockerfile and runs it in namespaces of its own. Prints TAP.
subject='the container is built'
. "$(dirname "$0")/engine.sh"

[ -e tests/integration/node_modules/ws ] || (cd tests/integration && npm ci --ignore-scripts --no-audit --no-fund) >&2 ||
    fail "the clients' packages cannot be installed"
build -f deploy/Dockerfile --build-arg VERSION=0.1.0 --build-arg REVISION=test -t localhost/barker . ||
    fail "deploy/Dockerfile does not build"
build -f tests/deploy/companions.Dockerfile --target redis -t docker.io/library/redis:8 tests/deploy ||
    fail "a Redis image cannot be made"
build -f tests/deploy/companions.Dockerfile --target haproxy -t docker.io/library/haproxy:3.2 tests/deploy ||
    fail "an image of HAProxy cannot be made"

exec unshare -m -n -p -f --mount-proc --kill-child --propagation private sh "$here/container_inside.sh" </dev/null
