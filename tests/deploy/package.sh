#!/bin/sh
# Builds the Debian package in a container and installs it in another. Prints TAP.
subject='the Debian package is built, pleases lintian, installs, runs and goes without a trace'
. "$(dirname "$0")/engine.sh"

build -f tests/deploy/package.Dockerfile --target package -t localhost/barker-package . || fail "the package is not right"
build -f tests/deploy/package.Dockerfile --target installed -t localhost/barker-installed . || fail "it does not install"
echo "ok 1 - $subject"
echo "1..1"
