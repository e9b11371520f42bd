#!/bin/sh
# Run tests with each supported Python that is on this machine, each with the locked packages in an environment of its own below
# var/, which stays for the next run. Fails if one fails, or if none is here.
#
#     scripts/test_pythons.sh [--selection]
#
# Without an argument the fast tests: `make test-pythons`. With --selection what would show that a version is not supported,
# in less than a minute for each version that `make test` itself does not run with: `make test` calls it.
set -u
cd "$(dirname "$0")/.." || exit 1
: "${BIN:=.venv/bin}"
export ENV_FILE=/dev/null DEBUG=true LOG_LEVEL=WARNING
unset PYTHONDONTWRITEBYTECODE

# Of each app, files that use what versions of Python differ in: parsers, times, addresses, signed and packed data, threads.
SELECTION="
accounts/tests/test_login.py accounts/tests/test_passwords.py accounts/tests/test_forged_tokens.py
audit/tests/test_hashes.py
backup/tests/test_archive.py
common/tests/test_logs.py common/tests/test_strict_json.py common/tests/test_untrusted_proxies.py
config/tests/test_imports.py config/tests/test_environment.py config/tests/test_database_url.py config/tests/test_gunicorn_log.py
config/tests/test_package_internals.py
demo/tests/test_made_by_the_demo.py
erasure/tests/test_command.py
heartbeat/tests/test_reply_format.py heartbeat/tests/test_report.py
idempotency/tests/test_idempotency.py
licensing/tests/test_leases.py licensing/tests/test_key_file.py
panel/tests/test_menu.py panel/tests/test_viewer_zone.py
sites/tests/test_commands.py sites/tests/test_lock.py sites/imports/tests/test_formulas.py"

find_python() { # on the PATH, or installed by pyenv
  for python in "$(command -v "python$1")" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$1".*/bin/python; do
    # pyenv's own `python3.12` is there even if that version is not.
    if [ -x "$python" ] && "$python" -c "import sys; sys.exit(f'{sys.version_info[0]}.{sys.version_info[1]}' != '$1')" 2>/dev/null; then
      echo "$python"
      return
    fi
  done
}

present_version=$("$BIN/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
install() { # uv takes a tenth of pip's time; without it pip does the same
  if [ -x "$BIN/uv" ]; then
    "$BIN/uv" pip install -q --python "$1" --require-hashes --only-binary :all: -r requirements-dev.lock
  else
    "$1/bin/python" -m pip install -q --disable-pip-version-check --require-hashes --only-binary :all: -r requirements-dev.lock
  fi
}

run_tests() {
  version=$1 folder=$2
  shift 2
  export DATABASE_URL="sqlite:///var/tests-$version.sqlite3"
  if [ "${1:-}" = --selection ]; then
    # In one process: the selection takes as long as two more processes take to collect it, and `make test` has other work to do.
    # shellcheck disable=SC2086 # a list
    "$folder/bin/python" -W error::SyntaxWarning manage.py check && "$folder/bin/pytest" -q -m "not e2e and not postgresql and not slow" $SELECTION
  else
    "$folder/bin/pytest" -q -n 2 -m "not e2e and not postgresql and not slow" "$@"
  fi
}

failed="" tested="" absent=""
for version in 3.11 3.12 3.13; do
  if [ "${1:-}" = --selection ] && [ "$version" = "$present_version" ]; then
    continue
  fi
  python=$(find_python "$version")
  if [ -z "$python" ]; then
    absent="$absent $version"
    continue
  fi
  echo "== $("$python" -V)"
  folder=$PWD/var/python-$version
  if { [ -x "$folder/bin/python" ] || "$python" -m venv "$folder"; } && install "$folder" && run_tests "$version" "$folder" "$@"; then
    tested="$tested $version"
  else
    failed="$failed $version"
  fi
done
[ -z "$absent" ] || echo "Not on this machine: Python$absent."
[ -z "$failed" ] || { echo "Failed with Python$failed." >&2; exit 1; }
if [ -n "$tested" ]; then
  echo "Passed with Python$tested."
elif [ "${1:-}" != --selection ]; then
  echo "None of Python 3.11 to 3.13 is on this machine." >&2
  exit 1
fi
