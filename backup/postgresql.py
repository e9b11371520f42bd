"""PostgreSQL: a dump by pg_dump in its custom format, restored by pg_restore and psql in one transaction."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any
from zipfile import ZipFile

from django.db import connection, transaction

from backup.archive import Copied
from backup.errors import BackupDoesNotFit, BackupFailed, RestoreFailed
from common.errors import DomainError

DUMP = "database.dump"
# A migration holds locks for which pg_dump waits.
LOCK_WAIT = "60s"
CANCEL_WAIT_SECONDS = 10
BEGINNING_OF_ROWS = re.compile(rb'COPY \w+\."?(\w+)"? \(.*\) FROM stdin;\n')
END_OF_ROWS = b"\\.\n"
# pg_restore sets these for servers of its own version; an older server knows none of them and needs none.
NEWER_SETTINGS = (b"SET transaction_timeout",)

TABLES = """
    SELECT relname FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND relpersistence <> 't'
    ORDER BY relname
"""
# A query for each table that DROP_EVERYTHING would drop. The rows of an extension, as of PostGIS, are not ours.
FIND_A_ROW = """
    SELECT relname, format('SELECT EXISTS (SELECT FROM %I.%I)', current_schema(), relname) FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')
        AND NOT EXISTS (
            SELECT 1 FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e'
        )
    ORDER BY relname
"""
# All that migrations make. Extensions stay, because they may belong to a superuser. What belongs to an extension has a
# dependency of the type e, and the sequence of an identity column, which goes with its table, one of the type i.
DROP_EVERYTHING = b"""
SET LOCAL lock_timeout = '10s';
SET LOCAL statement_timeout = 0;
-- If it fails, the first line that psql writes is to be the error.
SET LOCAL client_min_messages = error;
DO $$
DECLARE
    item record;
BEGIN
    FOR item IN
        SELECT
            CASE relkind
                WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE'
            END AS kind,
            format('%I.%I', current_schema(), relname) AS name
        FROM pg_class
        WHERE relnamespace = current_schema()::regnamespace
            AND relkind IN ('r', 'p', 'v', 'm', 'S')
            AND NOT EXISTS (
                SELECT 1 FROM pg_depend
                WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype IN ('e', 'i')
                    AND objsubid = 0 -- the column by which a table is partitioned depends on the table
            )
        UNION ALL
        SELECT 'ROUTINE', oid::regprocedure::text
        FROM pg_proc
        WHERE pronamespace = current_schema()::regnamespace
            AND NOT EXISTS (
                SELECT 1 FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = pg_proc.oid AND deptype = 'e'
            )
    LOOP
        EXECUTE format('DROP %s IF EXISTS %s CASCADE', item.kind, item.name);
    END LOOP;
END $$;
"""
# A dump names the schema of each object. In another one than ours nothing would find them.
CHECK_SCHEMA = b"""
DO $$ BEGIN
    IF to_regclass('django_migrations') IS NULL THEN
        RAISE EXCEPTION 'the tables in the backup are in the schema %, and the options of DATABASE_URL set another search_path',
            (SELECT string_agg(relnamespace::regnamespace::text, ', ') FROM pg_class WHERE relname = 'django_migrations');
    END IF;
END $$;
"""
# As they are written in a dump.
EXISTING_SCHEMAS = "SELECT format('CREATE SCHEMA %I;', nspname) FROM pg_namespace"
IF_THERE = """
DO $$ BEGIN
    IF to_regclass('{table}') IS NOT NULL THEN
        {statement};
    END IF;
END $$;
"""


def server_version() -> int:
    """As 150018 for 15.18."""
    connection.ensure_connection()
    version: int = connection.connection.info.server_version
    return version


def described_version() -> str:
    return "{}.{}".format(*divmod(server_version(), 10_000))


def database_name() -> str:
    return str(connection.settings_dict["NAME"])


def current_schema() -> str | None:
    """The first of the search path that exists: where `migrate` makes tables."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        schema: str | None = cursor.fetchone()[0]
        return schema


def write_copy(archive: ZipFile, scratch: Path) -> Copied:
    """Dump our schema as of one moment, while others write; the rows are counted as of the same moment.

    Other schemas of the database are somebody else's. Extensions may be in any.
    """
    schema = (current_schema() or "public").replace('"', '""')
    options = ("--format=custom", f"--lock-wait-timeout={LOCK_WAIT}", f'--schema="{schema}"', "--extension=*")
    command, variables = client("pg_dump", *options)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SELECT pg_export_snapshot()")
        snapshot = cursor.fetchone()[0]
        cursor.execute("SELECT app || '.' || name FROM django_migrations ORDER BY 1")
        migrations = [name for (name,) in cursor.fetchall()]
        # Before pg_dump begins: what was read stays locked against a migration until the end.
        rows = count_rows(cursor)
        with (
            archive.open(DUMP, "w", force_zip64=True) as member,
            running([*command, f"--snapshot={snapshot}"], BackupFailed, variables, stdout=subprocess.PIPE) as dump,
        ):
            shutil.copyfileobj(dump.stdout, member)
    return Copied(rows, migrations)


def count_rows(cursor: Any) -> dict[str, int]:
    cursor.execute(TABLES)
    rows = {}
    for (table,) in cursor.fetchall():
        cursor.execute(f'SELECT count(*) FROM "{table}"')  # noqa: S608 - a name from the catalogue
        rows[table] = cursor.fetchone()[0]
    return rows


def tables_with_rows() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(FIND_A_ROW)
        filled = []
        for table, find in cursor.fetchall():
            cursor.execute(find)
            if cursor.fetchone()[0]:
                filled.append(table)
    return filled


def rows_in(archive: ZipFile, scratch: Path) -> dict[str, int]:
    """The rows of each table in the dump, read from its beginning to its end."""
    rows: dict[str, int] = {}
    table = None
    with sql_of(archive, BackupFailed, "--data-only") as lines:
        for line in lines:
            if table is None:
                if beginning := BEGINNING_OF_ROWS.fullmatch(line):
                    table = beginning[1].decode()
                    rows[table] = 0
            elif line == END_OF_ROWS:
                table = None
            else:
                rows[table] += 1
    return rows


def load(archive: ZipFile, scratch: Path, changes: dict[str, str]) -> None:
    """Replace the content of the database in one transaction: if anything fails, it is as it was.

    `changes` has a statement for each table, which is run in the same transaction if the table is there.
    """
    command, variables = client("psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1")
    with connection.cursor() as cursor:
        cursor.execute(EXISTING_SCHEMAS)
        existing = [line.encode() for (line,) in cursor.fetchall()]
    connection.close()
    with running(command, RestoreFailed, variables, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as psql:
        psql.stdin.write(b"BEGIN;\n" + DROP_EVERYTHING)
        with sql_of(archive, RestoreFailed) as sql:
            copy_without(NEWER_SETTINGS + tuple(existing), sql, psql.stdin)
        psql.stdin.write(b"RESET search_path;\n" + CHECK_SCHEMA)
        for table, statement in changes.items():
            psql.stdin.write(IF_THERE.format(table=table, statement=statement).encode())
        # Not before pg_restore has ended well. Without it the server undoes everything.
        psql.stdin.write(b"COMMIT;\n")


def copy_without(omitted: tuple[bytes, ...], sql: IO[bytes], target: IO[bytes]) -> None:
    """Leave out the lines that begin so, but not among rows: up to the comment that names the first object in a schema."""
    for line in sql:
        if not line.startswith(omitted):
            target.write(line)
        if line.startswith(b"-- Name: ") and b"; Type: SCHEMA; " not in line:
            break
    shutil.copyfileobj(sql, target)


def refresh_statistics() -> None:
    """Without statistics, and before a vacuum, PostgreSQL plans the list of sites badly."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")


def client(name: str, *options: str) -> tuple[list[str], dict[str, str]]:
    """The command and the variables with which a program works on the same server and schema as our connection.

    Of several hosts it is the one that the connection has found. The password is a variable.
    """
    connection.ensure_connection()
    info, settings = connection.connection.info, connection.settings_dict
    arguments, variables = connection.client.settings_to_cmd_args_env(
        {**settings, "HOST": info.host, "PORT": info.port}, ["--no-password", *options]
    )
    more = {
        "PGHOSTADDR": info.hostaddr,
        "PGOPTIONS": settings["OPTIONS"].get("options"),
        "PGTARGETSESSIONATTRS": settings["OPTIONS"].get("target_session_attrs"),
    }
    given = {variable: value for variable, value in more.items() if value}
    return [program(name), *arguments[1:]], {**(variables or {}), **given}


@contextmanager
def sql_of(archive: ZipFile, failure: type[DomainError], *options: str) -> Iterator[IO[bytes]]:
    """What pg_restore makes of the dump. Owners and privileges are left out: they are those of the target."""
    command = [program("pg_restore"), "--file=-", "--no-owner", "--no-privileges", "--no-comments", *options]
    with (
        ThreadPoolExecutor(1) as thread,
        running(command, failure, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as restore,
    ):
        feeding = thread.submit(feed, archive, restore.stdin)
        yield restore.stdout
        feeding.result()


def feed(archive: ZipFile, target: IO[bytes]) -> None:
    try:
        with archive.open(DUMP) as member, target:
            shutil.copyfileobj(member, target)
    except BrokenPipeError:
        pass  # the program has ended early and says why


@contextmanager
def running(
    command: list[str], failure: type[DomainError], variables: dict[str, str] | None = None, **pipes: Any
) -> Iterator[Any]:
    """A program. Raises `failure` with the first line of what it says if it does not end well.

    A BrokenPipeError in the block means that the program has ended early; but if we read what the program writes, it
    is the next program that has ended, so that this one would wait without end for a reader.
    """
    ended_early = False
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(  # noqa: S603 - a program of PostgreSQL, without a shell
            command, env=os.environ | (variables or {}), stderr=errors, **pipes
        ) as process,
    ):
        try:
            yield process
            if process.stdin:
                process.stdin.close()
        except BaseException as error:
            ended_early = isinstance(error, BrokenPipeError) and not process.stdout
            if not ended_early:
                stop(process)
            if process.stdin:
                with suppress(BrokenPipeError):
                    process.stdin.close()  # what is still in its buffer cannot be written
            if not ended_early:
                raise
        if process.wait() or ended_early:
            errors.seek(0)
            lines = errors.read().decode(errors="replace").strip().splitlines() or ["no message"]
            raise failure(f"{Path(command[0]).name} failed: {lines[0]}")


def stop(process: Any) -> None:
    """End a program whose result nobody wants.

    A psql that is killed leaves its statement running on the server, with all its locks. On SIGINT it cancels the
    statement, if one is running at that moment; at the end of its input it ends, and the server undoes the transaction.
    """
    if process.stdin and not process.stdout:
        with suppress(BrokenPipeError):
            process.stdin.close()
        deadline = time.monotonic() + CANCEL_WAIT_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=0.1)
    process.kill()


def program(name: str) -> str:
    """The path of pg_dump, pg_restore or psql in the server's major version, or else in the next newer one.

    An older one cannot read a newer server, and pg_dump refuses to.
    """
    server = server_version() // 10_000
    found = [shutil.which(name), *map(str, Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))]
    versions = sorted((major_version(path), path) for path in found if path)
    usable = [path for version, path in versions if version >= server]
    if not usable:
        there = f"only that of {versions[-1][0]} is here" if versions else "it is not here"
        raise BackupDoesNotFit(
            f"PostgreSQL {server} needs {name} of {server} or later, and {there}: install postgresql-client-{server}."
        )
    return usable[0]


def major_version(path: str) -> int:
    """As 15 of "pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"."""
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
    number = re.search(r"\(PostgreSQL\) (\d+)", said)
    return int(number[1]) if number else 0
