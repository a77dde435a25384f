#!/bin/sh
# Builds the fuzzers with clang and lets each run FUZZ_SECONDS (60), FUZZ_JOBS at once (as many as there are cores). Arguments: the
# names of those wanted; none: all. Ends with a table, then "N passed, N failed"; exit status 0 only when nothing was found.
# What they learn stays in build-fuzz/corpus/<name>, what they find in build-fuzz/findings/<name>-*.
set -u
here=$(cd "$(dirname "$0")" && pwd -P)
cd "$here/../.." || exit 1
seconds=${FUZZ_SECONDS:-60}
folder=build-fuzz

# gcc's and clang's older sanitizers do not know the widest address randomisation of newer kernels.
plain=
setarch "$(uname -m)" -R true 2>/dev/null && plain="setarch $(uname -m) -R"

# The last value that a log has for a statistic; the last number behind a word of its progress.
statistic() { sed -n "s/^stat::$1: *//p" "$2" | tail -n 1; }
progress() { sed -n "s/.* $1: \([0-9]*\).*/\1/p" "$2" | tail -n 1; }

run_one() {
    name=$1
    log=$folder/findings/$name.log
    mkdir -p "$folder/corpus/$name" "$folder/tests/fuzz/seeds/$name"
    rm -f "$folder/findings/$name"-*
    # Far above what any takes: a finding that ends it is better than a machine without memory.
    UBSAN_OPTIONS=print_stacktrace=1 $plain "$folder/tests/fuzz/fuzz_$name" -max_total_time="$seconds" -max_len=4096 -timeout=10 \
        -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$folder/findings/$name-" \
        "$folder/corpus/$name" "tests/fuzz/corpus/$name" "$folder/tests/fuzz/seeds/$name" >"$log" 2>&1
    status=$?
    # The findings' files are the count, but for a fuzzer that could not even begin.
    found=$(find "$folder/findings" -name "$name-*" | wc -l)
    [ "$status" -eq 0 ] || [ "$found" -gt 0 ] || found=1
    printf '%-14s %12s %7s %7s %6s\n' "$name" "$(statistic number_of_executed_units "$log")" "$(progress cov "$log")" \
        "$(progress ft "$log")" "$found" >"$folder/findings/$name.row"
    [ "$found" -eq 0 ] || { echo "finding: $name"; tail -n 60 "$log"; }
}

if [ "${1:-}" = --one ]; then
    run_one "$2"
    exit 0
fi

clang=clang
command -v clang >/dev/null || clang=clang-14
if [ ! -e "$folder/build.ninja" ]; then
    CC=$clang meson setup "$folder" -Dbuildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false -Dfuzzers=true || exit 1
fi
names=$(ninja -C "$folder" -t targets all | sed -n 's,^tests/fuzz/fuzz_\([a-z0-9_]*\): .*LINKER.*,\1,p' | sort)
[ $# -eq 0 ] || names=$*
targets=
for name in $names; do
    targets="$targets tests/fuzz/fuzz_$name"
done
# shellcheck disable=SC2086 # one word a target
ninja -C "$folder" tests/fuzz/seeds.stamp $targets || exit 1
rm -rf "$folder/findings"
mkdir -p "$folder/findings"
# shellcheck disable=SC2086 # one word a name
printf '%s\n' $names | xargs -P "${FUZZ_JOBS:-$(nproc)}" -I '{}' sh "$here/run.sh" --one '{}'

printf '\n== %s s each\n%-14s %12s %7s %7s %6s\n' "$seconds" fuzzer executions cov ft found
cat "$folder"/findings/*.row
passed=$(cat "$folder"/findings/*.row | awk '$NF == 0' | wc -l)
failed=$(($(printf '%s\n' $names | wc -l) - passed))
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
