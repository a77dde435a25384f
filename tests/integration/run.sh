#!/bin/sh
# Runs the integration tests against the binary that BARKER_BINARY names; TAP on standard output, and at its end, behind "#",
# the bound of each kind of hostile peer with the longest time that one was held.
# Arguments: test files; none: all of them.
set -eu
cd "$(dirname "$0")"

installed=node_modules/.package-lock.json
if [ ! -e $installed ] || [ -n "$(find package-lock.json -newer $installed)" ]; then
    npm ci --ignore-scripts --no-audit --no-fund >&2
fi
TEST_IS_WHOLE=no
[ $# -gt 0 ] || {
    TEST_IS_WHOLE=yes
    set -- *.test.mjs
}
TEST_BOUNDS=$(mktemp)
TEST_SECRETS=$(mktemp -d)
export TEST_BOUNDS TEST_IS_WHOLE TEST_SECRETS
trap 'rm -rf "$TEST_BOUNDS" "$TEST_SECRETS"' EXIT
status=0
# Each test has a deadline of its own; this one is for a file that never ends.
timeout -k 10 1800 node --test --test-reporter=tap "$@" || status=$?
node --test --test-reporter=tap lib/secrecy.test.mjs || status=$?
if [ -s "$TEST_BOUNDS" ]; then
    echo '# hostile peers:   bound ms  longest ms       peers'
    sed 's/^/#             /' "$TEST_BOUNDS"
fi
exit $status
