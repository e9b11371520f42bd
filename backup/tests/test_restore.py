"""A restore replaces everything, or nothing."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, ZipFile

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection, transaction
from django.db.migrations.recorder import MigrationRecorder

from accounts.models import Admin, PasswordLink, TokenFamily
from accounts.services import reset_password_by_link, start_token_family
from alerts.channels.services import create_channel, delete_channel
from alerts.models import AlertChannel
from alerts.outbox.delivery import target_of
from audit.actors import COMMAND
from audit.chain import first_finding
from audit.models import Event
from backup import postgresql, services
from backup.archive import opened
from backup.errors import BackupUnreadable, RestoreFailed
from backup.postgresql import copy_without
from backup.services import database, make_backup, restore_backup
from conftest import RegisteredSite
from sites.models import Site
from sites.services import lock_site, register_site

AT = datetime(2026, 11, 28, 12, tzinfo=UTC)
LATER = AT + timedelta(hours=1)


@pytest.fixture
def locked(transactional_db: None, roma: RegisteredSite) -> Site:
    return lock_site(roma.site_id, reason="unpaid", by=COMMAND, at=AT)


def backup(folder: Path) -> Path:
    return make_backup(folder, keep_daily=1, keep_weekly=1, at=AT).file


def restore(file: Path) -> None:
    restore_backup(file, overwrite=database().database_name(), by=COMMAND, at=LATER)


def register_another() -> None:
    register_site(name="Oslo", owner_name="Kari", contact_email="kari@oslo.example", by=COMMAND, at=AT)


def test_a_restore_brings_back_what_was_there_and_nothing_else(
    locked: Site, roma: RegisteredSite, tmp_path: Path
) -> None:
    file = backup(tmp_path)
    register_another()
    restore(file)
    assert [(site.name, site.lock_reason) for site in Site.objects.all()] == [("Trattoria Roma", "unpaid")]
    assert roma.call_home().json()["locked"] is True
    assert first_finding() is None


def test_channels_can_be_read_after_a_restore_with_the_same_secret_only(
    locked: Site, tmp_path: Path, settings: Any
) -> None:
    settings.ALERT_ALLOW_PRIVATE_ADDRESSES = True
    facts = {"name": "Ops", "address": "https://127.0.0.1/alerts?token=1"}
    created = create_channel("webhook", facts, by=COMMAND, at=AT)
    file = backup(tmp_path)
    delete_channel(created.channel.pk, by=COMMAND, at=AT)
    restore(file)
    target = target_of(AlertChannel.objects.get())
    assert target is not None
    assert (target.address, target.signing_secret) == (facts["address"], created.signing_secret)
    settings.ALERT_CHANNEL_SECRETS = ["another secret than before, long enough"]
    assert target_of(AlertChannel.objects.get()) is None


def test_a_restore_is_an_event(locked: Site, tmp_path: Path) -> None:
    file = backup(tmp_path)
    restore(file)
    event = Event.objects.order_by("sequence").last()
    assert event is not None
    assert (event.action, event.at, event.changes["backup"]) == ("database.restored", LATER, [None, file.name])


def test_a_restore_ends_all_sign_ins_and_links_for_a_password(locked: Site, ben: Admin, tmp_path: Path) -> None:
    reset_password_by_link(ben.pk, by=COMMAND, at=AT)
    start_token_family(ben, at=AT)
    restore(backup(tmp_path))
    assert not TokenFamily.objects.filter(ended_at=None).exists()
    assert not PasswordLink.objects.exists()


def test_the_sign_ins_have_ended_even_if_migrate_fails(
    locked: Site, ben: Admin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: Any, **options: Any) -> None:
        raise OperationalError("the disk is full")

    reset_password_by_link(ben.pk, by=COMMAND, at=AT)
    start_token_family(ben, at=AT)
    file = backup(tmp_path)
    monkeypatch.setattr(services, "call_command", fail)
    with pytest.raises(OperationalError):
        restore(file)
    assert not TokenFamily.objects.filter(ended_at=None).exists()
    assert not PasswordLink.objects.exists()


def test_a_backup_without_a_table_of_sign_ins_is_restored(locked: Site, tmp_path: Path) -> None:
    call_command("migrate", "accounts", "0002", verbosity=0)
    try:
        file = backup(tmp_path)
    finally:
        call_command("migrate", "accounts", verbosity=0)
    restore(file)
    assert Site.objects.get().lock_reason == "unpaid"
    assert not PasswordLink.objects.exists()


def test_a_backup_of_an_older_schema_is_migrated(locked: Site, tmp_path: Path) -> None:
    newest = sorted(name for app, name in MigrationRecorder(connection).applied_migrations() if app == "sites")[-2:]
    call_command("migrate", "sites", newest[0], verbosity=0)
    try:
        file = backup(tmp_path)
    finally:
        call_command("migrate", "sites", verbosity=0)
    restore(file)
    assert ("sites", newest[1]) in MigrationRecorder(connection).applied_migrations()


def cut_short(file: Path) -> Path:
    """A backup whose file is whole, but whose dump is not: as if the program that reads it were killed."""
    shorter = file.with_name("shorter.zip")
    with opened(file) as (source, _), ZipFile(shorter, "w", ZIP_STORED) as target:
        for name in source.namelist():
            content = source.read(name)
            target.writestr(name, content if name == "manifest.json" else content[: len(content) - 2_000])
    return shorter


def test_a_restore_that_fails_half_way_changes_nothing(locked: Site, tmp_path: Path) -> None:
    file = cut_short(backup(tmp_path))
    register_another()
    with pytest.raises((RestoreFailed, BackupUnreadable)):
        restore(file)
    assert {site.name for site in Site.objects.all()} == {"Trattoria Roma", "Oslo"}
    assert not Event.objects.filter(action="database.restored").exists()


def test_settings_of_a_newer_pg_restore_and_schemas_that_exist_are_left_out_and_rows_are_not(tmp_path: Path) -> None:
    sql, copied = tmp_path / "sql", tmp_path / "copied"
    omitted = (b"SET transaction_timeout", b"CREATE SCHEMA public;")
    header = (
        b"SET lock_timeout = 0;\nSET transaction_timeout = 0;\n-- Name: public; Type: SCHEMA; Schema: -; Owner: -\n"
    )
    schemas = b"CREATE SCHEMA public;\nCREATE SCHEMA ours;\n"
    rows = (
        b"-- Name: sites; Type: TABLE; Schema: ours; Owner: -\nCOPY sites (name) FROM stdin;\nCREATE SCHEMA public;\n"
    )
    sql.write_bytes(header + schemas + rows)
    with sql.open("rb") as source, copied.open("wb") as target:
        copy_without(omitted, source, target)
    kept = header.replace(b"SET transaction_timeout = 0;\n", b"") + b"CREATE SCHEMA ours;\n"
    assert copied.read_bytes() == kept + rows


@pytest.fixture
def pg_restore_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """A pg_restore that writes this statement, and fails a second later: psql has sent the statement by then.

    The empty lines fill the buffers on the way.
    """

    def replace(statement: str) -> None:
        failing = tmp_path / "pg_restore"
        failing.write_text(
            "#!/bin/sh\n"
            'if [ "$1" = --version ]; then echo "pg_restore (PostgreSQL) 15.0"; exit; fi\n'
            f"cat >/dev/null; echo '{statement}'; head -c 30000 /dev/zero | tr '\\0' '\\n'; sleep 1\n"
            "echo 'killed' >&2; exit 1\n"
        )
        failing.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        monkeypatch.setattr(postgresql, "server_version", lambda: 150_000)

    return replace


@pytest.mark.postgresql
def test_nothing_is_committed_before_pg_restore_has_ended_well(
    locked: Site, tmp_path: Path, pg_restore_that_fails: Callable[[str], None]
) -> None:
    file = backup(tmp_path)
    pg_restore_that_fails("CREATE TABLE half ();")
    with pytest.raises(RestoreFailed, match="pg_restore failed: killed"):
        restore(file)
    assert Site.objects.get().lock_reason == "unpaid"


@pytest.mark.postgresql
def test_a_restore_that_fails_leaves_no_statement_running_on_the_server(
    locked: Site, tmp_path: Path, pg_restore_that_fails: Callable[[str], None]
) -> None:
    file = backup(tmp_path)
    pg_restore_that_fails("SELECT pg_sleep(60);")
    with pytest.raises(RestoreFailed, match="pg_restore failed: killed"):
        restore(file)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '2s'")
        cursor.execute("LOCK TABLE sites_site")


@pytest.fixture
def name_of_a_type(transactional_db: None) -> Iterator[str]:
    yield "aa_taken"
    with connection.cursor() as cursor:
        cursor.execute("DROP DOMAIN aa_taken")


@pytest.mark.postgresql
def test_psql_that_fails_early_ends_a_large_restore_and_says_why(
    locked: Site, name_of_a_type: str, tmp_path: Path
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {name_of_a_type} AS SELECT repeat('x', 1000) FROM generate_series(1, 2000)")
        file = backup(tmp_path)
        cursor.execute(f"DROP TABLE {name_of_a_type}")
        # A restore does not drop types, so that the first table cannot be created.
        cursor.execute(f"CREATE DOMAIN {name_of_a_type} AS text")
    with pytest.raises(RestoreFailed, match=r"psql failed: ERROR: .*aa_taken"):
        restore(file)
    assert Site.objects.get().lock_reason == "unpaid"
