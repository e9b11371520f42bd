#!/bin/sh
# Give the role of the server its rights on the tables, after each `migrate` and `restore`. install.sh and the command portcullis run it.
#
#   deploy/grant.sh        as root or portcullis_owner, in the release whose grants these are
set -eu
secrets=/etc/portcullis/secrets
release=$(cd "$(dirname "$0")/.." && pwd)

# The name of the role in a URL of a database.
role_in() { python3 -c 'import sys, urllib.parse as u; print(u.unquote(u.urlsplit(sys.stdin.readline().strip()).username or ""))' <"$1"; }

app=$(role_in "$secrets/database_url")
owner=$(role_in "$secrets/owner_database_url")
if [ -z "$app" ] || [ -z "$owner" ] || [ "$app" = "$owner" ]; then
  echo "portcullis: the URLs in $secrets must name two roles, one that serves and one that owns the tables." >&2
  exit 1
fi
# dbshell hands the password over in the environment, where others cannot read it as they can read arguments.
export ENV_FILE=/etc/portcullis/portcullis.env DATABASE_URL_FILE="$secrets/owner_database_url"
export PYTHONDONTWRITEBYTECODE=1 PGTARGETSESSIONATTRS=read-write PATH="$PATH:/usr/sbin"
set -- "$release/.venv/bin/python" "$release/manage.py" dbshell -- -qX -v ON_ERROR_STOP=1 -v "app=$app"
[ "$(id -u)" != 0 ] || set -- runuser -u portcullis_owner -- "$@"
exec "$@" <"$release/deploy/postgresql_grants.sql"
