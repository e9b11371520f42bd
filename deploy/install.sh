#!/bin/sh
# Install Portcullis on a bare Debian 12 server, upgrade it, or go back to the release before. Run it as root, from the source.
#
#   deploy/install.sh --host NAME --email ADDRESS                   with a certificate of Let's Encrypt
#   deploy/install.sh --host NAME --certificate FILE --key FILE     with a certificate of your own (with its chain)
#   deploy/install.sh                                               upgrade: the host and the certificate stay
#   deploy/install.sh rollback                                      the release before serves again
#   deploy/install.sh packages                                      only Debian's packages
#
#   --dry-run     say what would be done, and do nothing
#
# It may be run as often as you like: what is there stays. Settings are in /etc/portcullis, releases in /srv/portcullis.
set -eu

BASE=/srv/portcullis
SETTINGS=/etc/portcullis
SECRETS=$SETTINGS/secrets
TLS=$SETTINGS/tls
LETS_ENCRYPT=/etc/letsencrypt
BACKUPS=/var/backups/portcullis
FIRMWARE=/var/lib/portcullis/firmware
FILES=/var/lib/portcullis/files
NGINX=/etc/nginx/portcullis
NGINX_CONF=/etc/nginx/nginx.conf
SOCKETS=%2Fvar%2Frun%2Fpostgresql
PACKAGES="python3 python3-venv python3-pip postgresql redis-server nginx-light openssl ca-certificates curl"
UNITS="portcullis-web.socket portcullis-web.service portcullis-doorbell.service portcullis-worker.service portcullis-backup.timer"
KEPT_RELEASES=3
SOURCE=$(cd "$(dirname "$0")/.." && pwd)

action=install host='' email='' certificate='' key='' dry_run=false step='the start' explained=false

say() { echo "portcullis: $*"; }
fail() {
  explained=true
  echo "portcullis: $*" >&2
  exit 1
}
explain_exit() {
  status=$?
  [ "$status" = 0 ] || $explained ||
    echo "portcullis: stopped at: $step. The lines above say why. Run it again when that is repaired." >&2
}
trap explain_exit EXIT
begin() {
  step=$1
  say "$step"
}

read_arguments() {
  while [ $# -gt 0 ]; do
    case $1 in
      install | rollback | packages) action=$1 ;;
      --dry-run) dry_run=true ;;
      --host | --email | --certificate | --key)
        [ $# -ge 2 ] && [ -n "$2" ] || fail "$1 needs a value."
        case $1 in
          --host) host=$2 ;;
          --email) email=$2 ;;
          --certificate) certificate=$(realpath -m "$2") ;;
          --key) key=$(realpath -m "$2") ;;
        esac
        shift
        ;;
      *) fail "'$1' is not known; the first lines of $0 show what is." ;;
    esac
    shift
  done
}

check_machine() {
  [ "$(id -u)" = 0 ] || fail "Run this as root."
  # shellcheck source=/dev/null
  ID='' VERSION_ID='' && . /etc/os-release
  [ "$ID" = debian ] && [ "${VERSION_ID%%.*}" -ge 12 ] 2>/dev/null ||
    fail "This is for Debian 12 or later, not for ${PRETTY_NAME:-an unknown system}."
  [ -f "$SOURCE/manage.py" ] && [ -f "$SOURCE/scripts/container/build.sh" ] ||
    fail "$SOURCE is not a complete source tree of Portcullis."
}

setting() { sed -n "s/^$1=//p" "$SETTINGS/portcullis.env" 2>/dev/null | tail -n 1; }

check_host() {
  installed=$(setting ALLOWED_HOSTS | cut -d, -f1)
  [ -n "$host" ] || host=$installed
  [ -n "$host" ] || fail "Say the host name of this server: --host licenses.example.com."
  echo "$host" | grep -Eq '^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]*[a-z][a-z0-9-]*$' ||
    fail "'$host' is not a host name such as licenses.example.com, in lower case."
  [ -z "$installed" ] || [ "$host" = "$installed" ] ||
    fail "This server is installed as $installed: change ALLOWED_HOSTS in $SETTINGS/portcullis.env first, then run this again."
}

check_certificate() {
  if [ -n "$certificate$key" ]; then
    [ -z "$email" ] || fail "Give either --email or a certificate, not both."
    [ -r "$certificate" ] || fail "--certificate names '$certificate', which cannot be read."
    [ -r "$key" ] || fail "--key names '$key', which cannot be read."
  elif [ -z "$email" ] && [ ! -f "$NGINX/certificate.conf" ]; then
    fail "Give --email for a certificate of Let's Encrypt, or --certificate and --key for one of your own."
  fi
}

check_certificate_pair() {
  [ -n "$certificate" ] || return 0
  openssl x509 -in "$certificate" -noout -checkend 0 >/dev/null 2>&1 ||
    fail "$certificate is not a certificate that is valid today."
  [ "$(openssl x509 -in "$certificate" -noout -pubkey)" = "$(openssl pkey -in "$key" -pubout 2>/dev/null)" ] ||
    fail "$key is not the key of $certificate."
  openssl x509 -in "$certificate" -noout -checkhost "$host" | grep -q 'does match' ||
    fail "$certificate is not for $host."
}

missing_packages() {
  [ -z "$email" ] || PACKAGES="$PACKAGES certbot"
  for package in $PACKAGES; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || printf '%s ' "$package"
  done
}

install_packages() {
  missing=$(missing_packages)
  [ -n "$missing" ] || return 0
  begin "Install $missing"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  # shellcheck disable=SC2086
  apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

has_systemd() { [ -d /run/systemd/system ]; }

start_databases() {
  begin "Start PostgreSQL and Redis"
  if has_systemd; then
    systemctl enable -q --now postgresql redis-server
  else
    service postgresql start >/dev/null 9>&-
    service redis-server start >/dev/null 9>&-
  fi
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    ! runuser -u postgres -- psql -qtAc 'SELECT 1' >/dev/null 2>&1 || return 0
    sleep 1
  done
  fail "PostgreSQL does not answer on its Unix socket; 'pg_lsclusters' shows its state."
}

make_users_and_folders() {
  begin "Make the users portcullis and portcullis_owner, and the folders"
  for user in portcullis portcullis_owner; do
    id "$user" >/dev/null 2>&1 ||
      useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "$user"
  done
  usermod --append --groups portcullis portcullis_owner
  install -d -m 755 "$BASE" "$BASE/releases" /var/www/portcullis
  install -d -m 750 -o root -g portcullis "$SETTINGS" "$SECRETS"
  install -d -m 700 "$TLS"
  install -d -m 700 -o portcullis_owner -g portcullis_owner "$BACKUPS"
  # nginx sends the files: what is made in the folder has its group, too.
  install -d -m 755 "$(dirname "$FIRMWARE")"
  install -d -m 2750 -o portcullis -g www-data "$FIRMWARE"
  install -d -m 750 -o portcullis -g portcullis "$FILES"
}

make_secret() { # make_secret NAME VALUE [GROUP]: a file that is written once
  [ ! -s "$SECRETS/$1" ] || return 0
  (umask 077 && printf '%s\n' "$2" >"$SECRETS/$1.new")
  chown "root:${3:-portcullis}" "$SECRETS/$1.new"
  chmod 640 "$SECRETS/$1.new"
  mv "$SECRETS/$1.new" "$SECRETS/$1"
}

random() { python3 -c 'import secrets; print(secrets.token_urlsafe(50))'; }

make_settings() {
  begin "Make the settings in $SETTINGS that are not there"
  for name in secret_key site_key_pepper two_factor_key; do
    make_secret "$name" "$(random)"
  done
  # PostgreSQL knows who calls on its Unix socket, so there is no password that could leak.
  make_secret database_url "postgres://portcullis@$SOCKETS/portcullis"
  make_secret owner_database_url "postgres://portcullis_owner@$SOCKETS/portcullis" portcullis_owner
  if [ -f "$SETTINGS/portcullis.env" ]; then
    announce_doorbell
    announce_firmware
    announce_files
    return 0
  fi
  cat >"$SETTINGS/portcullis.env.new" <<SETTINGS
# The settings of this server. /srv/portcullis/current/.env.example explains them all.
# After a change: systemctl restart portcullis-web portcullis-doorbell portcullis-worker
ALLOWED_HOSTS=$host
HTTPS_ONLY=true
TRUSTED_PROXIES=127.0.0.1
# systemd holds the socket: to listen on another address too, change portcullis-web.socket (docs/scaling.md), not BIND.
BIND=127.0.0.1:8000
REDIS_URL=redis://127.0.0.1:6379/0
# Where sites wait for changes; without it they notice a change at their next heartbeat.
DOORBELL_URL=https://$host/doorbell
# For the links in messages of alerts; the mail server is set by EMAIL_HOST and what follows it.
PUBLIC_URL=https://$host
BACKUP_FOLDER=$BACKUPS
# Versions of the devices' firmware, which nginx sends.
FIRMWARE_FOLDER=$FIRMWARE
FIRMWARE_ACCEL_REDIRECT=/firmware-files/
# Files of sites.
MEDIA_ROOT=$FILES
SECRET_KEY_FILE=$SECRETS/secret_key
SITE_KEY_PEPPER_FILE=$SECRETS/site_key_pepper
TWO_FACTOR_KEY_FILE=$SECRETS/two_factor_key
DATABASE_URL_FILE=$SECRETS/database_url
SETTINGS
  chown root:portcullis "$SETTINGS/portcullis.env.new"
  chmod 640 "$SETTINGS/portcullis.env.new"
  mv "$SETTINGS/portcullis.env.new" "$SETTINGS/portcullis.env"
}

# Settings of a release that had no doorbell. An empty DOORBELL_URL stays empty.
announce_doorbell() {
  ! grep -q '^#*DOORBELL_URL' "$SETTINGS/portcullis.env" || return 0
  begin "Add DOORBELL_URL to the settings"
  printf '# Where sites wait for changes; leave it empty for none.\nDOORBELL_URL=https://%s/doorbell\n' "$host" >>"$SETTINGS/portcullis.env"
}

# Settings of a release that had no firmware. The default folder would go with the release.
announce_firmware() {
  ! grep -q '^#*FIRMWARE_' "$SETTINGS/portcullis.env" || return 0
  begin "Add FIRMWARE_FOLDER to the settings"
  printf "# Versions of the devices' firmware, which nginx sends.\nFIRMWARE_FOLDER=%s\nFIRMWARE_ACCEL_REDIRECT=/firmware-files/\n" "$FIRMWARE" >>"$SETTINGS/portcullis.env"
}

# Settings of a release that had no files of sites. The default folder would go with the release.
announce_files() {
  ! grep -Eq '^#*(MEDIA_ROOT|S3_BUCKET)' "$SETTINGS/portcullis.env" || return 0
  begin "Add MEDIA_ROOT to the settings"
  printf '# Files of sites.\nMEDIA_ROOT=%s\n' "$FILES" >>"$SETTINGS/portcullis.env"
}

make_database() {
  # A database on another machine is its administrator's business; only the migrations are ours.
  grep -q "$SOCKETS" "$SECRETS/owner_database_url" || return 0
  start_databases
  as_postgres() { runuser -u postgres -- psql -qtAX -v ON_ERROR_STOP=1 "$@"; }
  if [ -z "$(as_postgres -c "SELECT 1 FROM pg_database WHERE datname = 'portcullis'")" ]; then
    begin "Create the database portcullis"
    as_postgres -c "CREATE DATABASE portcullis TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8'"
  fi
  if [ -z "$(as_postgres -c "SELECT 1 FROM pg_roles WHERE rolname = 'portcullis_owner'")" ]; then
    begin "Create the roles portcullis_owner and portcullis"
    as_postgres -1 -v owner=portcullis_owner -v app=portcullis portcullis <"$SOURCE/deploy/postgresql_roles.sql"
  fi
}

# What a release consists of: neither secrets nor hidden files nor what is made in the tree.
list_source() {
  (cd "$SOURCE" && find . -type f \( ! -path './.*' -o -path ./.env.example \) ! -path './deploy/compose/private/*' \
    ! -path './var/*' ! -path './staticfiles/*' ! -name '*.pyc' | LC_ALL=C sort)
}

name_release() {
  version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$SOURCE/pyproject.toml")
  digest=$(cd "$SOURCE" && list_source | xargs -d '\n' sha256sum | sha256sum | cut -c1-12)
  release=$BASE/releases/$version-$digest
}

build_release() {
  [ ! -f "$release/.complete" ] || return 0
  begin "Build the release ${release##*/}"
  rm -rf "$release"
  mkdir "$release"
  list_source | tar -C "$SOURCE" -T - -cf - | tar -C "$release" --no-same-owner -xf -
  "$release/scripts/container/build.sh" "$release"
  chmod -R u=rwX,go=rX "$release"
  touch "$release/.complete"
}

# manage RELEASE USER DATABASE_URL_FILE ARGUMENTS…
manage() {
  folder=$1 user=$2 url_file=$3
  shift 3
  (cd "$folder" && runuser -u "$user" -- env ENV_FILE="$SETTINGS/portcullis.env" DATABASE_URL_FILE="$url_file" \
    PYTHONDONTWRITEBYTECODE=1 .venv/bin/python manage.py "$@")
}

check_settings() {
  begin "Check the settings"
  # Warnings are shown, and are no reason to keep an old release.
  manage "$release" portcullis "$SECRETS/database_url" check --deploy --fail-level ERROR >/dev/null
}

migrate() {
  begin "Migrate the database"
  manage "$release" portcullis_owner "$SECRETS/owner_database_url" migrate --noinput --verbosity 0
  "$release/deploy/grant.sh"
  manage "$release" portcullis "$SECRETS/database_url" create_signing_key --if-none >/dev/null
}

install_files() { # install_files RELEASE: the units, nginx's files and the command `portcullis`
  begin "Install the systemd units, the site of nginx and the command portcullis"
  cp "$1"/deploy/systemd/portcullis-*.service "$1"/deploy/systemd/portcullis-*.socket \
    "$1"/deploy/systemd/portcullis-*.timer /etc/systemd/system/
  cp -r "$1/deploy/systemd/portcullis-.service.d" /etc/systemd/system/
  install -m 755 "$1/deploy/portcullis" /usr/local/bin/portcullis
  install -d "$NGINX"
  for file in "$1"/deploy/nginx/*.conf; do
    name=${file##*/}
    case $name in
      certificate.conf) continue ;;
      upstream.conf | upstream_doorbell.conf) [ ! -f "$NGINX/$name" ] || continue ;;
    esac
    sed "s/licenses\.example\.com/$host/g" "$file" >"$NGINX/$name"
  done
  ln -sf "$NGINX/portcullis.conf" /etc/nginx/sites-enabled/portcullis
  rm -f /etc/nginx/sites-enabled/default
  allow_connections
}

# Debian's defaults are too small. A site that waits at the doorbell takes two connections, as any request that is passed on, and each is
# a file: 32,768 are enough for more than 10,000 sites.
allow_connections() {
  sed -i -E 's/worker_connections (768|4096);/worker_connections 32768;/; s/^worker_rlimit_nofile 8192;/worker_rlimit_nofile 65536;/' \
    "$NGINX_CONF"
  grep -q '^worker_rlimit_nofile' "$NGINX_CONF" || sed -i '/^worker_processes/a worker_rlimit_nofile 65536;' "$NGINX_CONF"
}

use_certificate() { # use_certificate CHAIN KEY
  printf 'ssl_certificate %s;\nssl_certificate_key %s;\n' "$1" "$2" >"$NGINX/certificate.conf"
}

install_certificate() {
  lets_encrypt=$LETS_ENCRYPT/live/$host
  if [ -n "$certificate" ]; then
    begin "Install the certificate"
    install -m 600 "$key" "$TLS/privkey.pem"
    install -m 644 "$certificate" "$TLS/fullchain.pem"
    use_certificate "$TLS/fullchain.pem" "$TLS/privkey.pem"
  elif [ -n "$email" ]; then
    [ -f "$lets_encrypt/fullchain.pem" ] || ask_lets_encrypt
    use_certificate "$lets_encrypt/fullchain.pem" "$lets_encrypt/privkey.pem"
  fi
}

ask_lets_encrypt() {
  begin "Ask Let's Encrypt for a certificate of $host"
  # nginx must run to answer the challenge, and it does not start without a certificate.
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj "/CN=$host" \
    -keyout "$TLS/privkey.pem" -out "$TLS/fullchain.pem" 2>/dev/null
  use_certificate "$TLS/fullchain.pem" "$TLS/privkey.pem"
  serve_nginx
  certbot certonly --non-interactive --quiet --agree-tos --email "$email" --webroot --webroot-path /var/www/portcullis \
    --domain "$host" --deploy-hook 'systemctl reload nginx' ||
    fail "Let's Encrypt gave no certificate: $host must lead to this server, and port 80 must be open. Then run this again."
}

serve_nginx() {
  nginx -q -t || fail "nginx refuses its configuration; it goes on with the one that it has."
  has_systemd || return 0
  systemctl enable -q --now nginx
  systemctl reload nginx
}

switch_to() { # switch_to RELEASE: in one step, so that there is always a current release
  current=$(readlink "$BASE/current" || true)
  [ "$current" != "$1" ] || return 0
  begin "Switch to ${1##*/}"
  [ -z "$current" ] || point previous "$current"
  point current "$1"
}

point() {
  ln -sfn "$2" "$BASE/$1.new"
  mv -T "$BASE/$1.new" "$BASE/$1"
}

serve() { # Restart what runs the current release. Connections wait in the socket until it is ready.
  if ! has_systemd; then
    say "systemd does not run here, so nothing was started. The units are in /etc/systemd/system: $UNITS."
    return 0
  fi
  begin "Start ${1##*/}"
  systemctl daemon-reload
  # shellcheck disable=SC2086
  systemctl enable -q $UNITS
  systemctl start portcullis-web.socket portcullis-backup.timer
  systemctl restart portcullis-web.service portcullis-worker.service
  # A release without a doorbell is no failure, nor is a doorbell that does not start.
  systemctl restart portcullis-doorbell.service || say "The doorbell does not start: 'journalctl -u portcullis-doorbell' says why."
  is_healthy
}

is_healthy() {
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
    ! runuser -u portcullis -- env ENV_FILE="$SETTINGS/portcullis.env" PYTHONDONTWRITEBYTECODE=1 \
      "$BASE/current/.venv/bin/python" "$BASE/current/scripts/container/healthcheck.py" 2>/dev/null || return 0
    sleep 2
  done
  return 1
}

remove_old_releases() {
  # shellcheck disable=SC2012 # the names of releases are ours
  ls -1dt "$BASE"/releases/*/ | tail -n "+$((KEPT_RELEASES + 1))" | while read -r old; do
    old=${old%/}
    [ "$old" = "$(readlink "$BASE/current")" ] || [ "$old" = "$(readlink "$BASE/previous" || true)" ] || rm -rf "$old"
  done
}

install_or_upgrade() {
  check_host
  check_certificate
  name_release
  if $dry_run; then
    say "Would install ${release##*/} for $host. Packages to install: $(missing_packages)"
    say "Serves now: $(basename "$(readlink "$BASE/current" || echo nothing)")."
    return 0
  fi
  install_packages
  check_certificate_pair
  make_users_and_folders
  make_settings
  make_database
  build_release
  check_settings
  migrate
  install_files "$release"
  install_certificate
  before=$(readlink "$BASE/current" || true)
  earlier=$(readlink "$BASE/previous" || true)
  switch_to "$release"
  if ! serve "$release"; then
    [ -n "$before" ] && [ "$before" != "$release" ] ||
      fail "The server does not answer /health: 'journalctl -u portcullis-web' says why."
    point current "$before"
    [ -n "$earlier" ] && point previous "$earlier" || rm -f "$BASE/previous"
    install_files "$before"
    serve "$before" || fail "Neither the new nor the former release answers /health: 'journalctl -u portcullis-web' says why."
    fail "${release##*/} does not answer /health, so ${before##*/} serves again: 'journalctl -u portcullis-web' says why."
  fi
  serve_nginx
  remove_old_releases
  ! has_systemd || say "https://$host/admin/ is served by ${release##*/}."
}

roll_back() {
  former=$(readlink "$BASE/previous" || true)
  [ -n "$former" ] && [ -f "$former/.complete" ] && [ "$former" != "$(readlink "$BASE/current")" ] ||
    fail "There is no former release in $BASE."
  check_host
  if $dry_run; then
    say "Would go back to ${former##*/}."
    return 0
  fi
  install_files "$former"
  switch_to "$former"
  serve "$former" || fail "${former##*/} does not answer /health: 'journalctl -u portcullis-web' says why."
  serve_nginx
  say "${former##*/} is the current release. The database keeps its newer schema, with which that release works."
}

read_arguments "$@"
check_machine
cd / # the users that this becomes cannot look into root's folder
# One at a time: two would migrate and switch across each other.
exec 9>/run/lock/portcullis-install
flock -n 9 || fail "Another install.sh is running."
case $action in
  packages) install_packages ;;
  rollback) roll_back ;;
  install) install_or_upgrade ;;
esac
