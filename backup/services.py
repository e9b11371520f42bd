"""Back the database up and restore it. A backup has no secret of the settings in it, only fingerprints of them."""

import logging
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import ModuleType
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

from django.conf import settings
from django.core.management import call_command
from django.db import Error, connection, transaction
from django.db.migrations.loader import MigrationLoader

from accounts.services import END_ALL_SIGN_INS
from alerts.evidence.marks import note_restore
from audit.actors import Actor
from audit.chain import first_finding
from audit.services import record_event
from backup import archive as archives
from backup import postgresql, sqlite
from backup.archive import Manifest
from backup.errors import BackupDoesNotFit, BackupFailed, DatabaseInUse
from backup.events import WHOLE_DATABASE, DatabaseAction
from backup.fingerprints import configured_fingerprints, missing_secrets
from backup.models import LastBackup
from backup.retention import delete_old
from common.instants import format_instant
from fleet.telemetry.prune import make_day_partitions
from sites.peppers import PepperState, pepper_usage

# pg_dump compresses by itself.
COMPRESSION = {"postgresql": ZIP_STORED, "sqlite": ZIP_DEFLATED}
# `migrate` fills these itself; a database with rows in no other table is empty.
FILLED_BY_MIGRATE = {"django_migrations", "django_content_type", "auth_permission"}

log = logging.getLogger("portcullis.backup")


def database() -> ModuleType:
    """The module with the functions for this kind of database."""
    return {"postgresql": postgresql, "sqlite": sqlite}[connection.vendor]


@dataclass(frozen=True)
class NewBackup:
    file: Path
    size: int
    seconds: float
    manifest: Manifest
    deleted: list[Path]


def make_backup(folder: Path, *, keep_daily: int, keep_weekly: int, at: datetime) -> NewBackup:
    """Write a backup, read it back, record it, and only then delete old ones. Raises BackupFailed."""
    started = time.monotonic()
    with archives.new_file(folder, archives.file_name(at)) as partial:
        with ZipFile(partial, "w", COMPRESSION[connection.vendor]) as archive:
            copied = database().write_copy(archive, folder)
            manifest = Manifest(
                made_at=format_instant(at),
                version=settings.VERSION,
                vendor=connection.vendor,
                server_version=database().described_version(),
                migrations=copied.migrations,
                rows=copied.rows,
                secrets=configured_fingerprints(),
            )
            archives.write_manifest(archive, manifest)
        verify(partial, folder)
        size = partial.stat().st_size
    seconds = time.monotonic() - started
    file = folder / archives.file_name(at)
    record_backup(file.name, size=size, seconds=seconds, at=at)
    deleted = delete_old(folder, daily=keep_daily, weekly=keep_weekly, at=at)
    return NewBackup(file, size, seconds, manifest, deleted)


def record_backup(name: str, *, size: int, seconds: float, at: datetime) -> None:
    """For the metric and the panel. A backup is good without it: the database may be full, a standby, or not migrated yet."""
    values = {"made_at": at, "file": name, "size_bytes": size, "duration_ms": round(seconds * 1000)}
    try:
        with transaction.atomic():
            LastBackup.objects.update_or_create(pk=1, defaults=values)
    except Error as error:
        log.warning("the backup %s is whole, but could not be recorded in the database: %s", name, error)


def verify(file: Path, scratch: Path) -> None:
    """Read every row of a backup. Raises BackupFailed if a table has not as many as the database had."""
    with archives.opened(file) as (archive, manifest):
        found = database().rows_in(archive, scratch)
    for table in sorted(manifest.rows.keys() | found.keys()):
        expected, there = manifest.rows.get(table), found.get(table)
        if expected != there:
            raise BackupFailed(f"The backup has {there} rows of {table}, the database {expected}.")


@dataclass(frozen=True)
class Restored:
    """`refused_keys` counts keys whose pepper is not in the settings; `finding` is what is wrong with the audit."""

    manifest: Manifest
    sites: int
    refused_keys: int
    finding: str | None


def restore_backup(
    file: Path, *, overwrite: str = "", without_secrets: bool = False, by: Actor, at: datetime
) -> Restored:
    """Replace the whole content of the database, except that all sign-ins have ended, and migrate it.

    `overwrite` is the name of the database if it is not empty; `without_secrets` restores what the configured secrets do
    not fit. Raises BackupUnreadable, BackupDoesNotFit, DatabaseInUse and RestoreFailed; the database is then as it was.
    If `migrate` fails, it has the content and the schema of the backup.
    """
    with archives.opened(file) as (archive, manifest):
        check_fit(manifest, without_secrets=without_secrets)
        check_target(overwrite)
        scratch = Path(connection.settings_dict["NAME"]).parent if connection.vendor == "sqlite" else Path()
        # Among the sign-ins in the backup are some that were ended after it was made.
        database().load(archive, scratch, END_ALL_SIGN_INS)
    call_command("migrate", verbosity=0, interactive=False)
    make_day_partitions(at=at)  # those in the backup are of the days before it was made
    record_restore(file.name, manifest, by=by, at=at)
    note_restore(at=at)
    database().refresh_statistics()
    finding = first_finding()
    refused = sum(usage.keys for usage in pepper_usage(at=at) if usage.state == PepperState.NOT_CONFIGURED)
    return Restored(manifest, count_sites(), refused, finding.words if finding else None)


def check_fit(manifest: Manifest, *, without_secrets: bool = False) -> None:
    """Raises BackupDoesNotFit."""
    if manifest.vendor != connection.vendor:
        raise BackupDoesNotFit(f"The backup is of {manifest.vendor}, and DATABASE_URL names {connection.vendor}.")
    known = {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations}
    newer = [name for name in manifest.migrations if name not in known]
    if newer:
        raise BackupDoesNotFit(
            f"The backup was made by the release {manifest.version} and has migrations that this release lacks"
            f" ({', '.join(newer)}). Restore it with that release or a later one."
        )
    if missing := [] if without_secrets else missing_secrets(manifest.secrets):
        raise BackupDoesNotFit(
            " ".join(missing) + " Set the former value, if need be beside the new one, or add --without-secrets."
        )


def check_target(overwrite: str) -> None:
    """Raises DatabaseInUse if any table has rows and the name of the database was not given.

    Any table, because a wrong DATABASE_URL may name the database of something else.
    """
    name = database().database_name()
    filled = [table for table in database().tables_with_rows() if table not in FILLED_BY_MIGRATE]
    if filled and overwrite != name:
        others = f" and {len(filled) - 5} more" if len(filled) > 5 else ""
        raise DatabaseInUse(
            f"The database {name} has {count_sites()} sites, and rows in {', '.join(filled[:5])}{others}."
            f" To replace all of it with the backup, stop the servers and add --overwrite {name}."
        )


def count_sites() -> int:
    """By SQL: the table may be one of an older release."""
    with connection.cursor() as cursor:
        if "sites_site" not in connection.introspection.table_names(cursor):
            return 0
        cursor.execute("SELECT count(*) FROM sites_site")
        count: int = cursor.fetchone()[0]
        return count


@transaction.atomic
def record_restore(name: str, manifest: Manifest, *, by: Actor, at: datetime) -> None:
    changes = {"backup": (None, name), "backup_made_at": (None, manifest.made_at)}
    record_event(DatabaseAction.RESTORED, subject=WHOLE_DATABASE, by=by, at=at, changes=changes)
