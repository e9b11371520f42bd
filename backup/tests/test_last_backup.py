"""The database knows when it was last backed up."""

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import IntegrityError, connection

from audit.actors import COMMAND
from backup import services
from backup.errors import BackupFailed
from backup.models import LastBackup
from backup.services import database, make_backup, restore_backup
from conftest import RegisteredSite

AT = datetime(2026, 11, 28, 12, tzinfo=UTC)
TOMORROW = AT + timedelta(days=1)


def back_up(folder: Path, *, at: datetime) -> Path:
    return make_backup(folder, keep_daily=2, keep_weekly=1, at=at).file


def recorded() -> tuple[datetime, str] | None:
    return LastBackup.objects.values_list("made_at", "file").first()


def test_the_newest_backup_is_recorded_with_its_size(
    transactional_db: None, roma: RegisteredSite, tmp_path: Path
) -> None:
    back_up(tmp_path, at=AT)
    file = back_up(tmp_path, at=TOMORROW)
    row = LastBackup.objects.get()
    assert (row.made_at, row.file, row.size_bytes) == (TOMORROW, file.name, file.stat().st_size)
    assert row.duration_ms > 0


def test_a_backup_that_fails_is_not_recorded(
    transactional_db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(file: Path, scratch: Path) -> None:
        raise BackupFailed("The backup has 0 rows of sites_site, the database 1.")

    back_up(tmp_path, at=AT)
    monkeypatch.setattr(services, "verify", refuse)
    with pytest.raises(BackupFailed):
        back_up(tmp_path, at=TOMORROW)
    assert recorded() == (AT, "portcullis-20261128T120000Z.zip")


def test_after_a_restore_the_backup_before_the_restored_one_is_the_newest(
    transactional_db: None, roma: RegisteredSite, tmp_path: Path
) -> None:
    first = back_up(tmp_path, at=AT)
    second = back_up(tmp_path, at=TOMORROW)
    restore_backup(second, overwrite=database().database_name(), by=COMMAND, at=TOMORROW)
    assert recorded() == (AT, first.name)


def test_a_backup_that_cannot_be_recorded_is_kept_and_logged(
    transactional_db: None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As on a standby, or before the migration that makes the table."""
    table = LastBackup._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO elsewhere")
    try:
        with caplog.at_level(logging.WARNING, "portcullis.backup"):
            file = back_up(tmp_path, at=AT)
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE elsewhere RENAME TO {table}")
    assert file.exists()
    assert "is whole, but could not be recorded in the database" in caplog.text


@pytest.mark.django_db
def test_there_is_one_row_at_most() -> None:
    with pytest.raises(IntegrityError):
        LastBackup.objects.create(pk=2, made_at=AT, file="portcullis.zip", size_bytes=1, duration_ms=1)
