#!/bin/sh
# Make sure that the named programs of Debian's packages are here: install what is missing when we may, else say what to do.
set -eu

missing=""
need() { # need PACKAGE PROGRAM…: one of the programs will do
  package=$1
  shift
  for program in "$@"; do
    if command -v "$program" >/dev/null 2>&1 || ls $program >/dev/null 2>&1; then return; fi
  done
  missing="$missing $package"
}

need postgresql '/usr/lib/postgresql/*/bin/initdb' initdb
need redis-server redis-server
need chromium chromium chromium-browser google-chrome

[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "Installing$missing"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
  exit 0
fi
echo "The tests need programs that are not here: run 'apt-get install$missing' as root, then 'make test' again." >&2
exit 1
