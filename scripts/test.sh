#!/bin/sh
# Run all tests but those with the mark `long`: on SQLite, on PostgreSQL, and against running servers. `make test` calls it with the services up.
set -eu
cd "$(dirname "$0")/.."

: "${BIN:=.venv/bin}"
export ENV_FILE=/dev/null LOG_LEVEL=WARNING
unset PYTHONDONTWRITEBYTECODE # each of many processes would compile the whole project again

random() { "$BIN/python" -c 'import secrets; print(secrets.token_urlsafe(50))'; }
DEBUG=false SECRET_KEY="$(random)" SITE_KEY_PEPPER="$(random)" ALLOWED_HOSTS=127.0.0.1 \
  "$BIN/python" manage.py collectstatic --noinput --verbosity=0

export DEBUG=true
run() { "$BIN/pytest" -q --durations=15 --durations-min=1 "$@"; }

# Beside the agent's tests: both wait often, for files, processes and the network.
pythons=$(mktemp)
scripts/test_pythons.sh --selection >"$pythons" 2>&1 &
selection=$!
trap 'wait; rm -f "$pythons"' EXIT
echo "== Agent"
(BIN=$(cd "$BIN" && pwd) && cd agent && "$BIN/pytest" -q -n 2 --durations=15 --durations-min=1)
echo "== Other versions of Python"
wait "$selection" || { cat "$pythons"; exit 1; }
cat "$pythons"
echo "== SQLite"
DATABASE_URL=sqlite:///var/tests.sqlite3 run -n 2 -m "not e2e and not postgresql" "$@"
echo "== PostgreSQL and Redis: the tests that use the database"
DATABASE_URL="$TEST_POSTGRES_URL" run -n 2 -m "not e2e" --only-database \
  --ignore sites/tests/test_list_plans.py --ignore panel/dashboard/tests/test_plans.py "$@"
# By themselves: which plan is best depends on what VACUUM could do, and another test's open snapshot keeps it from working.
DATABASE_URL="$TEST_POSTGRES_URL" run sites/tests/test_list_plans.py panel/dashboard/tests/test_plans.py
echo "== Running servers"
# Four processes on two cores: these tests often wait. Files stay in the order of conftest.py, the longest first.
# All are in one folder; to look through the others takes each process seconds.
DATABASE_URL=sqlite:///var/tests.sqlite3 run -n 4 --dist loadfile --no-loadscope-reorder -m e2e -o testpaths=tests "$@"
