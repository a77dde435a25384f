#!/bin/sh
# Builds the image of deploy/Dockerfile and runs it in namespaces of its own. Prints TAP.
subject='the container is built'
. "$(dirname "$0")/engine.sh"

[ -e tests/integration/node_modules/ws ] || (cd tests/integration && npm ci --ignore-scripts --no-audit --no-fund) >&2 ||
    fail "the clients' packages cannot be installed"
# What is not ours comes first: where it cannot be made, neither can ours.
build -f tests/deploy/companions.Dockerfile --target redis -t docker.io/library/redis:8 tests/deploy ||
    skip "an image of Redis cannot be made of Debian's packages"
build -f tests/deploy/companions.Dockerfile --target haproxy -t docker.io/library/haproxy:3.2 tests/deploy ||
    skip "an image of HAProxy cannot be made of Debian's packages"
build -f deploy/Dockerfile --build-arg VERSION=0.1.0 --build-arg REVISION=test -t localhost/barker . ||
    fail "deploy/Dockerfile does not build"

export subject
exec unshare -m -n -p -f --mount-proc --kill-child --propagation private sh "$here/container_inside.sh" </dev/null
