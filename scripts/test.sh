#!/bin/sh
# Every test: on SQLite, on PostgreSQL, and against running servers. Called by `make test` with the services up.
set -eu
cd "$(dirname "$0")/.."

export ENV_FILE=/dev/null DEBUG=true LOG_LEVEL=WARNING
: "${PYTEST:=.venv/bin/pytest}"

echo "== SQLite"
DATABASE_URL=sqlite:///var/tests.sqlite3 $PYTEST -q -n 2 -m "not e2e and not postgresql" "$@"
echo "== PostgreSQL"
DATABASE_URL="$TEST_POSTGRES_URL" $PYTEST -q -n 2 -m "not e2e" "$@"
echo "== Running servers"
DATABASE_URL=sqlite:///var/tests.sqlite3 $PYTEST -q -n 2 --dist loadgroup -m e2e "$@"
