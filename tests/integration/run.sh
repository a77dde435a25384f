#!/bin/sh
# Runs the integration tests against the binary that BARKER_BINARY names; TAP on standard output.
# Arguments: test files; none: all of them.
set -eu
cd "$(dirname "$0")"

installed=node_modules/.package-lock.json
if [ ! -e $installed ] || [ -n "$(find package-lock.json -newer $installed)" ]; then
    npm ci --ignore-scripts --no-audit --no-fund >&2
fi
[ $# -gt 0 ] || set -- *.test.mjs
exec node --test --test-reporter=tap "$@"
