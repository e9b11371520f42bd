#!/bin/sh
# Run the fast tests with each supported Python that is on this machine, each with the locked packages in an environment of
# its own below var/. `make test-pythons` calls it. Fails if one fails, or if none is here.
set -u
cd "$(dirname "$0")/.."
export ENV_FILE=/dev/null DEBUG=true LOG_LEVEL=WARNING

find_python() { # on the PATH, or installed by pyenv
  for python in "$(command -v "python$1")" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$1".*/bin/python; do
    # pyenv's own `python3.12` is there even if that version is not.
    if [ -x "$python" ] && "$python" -c "import sys; sys.exit(f'{sys.version_info[0]}.{sys.version_info[1]}' != '$1')" 2>/dev/null; then
      echo "$python"
      return
    fi
  done
}

failed="" tested=""
for version in 3.11 3.12 3.13; do
  python=$(find_python "$version")
  if [ -z "$python" ]; then
    echo "== Python $version: not on this machine"
    continue
  fi
  echo "== $("$python" -V)"
  folder=var/python-$version
  if "$python" -m venv "$folder" &&
    "$folder/bin/python" -m pip install -q --disable-pip-version-check --require-hashes --only-binary :all: -r requirements-dev.lock &&
    DATABASE_URL=sqlite:///var/tests-$version.sqlite3 "$folder/bin/pytest" -q -n 2 -m "not e2e and not postgresql and not slow" "$@"; then
    tested="$tested $version"
  else
    failed="$failed $version"
  fi
done
[ -z "$failed" ] || { echo "Failed with Python$failed." >&2; exit 1; }
[ -n "$tested" ] || { echo "None of Python 3.11 to 3.13 is on this machine." >&2; exit 1; }
echo "Passed with Python$tested."
