"""A long history of heartbeats, made in SQL, and how much room it takes."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg

from benchmarks.postgres import Database, indexes_made_afterwards

TABLE = "heartbeat_heartbeat"
NEWEST, OLDEST = timedelta(days=30), timedelta(days=400)  # ago; what is made lies between

# Each site once, in the order of the table, a little after one another: as they call, while their ids come at random.
ONE_TURN = f"""
INSERT INTO {TABLE} (site_id, received_at, due_at, ip, version, uptime_seconds, licensed, locked)
SELECT site_id, received_at, received_at + %(length)s, '127.0.0.1', '1.0.0',
       12345 + (random() * 1000000)::bigint, is_active, is_locked
  FROM (SELECT *, %(begin)s + %(length)s * (row_number() OVER () / %(sites)s::float8) AS received_at FROM sites_site) AS site"""


def seed_history(database: Database, *, rows_per_site: int) -> None:
    """As many rows for each site, the oldest first; indexes are made afterwards, all at once."""
    length = (OLDEST - NEWEST) / rows_per_site
    begin = datetime.now(UTC) - OLDEST
    sites = database.count("sites_site")
    with psycopg.connect(database.url, autocommit=True) as connection:
        with indexes_made_afterwards(connection, TABLE):
            for turn in range(rows_per_site):
                connection.execute(ONE_TURN, {"begin": begin + turn * length, "length": length, "sites": sites})
        connection.execute(f"VACUUM (ANALYZE, PARALLEL 0) {TABLE}")
        connection.execute("CHECKPOINT")


@dataclass(frozen=True)
class Room:
    """Bytes of a table and of each of its indexes."""

    table: int
    indexes: dict[str, int]

    @property
    def total(self) -> int:
        return self.table + sum(self.indexes.values())


def room_of(database: Database, table: str) -> Room:
    with psycopg.connect(database.url, autocommit=True) as connection:
        # With its map of free space, its map of visibility and what was stored out of line.
        row = connection.execute("SELECT pg_table_size(%s)", [table]).fetchone()
        sizes = connection.execute(
            "SELECT indexrelid::regclass::text, pg_relation_size(indexrelid) FROM pg_index"
            " WHERE indrelid = %s::regclass ORDER BY 1",
            [table],
        ).fetchall()
    assert row is not None
    return Room(row[0], dict(sizes))
