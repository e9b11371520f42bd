"""A throwaway PostgreSQL with its durable defaults, and databases in it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from scripts.with_services import postgresql

# Those that no constraint needs, as the migrations made them.
LOOSE_INDEXES = """
SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid)
  FROM pg_index WHERE indrelid = %s::regclass AND NOT indisunique"""


@dataclass(frozen=True)
class Database:
    url: str

    def execute(self, *statements: str) -> None:
        """Each on its own, so that VACUUM and CHECKPOINT may be among them."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def value(self, query: str) -> Any:
        with psycopg.connect(self.url, autocommit=True) as connection:
            row = connection.execute(query).fetchone()
        assert row is not None
        return row[0]

    def count(self, table: str) -> int:
        return int(self.value(f"SELECT count(*) FROM {table}"))

    def start_afresh(self, *, emptied: tuple[str, ...], tidied: tuple[str, ...]) -> None:
        """What one run leaves behind must not slow down the next: dead rows, a long history, pages not yet written."""
        truncations = [f"TRUNCATE {table}" for table in emptied]
        self.execute(*truncations, *(f"VACUUM ANALYZE {table}" for table in tidied), "CHECKPOINT")


@dataclass(frozen=True)
class Cluster:
    """A running PostgreSQL; `pid` is the process from which all of its others descend."""

    admin: Database
    pid: int

    def create_database(self, name: str) -> Database:
        self.admin.execute(f"CREATE DATABASE {name}")
        return Database(self.admin.url.rpartition("/")[0] + f"/{name}")


@contextmanager
def cluster() -> Iterator[Cluster]:
    """PostgreSQL on a free port of 127.0.0.1, its data in a folder that is removed: commits wait for the disk."""
    with (
        tempfile.TemporaryDirectory(prefix="portcullis-postgresql-") as folder,
        postgresql(Path(folder), durable=True) as (url, pid),
    ):
        yield Cluster(Database(url), pid)


@contextmanager
def indexes_made_afterwards(connection: psycopg.Connection, table: str) -> Iterator[None]:
    """For many rows at once: all of an index in one go is several times as fast as entry by entry."""
    connection.execute("SET maintenance_work_mem = '1GB'")
    indexes = connection.execute(LOOSE_INDEXES, [table]).fetchall()
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}")
    yield
    connection.execute("SET CONSTRAINTS ALL IMMEDIATE")  # an index waits for no check of a foreign key
    for _, definition in indexes:
        connection.execute(definition)
