#!/bin/sh
# Checks the files of deploy/ by their own validators. Prints TAP. Usage: files.sh BARKER, the binary that judges configurations.
set -eu
BARKER_BINARY=$1
export BARKER_BINARY
cd "$(dirname "$0")"
installed=node_modules/.package-lock.json
if [ ! -e $installed ] || [ -n "$(find package-lock.json -newer $installed)" ]; then
    npm ci --ignore-scripts --no-audit --no-fund >&2
fi
exec node --test --test-reporter=tap files.test.mjs
