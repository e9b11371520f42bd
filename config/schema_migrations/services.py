"""Which migrations are applied, and applying more of them.

`manage.py migrate` does the work, in a process of its own: it has no limit on the time of a statement, takes the lock that
admits one migration at a time, and goes on if the web process ends.
"""

import logging
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime
from tempfile import TemporaryFile

from django.conf import settings
from django.db import OperationalError, ProgrammingError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from audit.actors import Actor
from audit.services import Changes, record_event
from backup.events import WHOLE_DATABASE, DatabaseAction
from config.management.commands.migrate import ANOTHER_RUNS
from config.schema_migrations.errors import MigrationFailed, MigrationNotFound, MigrationRunning

APPLYING = re.compile(r"Applying (\S+)\.\.\.(.*)")
MAX_ERROR_LENGTH = 300
# The child is no web process, and must not write into the files of their counters.
NOT_INHERITED = ("PROMETHEUS_MULTIPROC_DIR",)

log = logging.getLogger("portcullis.migrations")


@dataclass(frozen=True)
class AppliedMigration:
    app: str
    name: str
    applied_at: datetime


@dataclass(frozen=True)
class MigrationState:
    """`pending` is in the order in which they will be applied, as pairs of app and name."""

    applied: list[AppliedMigration]
    pending: list[tuple[str, str]]


@dataclass(frozen=True)
class MigrationRun:
    """Migrations as "app.name": those that were applied now, and those up to the target that had been applied before."""

    applied: list[str]
    skipped: list[str]


def migration_state() -> MigrationState:
    executor = MigrationExecutor(connection)
    rows = executor.recorder.applied_migrations() if executor.recorder.has_table() else {}
    applied = [AppliedMigration(app, name, row.applied) for (app, name), row in rows.items()]
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return MigrationState(
        sorted(applied, key=lambda migration: (migration.applied_at, migration.app, migration.name)),
        [(migration.app_label, migration.name) for migration, _ in plan],
    )


def migrate_to(app: str, name: str, *, by: Actor, at: datetime) -> MigrationRun:
    """Apply a migration and those that it needs; never undo one. Applying what is applied already changes nothing.

    Raises MigrationNotFound, MigrationRunning and MigrationFailed.
    """
    graph = MigrationExecutor(connection).loader.graph
    if (app, name) not in graph.nodes:
        raise MigrationNotFound
    needed = [f"{needed_app}.{needed_name}" for needed_app, needed_name in graph.forwards_plan((app, name))]
    done = run_migrate(app, name)
    if done.returncode == ANOTHER_RUNS:
        raise MigrationRunning
    tried = APPLYING.findall(done.stdout)
    applied = [migration for migration, outcome in tried if outcome.strip() == "OK"]
    if done.returncode:
        error = (done.stderr.strip().splitlines() or ["It ended without a message."])[-1][:MAX_ERROR_LENGTH]
        failed = tried[-1][0] if len(tried) > len(applied) else f"{app}.{name}"
        log.error("migrating to %s.%s failed at %s: %s", app, name, failed, done.stderr)
        record(DatabaseAction.MIGRATION_FAILED, applied, by=by, at=at, reason=f"{failed}: {error}")
        raise MigrationFailed(f"{failed}: {error}")
    if applied:
        record(DatabaseAction.MIGRATED, applied, by=by, at=at)
    return MigrationRun(applied, [migration for migration in needed if migration not in applied])


def run_migrate(app: str, name: str) -> subprocess.CompletedProcess[str]:
    """Its output goes into files: with a pipe it would end with the web process, at its next line."""
    environment = {key: value for key, value in os.environ.items() if key not in NOT_INHERITED}
    options = ("--only-forward", "--no-wait", "--no-input", "--no-color")
    command = [sys.executable, "manage.py", "migrate", app, name, *options]
    with TemporaryFile("w+", encoding="utf-8") as output, TemporaryFile("w+", encoding="utf-8") as errors:
        done = subprocess.run(  # noqa: S603 - both names are those of a migration that exists
            command,
            cwd=settings.BASE_DIR,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            check=False,
            start_new_session=True,  # a signal to the group of the web processes must not cut it in half
        )
        output.seek(0)
        errors.seek(0)
        return subprocess.CompletedProcess(command, done.returncode, output.read(), errors.read())


def record(action: DatabaseAction, applied: list[str], *, by: Actor, at: datetime, reason: str | None = None) -> None:
    """After the migrations, because the table of events may be among what they change.

    It may still lack a column that a later migration adds. What was applied is applied, so the answer must say so.
    """
    changes: Changes = {"migrations": (None, ", ".join(applied))}
    try:
        with transaction.atomic():
            record_event(action, subject=WHOLE_DATABASE, by=by, at=at, reason=reason, changes=changes)
    except (ProgrammingError, OperationalError):
        name = by.admin.username if by.admin else by.source
        log.exception("no event could be recorded: %s by %s: %s", action, name, ", ".join(applied))
