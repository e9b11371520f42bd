#!/bin/sh
# Check the settings, bring the database up to date, become the server. With arguments: run that management command instead,
# such as `worker`, which runs the periodic jobs and waits until the database is migrated.
#
# MIGRATE=false leaves the database alone: set it when several containers start at once, and migrate in one of them first.
set -eu
cd "$(dirname "$0")/../.."
python=.venv/bin/python

if [ $# -gt 0 ]; then
  exec "$python" manage.py "$@"
fi

: "${BIND:=0.0.0.0:8000}"
if [ -n "${PORT:-}" ]; then
  BIND="${BIND%:*}:$PORT"
fi
export BIND

"$python" manage.py check --deploy --fail-level WARNING
case ${MIGRATE:-true} in
  1 | true | yes | on) "$python" manage.py migrate --noinput ;;
  0 | false | no | off) ;;
  *) echo "MIGRATE must be true or false, not '$MIGRATE'." >&2; exit 2 ;;
esac
exec "$python" -m gunicorn config.wsgi
