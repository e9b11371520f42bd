#!/bin/sh
# What can be checked without running the product.
set -eu
cd "$(dirname "$0")/.."
: "${BIN:=.venv/bin}"
export ENV_FILE=/dev/null

echo "== ruff"
"$BIN/ruff" check -q .
"$BIN/ruff" format -q --check .
# The slowest check, beside the others.
types=$(mktemp)
{
  DEBUG=true "$BIN/mypy" --no-error-summary . &&
    (BIN=$(cd "$BIN" && pwd) && cd agent && "$BIN/mypy" --no-error-summary)
} >"$types" 2>&1 &
mypy=$!
trap 'wait; rm -f "$types"' EXIT
echo "== imports"
DEBUG=true "$BIN/lint-imports" --no-cache >/dev/null || DEBUG=true "$BIN/lint-imports" --no-cache
echo "== migrations"
DEBUG=true "$BIN/python" manage.py makemigrations --check --dry-run
DEBUG=true "$BIN/python" -m scripts.lint_migrations
echo "== deployment"
random() { "$BIN/python" -c 'import secrets; print(secrets.token_urlsafe(50))'; }
# Without the database of this machine, which another check asks for a signing key.
DATABASE_URL=sqlite:///var/never-opened.sqlite3 DEBUG=false SECRET_KEY="$(random)" SITE_KEY_PEPPER="$(random)" ALLOWED_HOSTS=licenses.example.com \
  "$BIN/python" manage.py check --deploy --fail-level WARNING
echo "== API description"
DEBUG=true "$BIN/python" manage.py spectacular --validate --fail-on-warn >/dev/null
echo "== mypy"
wait "$mypy" || { cat "$types"; exit 1; }
