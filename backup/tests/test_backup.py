"""A backup is counted against the database, and is refused where it does not fit."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from django.conf import settings as configured
from django.core.management import CommandError, call_command
from django.db import connection

from audit.actors import COMMAND
from backup import services
from backup.archive import Copied, opened
from backup.errors import BackupDoesNotFit, BackupFailed, DatabaseInUse
from backup.services import NewBackup, check_target, make_backup, restore_backup
from conftest import RegisteredSite

AT = datetime(2026, 11, 28, 12, tzinfo=UTC)
OTHER = "another secret with enough random characters"


@pytest.fixture
def new(transactional_db: None, roma: RegisteredSite, tmp_path: Path) -> NewBackup:
    return make_backup(tmp_path, keep_daily=1, keep_weekly=1, at=AT)


def changed(new: NewBackup, **values: Any) -> Path:
    """A copy of the backup with another manifest."""
    file = new.file.with_name("changed.zip")
    with opened(new.file) as (source, manifest), ZipFile(file, "w") as target:
        for name in source.namelist():
            if name != "manifest.json":
                target.writestr(name, source.read(name))
        target.writestr("manifest.json", json.dumps(asdict(manifest) | values))
    return file


def test_a_backup_counts_every_table(new: NewBackup) -> None:
    rows = new.manifest.rows
    assert (rows["sites_site"], rows["sites_sitekey"], rows["audit_event"], rows["heartbeat_heartbeat"]) == (1, 1, 1, 0)
    # On PostgreSQL the rows of these two are in partitions, which Django does not list.
    partitioned = {"telemetry_healthsample", "telemetry_telemetryperiod"} - rows.keys()
    partitions = {name for name in rows if name.rpartition("_")[0] in partitioned}
    assert bool(partitions) == (connection.vendor == "postgresql")
    assert set(connection.introspection.table_names()) - partitioned == rows.keys() - partitions
    assert "sites.0001_initial" in new.manifest.migrations


def test_no_secret_of_the_settings_is_in_the_file(new: NewBackup) -> None:
    with opened(new.file) as (archive, _):
        content = b"".join(archive.read(name) for name in archive.namelist())
    for secret in (
        configured.SECRET_KEY,
        *configured.SITE_KEY_PEPPERS,
        *configured.TWO_FACTOR_KEYS,
        *configured.LEASE_KEY_SECRETS,
        *configured.ALERT_CHANNEL_SECRETS,
    ):
        assert secret.encode() not in content


@pytest.mark.parametrize("wrong", [{"sites_site": 2}, {"sites_site": 1, "of_another_release": 0}])
def test_a_backup_with_other_rows_than_the_database_is_not_kept(
    transactional_db: None, roma: RegisteredSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: dict[str, int]
) -> None:
    module = services.database()
    write_copy = module.write_copy

    def write_less(archive: ZipFile, scratch: Path) -> Copied:
        copied = write_copy(archive, scratch)
        return copied._replace(rows=copied.rows | wrong)

    monkeypatch.setattr(module, "write_copy", write_less)
    with pytest.raises(BackupFailed, match="rows of"):
        make_backup(tmp_path, keep_daily=1, keep_weekly=1, at=AT)
    assert list(tmp_path.iterdir()) == []


def test_a_database_with_sites_is_not_replaced_unless_it_is_named(new: NewBackup) -> None:
    for overwrite in ("", "another"):
        with pytest.raises(DatabaseInUse, match="has 1 sites"):
            restore_backup(new.file, overwrite=overwrite, by=COMMAND, at=AT)


@pytest.fixture
def table_of_another_product(transactional_db: None) -> Iterator[str]:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE invoice (number integer)")
    yield "invoice"
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE invoice")


def test_a_database_of_another_product_is_not_replaced_unless_it_is_named(table_of_another_product: str) -> None:
    check_target("")  # a migrated database whose tables have no rows is empty
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table_of_another_product} VALUES (1)")
    with pytest.raises(DatabaseInUse, match=rf"has 0 sites, and rows in {table_of_another_product}\."):
        check_target("another")
    check_target(services.database().database_name())


@pytest.mark.any_database
def test_a_newer_schema_is_refused(new: NewBackup) -> None:
    file = changed(new, version="9.0", migrations=[*new.manifest.migrations, "sites.9999_of_the_future"])
    with pytest.raises(BackupDoesNotFit, match=r"the release 9\.0 and has migrations .* \(sites\.9999_of_the_future\)"):
        restore_backup(file, by=COMMAND, at=AT)


@pytest.mark.any_database
def test_a_backup_of_another_kind_of_database_is_refused(new: NewBackup) -> None:
    with pytest.raises(BackupDoesNotFit, match="The backup is of oracle"):
        restore_backup(changed(new, vendor="oracle"), by=COMMAND, at=AT)


@pytest.mark.any_database
@pytest.mark.parametrize("name", ["SITE_KEY_PEPPER", "TWO_FACTOR_KEY", "LEASE_KEY_SECRET", "ALERT_CHANNEL_SECRET"])
def test_a_secret_that_does_not_fit_is_named_before_anything_is_done(new: NewBackup, settings: Any, name: str) -> None:
    setattr(settings, f"{name}S", [OTHER])
    with pytest.raises(BackupDoesNotFit, match=name):
        restore_backup(new.file, by=COMMAND, at=AT)
    with pytest.raises(DatabaseInUse):
        restore_backup(new.file, without_secrets=True, by=COMMAND, at=AT)


@pytest.mark.any_database
def test_a_former_secret_beside_the_new_one_fits(new: NewBackup, settings: Any) -> None:
    settings.SITE_KEY_PEPPERS = [OTHER, *settings.SITE_KEY_PEPPERS]
    with pytest.raises(DatabaseInUse):
        restore_backup(new.file, by=COMMAND, at=AT)


def test_the_command_says_what_was_made_and_what_is_missing(
    transactional_db: None, roma: RegisteredSite, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("backup", folder=tmp_path)
    said = capsys.readouterr().out
    assert "1 sites and 1 events" in said
    assert (
        "Not in it: SITE_KEY_PEPPER, SECRET_KEY, TWO_FACTOR_KEY, ALERT_CHANNEL_SECRET and LEASE_KEY_SECRET or LEASE_KEY_FILE"
        in said
    )


def test_a_folder_that_cannot_be_written_is_one_line(transactional_db: None, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("backup", folder=tmp_path / "file" / "backups")
