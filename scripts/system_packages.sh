#!/bin/sh
# Make sure that the programs of Debian's packages that the tests or the benchmarks need are here: install what is missing
# when we may, else say what to do.
#
#     scripts/system_packages.sh [tests|bench|container|install]
set -eu

missing=""
need() { # need PACKAGE PROGRAM…: one of the programs will do
  package=$1
  shift
  for program in "$@"; do
    if command -v "$program" >/dev/null 2>&1 || ls $program >/dev/null 2>&1; then return; fi
  done
  missing="$missing $package"
}

need postgresql '/usr/lib/postgresql/*/bin/initdb' initdb
case "${1:-tests}" in
  tests)
    who="The tests" command="make test"
    need redis-server redis-server
    need pgbouncer pgbouncer /usr/sbin/pgbouncer
    need nginx-light nginx /usr/sbin/nginx
    need openssl openssl
    need prometheus promtool
    need faketime faketime
    need shellcheck shellcheck
    need curl curl
    need systemd systemd-analyze
    need chromium-headless-shell chromium-headless-shell chromium chromium-browser google-chrome
    ;;
  container)
    who="The test of the container" command="make test-container"
    need mmdebstrap mmdebstrap
    need redis-server redis-server
    need nginx-light nginx /usr/sbin/nginx
    need openssl openssl
    need curl curl
    need iproute2 ip /usr/sbin/ip
    ;;
  bench)
    who="The benchmarks" command="make bench"
    need wrk wrk
    ;;
  install)
    who="The test of the installer" command="make test-install"
    need mmdebstrap mmdebstrap
    need openssl openssl
    need iproute2 ip
    need chromium chromium chromium-browser google-chrome
    ;;
  *)
    echo "Usage: scripts/system_packages.sh [tests|bench|container|install]" >&2
    exit 2
    ;;
esac

[ -z "$missing" ] && exit 0

# Debian's packages start their services, and restart those of packages that they upgrade, unless this program forbids it.
policy=/usr/sbin/policy-rc.d
ours="# Written by scripts/system_packages.sh for the time of an installation."
forbid_services() {
  if [ -e "$policy" ] && ! grep -qxF "$ours" "$policy"; then mv "$policy" "$policy.kept"; fi
  printf '#!/bin/sh\n%s\nexit 101\n' "$ours" >"$policy"
  chmod 755 "$policy"
}
allow_services() {
  if grep -qsxF "$ours" "$policy"; then rm "$policy"; fi
  if [ -e "$policy.kept" ]; then mv "$policy.kept" "$policy"; fi
}

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "Installing$missing, without starting a service now; systemctl disable keeps one from starting with the machine."
  trap allow_services EXIT
  trap 'exit 1' HUP INT TERM
  apt-get update -qq
  forbid_services
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
  exit 0
fi
echo "$who need programs that are not here: run 'apt-get install$missing' as root, then '$command' again." >&2
exit 1
