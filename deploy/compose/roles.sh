#!/bin/sh
# PostgreSQL's image runs this once, when it has made the database: two roles, of which the one that Portcullis runs as can
# only add to the audit. See postgresql_roles.sql.
set -eu
: "${ROLES:=/portcullis/postgresql_roles.sql}" "${SECRETS:=/run/secrets}"
run_psql() { psql --quiet --no-psqlrc -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" "$@"; }

run_psql -v owner=portcullis_owner -v app=portcullis_app -f "$ROLES"
run_psql <<END
\set owner_password \`cat $SECRETS/owner_password\`
\set app_password \`cat $SECRETS/app_password\`
ALTER ROLE portcullis_owner PASSWORD :'owner_password';
ALTER ROLE portcullis_app PASSWORD :'app_password';
END
