#!/bin/sh
# Install the programs that the image needs besides Python: pg_dump and pg_restore, for backups. They must not be older
# than the PostgreSQL that is backed up.
set -eu
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql-client >/dev/null
rm -rf /var/lib/apt/lists/*
