#!/bin/sh
# Write the lock files: each package of the requirements files and whatever these need, with the hashes of its files, for
# Python 3.11 to 3.13 on every platform. Versions that are locked already stay, unless:
#
#     scripts/lock.sh --upgrade                        everything that the requirements files do not pin
#     scripts/lock.sh --upgrade-package cryptography   one package
set -eu
cd "$(dirname "$0")/.."
: "${BIN:=.venv/bin}"

lock() { # lock SOURCE LOCK [OPTION…]
  source=$1 lock=$2
  shift 2
  # Without uv's own configuration, and without the address of an index: a lock file is the same from wherever it was made.
  "$BIN/uv" pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes \
    --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" "$@" "$source" --output-file "$lock"
}

lock requirements.txt requirements.lock "$@"
lock requirements-fast.txt requirements-fast.lock "$@"
lock requirements-dev.txt requirements-dev.lock --constraints requirements.lock "$@"
lock benchmarks/requirements.txt benchmarks/requirements.lock --constraints requirements-dev.lock "$@"
lock demo/requirements.txt demo/requirements.lock --constraints requirements-dev.lock "$@"
