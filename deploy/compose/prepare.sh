#!/bin/sh
# Make what compose.yaml mounts, in deploy/compose/private: secrets, nginx's configuration for HOST, a certificate to start with.
#
#     deploy/compose/prepare.sh HOST        such as licenses.example.com
#
# Running it again keeps the secrets and the certificate, and renews nginx's configuration, as after an upgrade.
#
# Only the owner may enter the folder. The files in it are readable by all, because each container reads those that are
# mounted into it as a user of its own.
set -eu
[ $# -eq 1 ] || { echo "usage: deploy/compose/prepare.sh HOST" >&2; exit 2; }
host=$1
case $host in
  "" | .* | *[!A-Za-z0-9.-]*) echo "'$host' is no host name." >&2; exit 2 ;;
esac
command -v openssl >/dev/null || { echo "openssl is missing." >&2; exit 1; }
cd "$(dirname "$0")"
umask 022
mkdir -p private
chmod 700 private
mkdir -p private/secrets private/nginx private/certificate private/acme

random() { openssl rand -hex 32; }
secret() { # secret NAME: takes its value from the standard input, unless there is one already
  if [ -s "private/secrets/$1" ]; then
    cat >/dev/null
  else
    cat >"private/secrets/$1.new"
    mv "private/secrets/$1.new" "private/secrets/$1"
  fi
}
value() { cat "private/secrets/$1"; }

for name in secret_key site_key_pepper postgres_password owner_password app_password redis_password metrics_token; do
  random | secret "$name"
done
echo "postgres://portcullis_owner:$(value owner_password)@postgres:5432/portcullis" | secret database_owner_url
echo "postgres://portcullis_app:$(value app_password)@postgres:5432/portcullis" | secret database_url
echo "redis://:$(value redis_password)@redis:6379/0" | secret redis_url
secret redis_conf <<END
requirepass $(value redis_password)
maxmemory 256mb
maxmemory-policy allkeys-lru
save ""
END
echo "$host" >private/secrets/allowed_hosts
echo "https://$host/doorbell" >private/secrets/doorbell_url

for file in ../nginx/*.conf; do
  sed -e "s/licenses\.example\.com/$host/g" \
    -e "s|/etc/letsencrypt/live/$host/|/etc/nginx/certificate/|" \
    -e "s/server 127\.0\.0\.1:8000/server web:8000 resolve/" \
    -e "s/server 127\.0\.0\.1:8001/server doorbell:8001 resolve/" \
    -e "s|/var/log/nginx/[a-z.]*|/dev/stdout|" \
    "$file" >"private/nginx/$(basename "$file")"
done

if [ ! -s private/certificate/fullchain.pem ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj "/CN=$host" \
    -addext "subjectAltName=DNS:$host" -keyout private/certificate/privkey.pem -out private/certificate/fullchain.pem 2>/dev/null
  chmod 644 private/certificate/privkey.pem
  echo "Made a certificate of its own, for 30 days; docs/deploy-container.md says how to get one that browsers trust."
fi
echo "deploy/compose/private is ready for $host. Keep a copy of its secrets apart from the backups."
