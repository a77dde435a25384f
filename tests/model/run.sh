#!/bin/sh
# The formal model: prints "ok N - name" or "not ok N - name" with details behind "#", and exits with 1 when anything fails.
# Needs spin and gcc, about half a gigabyte and a minute.
set -u
model=$(cd "$(dirname "$0")" && pwd -P)/connection.pml
for tool in spin gcc; do
  command -v "$tool" >/dev/null && continue
  echo "not ok 1 - $tool is there"
  echo "# install the Debian package $tool"
  exit 1
done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM
cd "$folder" || exit 1
n=0
failed=0
built=

# build DEFINES: the checkers of the model without those safeguards, one of assertions and deadlocks, one of formulas.
build() {
  [ "$built" != "defines $1" ] || return 0
  built=
  defines=
  for define in $1; do
    defines="$defines -D$define"
  done
  # shellcheck disable=SC2086 # one word a define
  spin -a $defines "$model" >spin.txt 2>&1 || return 1
  gcc -O2 -DNOCLAIM -DSAFETY -o states pan.c >gcc.txt 2>&1 && gcc -O2 -DNFAIR=3 -o formulas pan.c >gcc.txt 2>&1 || return 1
  built="defines $1"
}

# check WHAT: "states", or the name of a formula.
check() {
  case $1 in
  states) ./states -m100000 ;;
  *) ./formulas -a -f -N "$1" -m1000000 ;;
  esac >result.txt 2>&1
}

# Only a search that came to its end has shown anything.
has_held() {
  grep -q 'errors: 0$' result.txt && ! grep -Eq 'max search depth too small|out of memory|Search not completed' result.txt
}

report() {
  n=$((n + 1))
  if [ "$1" -eq 0 ]; then
    echo "ok $n - $2"
  else
    echo "not ok $n - $2"
    cat spin.txt gcc.txt result.txt 2>/dev/null | grep -v 'unreached\|^$\|, state ' | head -n 40 | sed 's/^/# /'
    failed=$((failed + 1))
  fi
}

# holds DEFINES WHAT NAME
holds() {
  rm -f result.txt
  build "$1" && check "$2" && has_held
  report $? "$3"
}

# fails DEFINES WHAT HOW NAME: the checker finds an error, and it is that one.
fails() {
  rm -f result.txt
  build "$1" && { check "$2" || true; } && grep -q 'errors: 1$' result.txt && grep -qF "$3" result.txt
  report $? "$4"
}

holds '' states 'no deadlock, one free, nothing sent that was not accepted in OPEN, nothing after the close frame'
holds '' closing_ends 'CLOSING always leads to CLOSED'
holds '' closed_is_freed 'CLOSED is always freed'
holds '' connecting_ends 'CONNECTING always ends'
holds '' a_dead_transport_is_freed 'a transport whose end was not told is freed all the same'
holds 'NO_AUDIT NO_LOSSES' closing_ends 'the linger deadline alone ends CLOSING, whatever the library tells'
fails NO_LINGER closing_ends 'acceptance cycle' 'without the linger deadline CLOSING may last'
fails NO_AUDIT closing_ends 'acceptance cycle' 'without the audit CLOSING may last once a deadline is lost'
fails NO_AUDIT a_dead_transport_is_freed 'acceptance cycle' 'without the audit a dead transport may stay'
fails NO_AUDIT states 'invalid end state' 'without the audit there is a deadlock'
fails NO_REAPER closed_is_freed 'acceptance cycle' 'without the reaper CLOSED is not freed'
fails SEND_CLOSING states 'assertion violated' 'data that CLOSING accepts is found on the wire'
fails FREE_AT_ONCE states '!(is_freed)' 'a free in the transport'\''s report is found to be one too many'
fails KEEP_TRANSPORT states '!(transport_is_freed)' 'a transport used after its end is found'
echo "1..$n"
[ "$failed" -eq 0 ]
