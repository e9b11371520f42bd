#!/bin/sh
# What a container does, by its first argument:
#
#   serve                     check the settings and become the server unless one is wrong; what it does without an argument
#   doorbell                  become the doorbell, where sites wait for changes
#   check                     check the settings for production, and fail also because of a warning
#   migrate                   bring the database up to date, make the first signing key if there is none, and end;
#                             makes the sysadmin of FIRST_ADMIN_EMAIL if there is no admin, and prints a link for the password
#   migrate-and-grant ROLE    the same, then give that role of PostgreSQL its rights (deploy/postgresql_grants.sql)
#   wait-for-migrations       end as soon as the database is up to date and our role has its rights
#   every SECONDS COMMAND …   run a command now and every so many seconds, also after it has failed
#
# Any other argument is a management command: worker, backup, createsuperuser …
#
# MIGRATE=true lets `serve` migrate first, for a single container; with several, migrate once before they start.
set -eu
cd "$(dirname "$0")/../.."
python=.venv/bin/python
[ -x "$python" ] || python=python3 # a platform that installs the packages by itself

serve() {
  : "${BIND:=0.0.0.0:8000}"
  if [ -n "${PORT:-}" ]; then
    BIND="${BIND%:*}:$PORT"
  fi
  export BIND
  case ${MIGRATE:-false} in
    1 | true | yes | on) migrate_first=true ;;
    0 | false | no | off) migrate_first=false ;;
    *) echo "MIGRATE must be true or false, not '$MIGRATE'." >&2; exit 2 ;;
  esac
  # Not because of a warning: a security.txt that has expired must not keep the service down.
  check ERROR
  if $migrate_first; then migrate; fi
  exec "$python" -m gunicorn config.wsgi
}

doorbell() {
  : "${DOORBELL_BIND:=0.0.0.0:8001}"
  if [ -n "${PORT:-}" ]; then
    DOORBELL_BIND="${DOORBELL_BIND%:*}:$PORT"
  fi
  export DOORBELL_BIND
  check ERROR
  exec "$python" -m gunicorn -c config/doorbell/gunicorn_settings.py
}

check() { # check LEVEL: fails from this level on
  level=$1
  shift
  "$python" manage.py check --deploy --fail-level "$level" "$@"
}

migrate() {
  "$python" manage.py migrate --noinput "$@"
  "$python" manage.py create_signing_key --if-none >/dev/null
  if [ -n "${FIRST_ADMIN_EMAIL:-}${FIRST_ADMIN_EMAIL_FILE:-}" ]; then "$python" manage.py invite_first_admin; fi
}

migrate_and_grant() { # migrate_and_grant ROLE
  role=$1
  migrate
  # dbshell passes the password to psql in a variable: the list of processes shows what is in an argument.
  export PGTARGETSESSIONATTRS="${PGTARGETSESSIONATTRS:-read-write}"
  exec "$python" manage.py dbshell -- --no-psqlrc --quiet --no-password --single-transaction -v ON_ERROR_STOP=1 \
    -v app="$role" -f deploy/postgresql_grants.sql
}

is_up_to_date() { "$python" manage.py migrate --check && "$python" manage.py check --tag database --database default; }

wait_for_migrations() {
  until output=$(is_up_to_date 2>&1); do
    # The last line of an error that is not indented says what is wrong; migrations that are missing have none.
    reason=$(printf '%s\n' "$output" | grep -v -e '^[[:space:]]' -e '^$' -e '^System check identified' | tail -n 1)
    echo "Waiting until the database is up to date. ${reason:-Migrations are missing.}" >&2
    sleep 2
  done
}

every() { # every SECONDS COMMAND…
  seconds=$1
  shift
  trap 'exit 0' TERM INT # after the command that runs, if one does
  while :; do
    "$python" manage.py "$@" || echo "'$*' failed; the next try is in $seconds seconds." >&2
    sleep "$seconds" &
    wait $!
  done
}

# A platform may pass the path of this script to the image, which starts it already.
case ${1:-} in */entrypoint.sh) shift ;; esac
command=${1:-serve}
[ $# -eq 0 ] || shift
case $command in
  serve) serve "$@" ;;
  doorbell) doorbell "$@" ;;
  check) check WARNING "$@" ;;
  migrate) migrate "$@" ;;
  migrate-and-grant) [ $# -eq 1 ] || { echo "usage: migrate-and-grant ROLE" >&2; exit 2; }; migrate_and_grant "$1" ;;
  wait-for-migrations) wait_for_migrations ;;
  every) [ $# -ge 2 ] || { echo "usage: every SECONDS COMMAND …" >&2; exit 2; }; every "$@" ;;
  *) exec "$python" manage.py "$command" "$@" ;;
esac
