#!/bin/sh
# Runs every test there is. Arguments: the stages wanted (unit fuzz model style integration tsan release deploy); none: all.
# --fuzz [NAMES]: lets the fuzzers search instead, FUZZ_SECONDS (60) each; see tests/fuzz/README.md.
# The last line is "N passed, N failed"; exit status 0 only when something passed and nothing failed.
set -u
cd "$(dirname "$0")/.." || exit 1
root=$(pwd)
logs=$root/build-asan/logs
n_passed=0
n_failed=0
skipped=

# gcc 12's sanitizers do not know the widest address randomisation of newer kernels.
plain=
setarch "$(uname -m)" -R true 2>/dev/null && plain="setarch $(uname -m) -R"

say() { printf '\n== %s\n' "$*"; }

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

is_installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# Of clang as it is installed, or as it would be.
clang_major() {
    major=$({ clang --version || clang-14 --version; } 2>/dev/null | sed -n 's/.*clang version \([0-9]*\).*/\1/p' | head -n 1)
    [ -n "$major" ] || major=$(apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p' | head -n 1)
    echo "${major:-14}"
}

# install_missing PACKAGES...
install_missing() {
    missing=
    for package in "$@"; do
        is_installed "$package" || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    say "installing$missing"
    # A package that asks questions or starts a service has no place in a test run.
    as_root apt-get update -q || return 1
    # shellcheck disable=SC2086 # one word a package
    as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -qy --no-install-recommends $missing
}

# Only on Debian and its kin; elsewhere meson and the suites name what is missing.
install_packages() {
    command -v dpkg-query >/dev/null && command -v apt-get >/dev/null || return 0
    wanted="meson ninja-build gcc libc6-dev pkg-config python3 libuv1-dev libwebsockets-dev libwebsockets-evlib-uv
        libhiredis-dev libssl-dev libsodium-dev libjansson-dev libinih-dev libseccomp-dev check cppcheck spin iproute2 redis-server
        redis-tools openssl ca-certificates"
    command -v clang >/dev/null || command -v clang-14 >/dev/null || wanted="$wanted clang"
    command -v clang-format >/dev/null || command -v clang-format-14 >/dev/null || wanted="$wanted clang-format"
    command -v clang-tidy >/dev/null || command -v clang-tidy-14 >/dev/null || wanted="$wanted clang-tidy"
    command -v chromium >/dev/null || wanted="$wanted chromium"
    command -v promtool >/dev/null || wanted="$wanted prometheus"
    [ "${is_fuzzing:-no}" = no ] || wanted="$wanted libclang-rt-$(clang_major)-dev"
    node_major=$(node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/')
    [ "${node_major:-0}" -ge 18 ] && command -v npm >/dev/null || wanted="$wanted nodejs npm"
    # shellcheck disable=SC2086 # one word a package
    install_missing $wanted
}

# Apart from the others: where one of them cannot be had, the container's tests are skipped, and no others.
install_container_packages() {
    command -v dpkg-query >/dev/null && command -v apt-get >/dev/null || return 0
    install_missing buildah podman crun conmon netavark aardvark-dns iptables uidmap mmdebstrap catatonit podman-compose \
        haproxy systemd golang-go golang-github-masterminds-sprig-dev golang-k8s-sigs-yaml-dev
}

# configure FOLDER OPTIONS...: a build folder with exactly these options, kept from run to run.
configure() {
    folder=$1
    shift
    if [ -e "$folder/build.ninja" ]; then
        meson configure "$folder" "$@" >/dev/null
    else
        meson setup "$folder" "$@"
    fi
}

# count STAGE PASSED FAILED
count() {
    n_passed=$((n_passed + $2))
    n_failed=$((n_failed + $3))
    summary="${summary:-}$(printf '%-14s %5d passed, %d failed' "$1" "$2" "$3")
"
}

# skip TAP: remembers what was skipped, and why.
skip() {
    skipped="$skipped$(sed -nE 's/^ok [0-9]+ - (.*) # SKIP *(.*)/skipped: \1: \2/p' "$1" && echo .)"
    skipped=${skipped%.}
}

# The tests of Check within the suites that meson ran; a suite that ended without its count is one failure.
count_checks() {
    python3 - "$1" <<'PYTHON'
import json, re, sys
passed = failed = 0
try:
    lines = open(sys.argv[1], encoding="utf-8").readlines()
except OSError:
    lines = []
for line in lines:
    suite = json.loads(line)
    counts = re.findall(r"^\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)", suite.get("stdout") or "", re.M)
    bad = sum(int(failures) + int(errors) for _, failures, errors in counts)
    passed += sum(int(checks) for checks, _, _ in counts) - bad
    if suite["result"] not in ("OK", "SKIP") and bad == 0:
        bad = 1
    elif not counts:
        passed += suite["result"] == "OK"
    failed += bad
print(passed, failed if passed else failed or 1)
PYTHON
}

# checks STAGE FOLDER SUITES...: the unit suites of one build folder.
checks() {
    stage=$1
    folder=$2
    shift 2
    rm -f "$folder/meson-logs/testlog.json"
    $plain meson test -C "$folder" --print-errorlogs "$@"
    # shellcheck disable=SC2046
    count "$stage" $(count_checks "$folder/meson-logs/testlog.json")
}

# build_asan [TARGETS]
build_asan() {
    say "build with AddressSanitizer and UndefinedBehaviorSanitizer"
    configure build-asan -Dbuildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false -Dwerror=true \
        -Dfault_injection=true &&
        ninja -C build-asan ${1:-all meson-test-prereq} && mkdir -p "$logs"
}

stage_unit() {
    say "unit: Check suites under the sanitizers"
    checks unit build-asan --no-suite fuzz
}

stage_fuzz() {
    say "fuzz: the fuzzers' corpora and seeds, run again under the sanitizers"
    checks fuzz build-asan --suite fuzz
}

# run_tap STAGE COMMAND...: a script that prints TAP.
run_tap() {
    stage=$1
    shift
    "$@" >"$logs/$stage.txt" 2>&1
    status=$?
    cat "$logs/$stage.txt"
    passed=$(grep '^ok ' "$logs/$stage.txt" | grep -cv '# SKIP')
    failed=$(grep -c '^not ok ' "$logs/$stage.txt")
    skip "$logs/$stage.txt"
    [ "$status" -eq 0 ] || [ "$failed" -gt 0 ] || failed=1
    count "$stage" "$passed" "$failed"
}

stage_model() {
    say "model: a connection's life cycle, by spin"
    run_tap model sh tests/model/run.sh
}

stage_style() {
    say "style"
    run_tap style sh tests/style/run.sh build-asan
}

# The counts that node's test runner gives at the end of each TAP, together.
tap_count() { awk -v what="$1" '/^# [a-z]+ [0-9]+$/ && $2 == what { n += $3 } END { print n + 0 }' "$2"; }

# run_nodes STAGE FOLDER FILES...: integration tests of one build folder's binary.
run_nodes() {
    stage=$1
    tap=$logs/$1.tap
    BARKER_BINARY=$root/$2/src/app/barker
    export BARKER_BINARY
    shift 2
    $plain sh tests/integration/run.sh "$@" >"$tap" 2>"$logs/$stage.err"
    status=$?
    [ "$status" -eq 0 ] || cat "$logs/$stage.err"
    sed -n '/^not ok /,/^  \.\.\./p' "$tap"
    sed -nE '/^# (dialect|raw|barker\.v1) +[a-z]/p; /^# (secrecy: |SIGHUP |SIGTERM )/p' "$tap"
    sed -n '/^# seed [0-9]*, fault/,/^# resumes/p; /^# [0-9]* clients came in/,/messages published/p; /^# hostile peers/,$p' "$tap"
    skip "$tap"
    passed=$(tap_count pass "$tap")
    failed=$(($(tap_count fail "$tap") + $(tap_count cancelled "$tap") + 0))
    [ "$status" -eq 0 ] || [ "$failed" -gt 0 ] || failed=1
    count "$stage" "${passed:-0}" "$failed"
}

stage_integration() {
    say "integration: the real binary, a real redis-server, real clients"
    run_nodes integration build-asan
}

stage_tsan() {
    say "tsan: what crosses threads, under ThreadSanitizer"
    if configure build-tsan -Dbuildtype=debugoptimized -Db_sanitize=thread -Db_lundef=false -Dwerror=true; then
        checks tsan build-tsan base/inbox broker/bus broker/bus_model net/admission
        if ninja -C build-tsan src/app/barker; then
            run_nodes tsan-nodes build-tsan two_nodes.test.mjs history.test.mjs history_local.test.mjs desk.test.mjs \
                drain.test.mjs drain_others.test.mjs reload.test.mjs control.test.mjs users.test.mjs api.test.mjs
        else
            count tsan-nodes 0 1
        fi
    else
        count tsan 0 1
    fi
}

# Without a warning, by both compilers.
stage_release() {
    clang=clang
    command -v clang >/dev/null || clang="clang-14"
    for compiler in gcc $clang; do
        say "release build by $compiler"
        folder=build-release-${compiler%-14}
        if [ ! -e "$folder/build.ninja" ]; then
            CC=$compiler meson setup "$folder" -Dbuildtype=release -Dwerror=true || { count "release $compiler" 0 1; continue; }
        fi
        if ninja -C "$folder" all meson-test-prereq >"$folder/build.txt" 2>&1 && ! grep -q 'warning:' "$folder/build.txt"; then
            count "release ${compiler%-14}" 1 0
        else
            cat "$folder/build.txt"
            count "release ${compiler%-14}" 0 1
        fi
    done
}

# The files of deploy/ by their validators, the image by running it, the package by installing it.
stage_deploy() {
    say "deploy: files by their own validators, the image, the package"
    install_container_packages || echo "not everything could be installed: going on with what is there"
    run_tap deploy-files sh tests/deploy/files.sh "$root/build-asan/src/app/barker"
    run_tap container sh tests/deploy/container.sh
    run_tap package sh tests/deploy/package.sh
}

started=$(date +%s)
if [ "${1:-}" = --fuzz ]; then
    shift
    is_fuzzing=yes
    install_packages || echo "not everything could be installed: going on with what is there"
    exec sh tests/fuzz/run.sh "$@"
fi
stages=${*:-unit fuzz model style integration tsan release deploy}
install_packages || echo "not everything could be installed: going on with what is there"
# Deploying needs the binary alone.
[ "$stages" = deploy ] && targets=src/app/barker || targets=
if build_asan $targets; then
    for stage in $stages; do
        case $stage in
        unit | fuzz | model | style | integration | tsan | release | deploy) "stage_$stage" ;;
        *)
            echo "no such stage: $stage"
            n_failed=$((n_failed + 1))
            ;;
        esac
    done
else
    count build 0 1
fi
say "summary after $(($(date +%s) - started)) s"
printf '%s' "${summary:-}"
printf '%s' "$skipped"
printf '%d passed, %d failed\n' "$n_passed" "$n_failed"
[ "$n_failed" -eq 0 ] && [ "$n_passed" -gt 0 ]
