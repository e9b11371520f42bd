#!/bin/sh
# Run the agent's tests with each of Python 3.9 to 3.13 that is on this machine, each in an environment of its own below var/.
# `make test-agent-pythons` calls it. Fails if one fails, or if none is here.
set -u
cd "$(dirname "$0")/.." || exit 1

is_version() { "$1" -c "import sys; sys.exit(f'{sys.version_info[0]}.{sys.version_info[1]}' != '$2')" 2>/dev/null; }

find_python() { # on the PATH, or installed by pyenv or uv
  found_by_uv=$(uv python find --no-python-downloads --system "$1" 2>/dev/null)
  for python in "$(command -v "python$1")" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$1".*/bin/python "$found_by_uv"; do
    # pyenv's own `python3.12` is there even if that version is not.
    if [ -x "$python" ] && is_version "$python" "$1"; then
      echo "$python"
      return
    fi
  done
}

failed="" tested="" absent=""
for version in 3.9 3.10 3.11 3.12 3.13; do
  python=$(find_python "$version")
  if [ -z "$python" ]; then
    echo "== Python $version: not on this machine"
    absent="$absent $version"
    continue
  fi
  echo "== $("$python" -V)"
  folder=$PWD/var/agent-python-$version
  if "$python" -m venv "$folder" &&
    "$folder/bin/python" -m pip install -q --disable-pip-version-check "./agent[test]" &&
    (cd agent && "$folder/bin/pytest" -q "$@"); then
    tested="$tested $version"
  else
    failed="$failed $version"
  fi
done
[ -z "$absent" ] || echo "Not on this machine: Python$absent."
[ -z "$failed" ] || { echo "Failed with Python$failed." >&2; exit 1; }
[ -n "$tested" ] || { echo "None of Python 3.9 to 3.13 is on this machine." >&2; exit 1; }
echo "Passed with Python$tested."
