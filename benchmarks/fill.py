"""Fill the database of the settings in the environment with a large estate, to try the panel on.

python -m benchmarks.fill --sites 100000 --rows-per-site 30

makes sites as diverse as `variety` says, their keys and pulses, the heartbeats of their last days and some events. The
database must be PostgreSQL, migrated, and have no site yet. Everybody can reckon the keys of such sites: this is for trying
out, never for production, and asks for DEBUG.
"""

import argparse
import os
import sys
import time

from benchmarks import recent, seeding
from benchmarks.postgres import Database
from config import environment


def refuse_a_database_in_use(database: Database) -> None:
    if not database.url.startswith("postgres"):
        sys.exit("A large estate needs PostgreSQL: set DATABASE_URL to postgres://user:password@host:5432/name.")
    if database.count("sites_site"):
        sys.exit("This database has sites already: a large estate is made in one that has none.")


def main() -> None:
    parser = argparse.ArgumentParser(description="Fill an empty database with a large estate.")
    parser.add_argument("--sites", type=int, default=100_000)
    parser.add_argument("--rows-per-site", type=int, default=30, help="heartbeats, six hours apart")
    chosen = parser.parse_args()
    environment.load_env_file(seeding.ROOT)
    if not environment.boolean("DEBUG", default=False):
        sys.exit("The keys of these sites are no secret: set DEBUG=true, which no server that others can reach has.")
    database = Database(os.environ.get("DATABASE_URL", ""))
    refuse_a_database_in_use(database)
    began = time.monotonic()
    seeding.seed_sites(dict(os.environ), last=chosen.sites, varied=True)
    recent.seed_recent_history(database, rows_per_site=chosen.rows_per_site)
    rows = database.count(recent.HEARTBEATS)
    print(f"{chosen.sites:,} sites and {rows:,} heartbeats within {time.monotonic() - began:.0f} s.")


if __name__ == "__main__":
    main()
