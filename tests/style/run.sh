#!/bin/sh
# The style suite: prints "ok N - name" or "not ok N - name" with details behind "#", and exits with 1 when anything fails.
# Usage: run.sh [BUILD], a build folder with compile_commands.json; without it, build-style/ is set up (nothing is built).
set -u
here=$(cd "$(dirname "$0")" && pwd -P)
root=$(cd "$here/../.." && pwd -P)
cd "$root" || exit 1
build=${1:-build-style}
n=0
failed=0
details=$(mktemp)
trap 'rm -f "$details"' EXIT

# report NAME COMMAND...: the command's output is shown when it fails.
report() {
  name=$1
  shift
  n=$((n + 1))
  if "$@" >"$details" 2>&1; then
    echo "ok $n - $name"
  else
    echo "not ok $n - $name"
    sed 's/^/# /' "$details" | head -n 60
    failed=$((failed + 1))
  fi
}

# The version that limits.ini wants of a tool; another one judges differently.
is_wanted_version() {
  wanted=$(sed -n "s/^$1 = //p" "$here/limits.ini")
  found=$("$1" --version 2>/dev/null | grep -Eo '[0-9]+(\.[0-9]+)+' | head -n 1)
  case "$found." in
  "$wanted".*) return 0 ;;
  esac
  return 1
}

# report_tool TOOL NAME COMMAND...: as report, but skipped where the tool has another version; a missing tool is a failure.
report_tool() {
  tool=$1
  shift
  if command -v "$tool" >/dev/null && ! is_wanted_version "$tool"; then
    n=$((n + 1))
    echo "ok $n - $1 # SKIP $tool is version $found, the rules are for $wanted"
    return
  fi
  report "$@"
}

sources() {
  find src include tests -name node_modules -prune -o -name '*.[ch]' -print
}

formatted() {
  sources | xargs clang-format --dry-run -Werror --ferror-limit=1
}

# Only our own findings count: the tool also prints what it runs and how much it suppressed.
tidy() {
  [ -f "$build/compile_commands.json" ] || meson setup "$build" || return 1
  grep -q '"file": .*src/app/' "$build/compile_commands.json" || { echo "$build knows no sources"; return 1; }
  output=$(run-clang-tidy -quiet -p "$build" "^$root/src/.*\\.c\$" 2>&1)
  status=$?
  printf '%s\n' "$output" | sed 's/\x1b\[[0-9;]*m//g' | grep -A3 -E '(error|warning): '
  return $status
}

checked() {
  cppcheck --enable=warning,performance,portability,style --std=c11 -D_GNU_SOURCE -I include --quiet -j 2 \
    --suppressions-list="$here/cppcheck.suppressions" --error-exitcode=1 --inline-suppr src include
}

shell_parses() {
  find deploy tests -name node_modules -prune -o -name '*.sh' -print | while read -r script; do
    sh -n "$script" || exit 1
  done
}

report 'every rule of check.py can fail' python3 -B "$here/selftest.py"
report 'a layer includes only what is below it' python3 -B "$here/check.py" layers
report 'a library is known only where it belongs' python3 -B "$here/check.py" libraries
report 'time, threads, logs and exits are called only where they belong' python3 -B "$here/check.py" calls
report 'files and functions are small' python3 -B "$here/check.py" sizes
report 'headers say what they are and who owns them' python3 -B "$here/check.py" headers
report 'no forbidden words' python3 -B "$here/check.py" words
report 'text files end well' python3 -B "$here/check.py" text
report 'shell scripts parse' shell_parses
report_tool clang-format 'clang-format has nothing to change' formatted
report_tool cppcheck 'cppcheck finds nothing' checked
report_tool clang-tidy 'clang-tidy finds nothing' tidy
echo "1..$n"
[ "$failed" -eq 0 ]
