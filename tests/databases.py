"""Migrated databases with the first sysadmin: each kind is made once, then copied for every server."""

import fcntl
import shutil
import subprocess
import uuid
from pathlib import Path

import psycopg
from psycopg import sql

from scripts.with_services import postgresql_bin
from tests.running_server import RunningServer

TEMPLATE = "e2e_template"
TEMPLATE_LOCK = 20_260_601


def empty_postgresql(postgres_url: str) -> str:
    """The URL of a new database beside that of `postgres_url`."""
    return create(postgres_url, f"e2e_{uuid.uuid4().hex}", template="template1")


def prepared_postgresql(postgres_url: str, folder: Path) -> str:
    """The URL of a new database that is migrated and holds the first sysadmin.

    All test processes share one template; the first that gets the lock makes it.
    """
    make_template(postgres_url, folder)
    return create(postgres_url, f"e2e_{uuid.uuid4().hex}", template=TEMPLATE)


def make_template(postgres_url: str, folder: Path) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [TEMPLATE_LOCK])
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [TEMPLATE]).fetchone():
            RunningServer(create(postgres_url, TEMPLATE, template="template1"), folder).set_up()


def copied_postgresql(postgres_url: str, other_url: str, folder: Path) -> str:
    """The URL of such a database on another server, which is a copy: migrating takes ten times as long."""
    make_template(postgres_url, folder)
    copy = create(other_url, "portcullis", template="template1")
    dump = folder / "template.dump"
    template = f"{postgres_url.rpartition('/')[0]}/{TEMPLATE}"
    for command in (
        ["pg_dump", "--format=custom", f"--file={dump}", template],
        ["pg_restore", "--no-owner", "--exit-on-error", f"--dbname={copy}", dump],
    ):
        subprocess.run([postgresql_bin() / command[0], *command[1:]], check=True)
    return copy


def create(postgres_url: str, name: str, *, template: str) -> str:
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(statement)
    return f"{postgres_url.rpartition('/')[0]}/{name}"


def prepared_sqlite(shared: Path, folder: Path) -> str:
    """The URL of a copy in `folder`.

    The template is in the folder `shared`, and all test processes share it; the first that gets the lock makes it.
    """
    template, new = shared / "template.sqlite3", shared / "template.new.sqlite3"
    with (shared / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not template.exists():
            RunningServer(f"sqlite:///{new}", shared).set_up()
            new.rename(template)
    shutil.copy(template, folder / "portcullis.sqlite3")
    return f"sqlite:///{folder / 'portcullis.sqlite3'}"
