"""Gauges that are read from the database and the disk at each scrape."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from alerts.incidents.services import NewIncident, open_incidents, resolve_incidents
from alerts.kinds import Kind
from alerts.models import AlertChannel, Delivery
from audit.actors import COMMAND
from backup.services import record_backup
from common.jobs.models import Job
from common.jobs.registry import registered_jobs
from config.metrics.tests.scraping import TOKEN, scrape
from conftest import Clock, Register
from licensing.services import create_signing_key
from sites.models import Site


@pytest.fixture(autouse=True)
def _with_token(settings: Any) -> None:
    settings.METRICS_TOKEN = TOKEN


def shown(name: str) -> dict[str, float]:
    """The values of a gauge by the value of its label."""
    return {key.split('"')[1]: value for key, value in scrape().items() if key.startswith(f"{name}{{")}


@pytest.mark.django_db
def test_sites_are_counted_by_the_state_of_their_heartbeats(register: Register, settings: Any, clock: Clock) -> None:
    offline, late, online, gone = (register(name=name) for name in ("Offline", "Late", "Online", "Gone"))
    register(name="Never seen")
    for site, hours in ((offline, 0), (late, 30), (online, 6), (gone, 0)):
        clock.move(hours=hours)
        assert site.call_home().status_code == 200
    Site.objects.filter(pk=gone.site_id).update(deregistered_at=clock.at)
    clock.move(minutes=20)
    assert shown("portcullis_sites") == {"never_seen": 1, "online": 1, "late": 1, "offline": 1}
    last = scrape()["portcullis_last_heartbeat_timestamp_seconds"]
    assert last == pytest.approx((clock.at - timedelta(minutes=20)).timestamp())


@pytest.mark.django_db
def test_incidents_and_waiting_messages_are_counted(clock: Clock) -> None:
    channel = AlertChannel.objects.create(name="Night", kind="email", created_at=clock.at)
    new = [
        NewIncident(Kind.SITES_OFFLINE_TOGETHER, "Offline", "", since=clock.at, subject=str(number))
        for number in range(3)
    ]
    first = open_incidents(new, at=clock.at)[0]
    resolve_incidents([first.pk], at=clock.at)
    assert Delivery.objects.filter(incident=first).update(state="delivered", ended_at=clock.at) == 2
    clock.move(minutes=5)
    scraped = scrape()
    assert scraped['portcullis_incidents{severity="critical",state="open"}'] == 2
    assert scraped['portcullis_incidents{severity="info",state="acknowledged"}'] == 0
    assert scraped["portcullis_alert_messages_waiting"] == 2
    assert scraped["portcullis_alert_messages_oldest_seconds"] == pytest.approx(300)
    channel.delete()
    assert scrape()["portcullis_alert_messages_oldest_seconds"] == 0


@pytest.mark.django_db
def test_sites_are_counted_by_lock_and_licence(register: Register) -> None:
    now = timezone.now()
    states: list[dict[str, Any]] = [
        {},
        {"license_expires_at": now - timedelta(minutes=1)},
        {"license_expires_at": now + timedelta(days=6)},
        {"license_expires_at": now + timedelta(days=29)},
        {"license_expires_at": now + timedelta(days=31)},
        {"is_active": False, "license_expires_at": now + timedelta(days=1)},
        {"is_active": False, "license_expires_at": now - timedelta(days=1)},
        {"is_locked": True, "lock_reason": "Unpaid", "locked_at": now},
        {"deregistered_at": now, "is_locked": True, "lock_reason": "Unpaid", "locked_at": now},
    ]
    for state in states:
        Site.objects.filter(pk=register().site_id).update(**state)
    assert shown("portcullis_sites_by_license") == {"licensed": 5, "expired": 1, "inactive": 2}
    assert shown("portcullis_licenses_ending") == {"7d": 1, "30d": 2}
    assert scrape()["portcullis_sites_locked"] == 1


@pytest.mark.django_db
def test_the_age_of_the_signing_key_is_shown(clock: Clock) -> None:
    assert "portcullis_signing_key_age_seconds" not in scrape()
    create_signing_key(by=COMMAND, at=clock())
    clock.move(days=2)
    assert scrape()["portcullis_signing_key_age_seconds"] == 2 * 86_400


@pytest.mark.django_db
def test_the_age_and_the_size_of_the_newest_backup_are_shown(clock: Clock) -> None:
    record_backup("portcullis-20261128T120000Z.zip", size=1_000_000, seconds=2.5, at=clock())
    clock.move(hours=27)
    samples = scrape()
    assert samples["portcullis_backup_age_seconds"] == 27 * 3600
    assert samples["portcullis_backup_size_bytes"] == 1_000_000
    assert samples["portcullis_backup_duration_seconds"] == 2.5


@pytest.fixture
def _installed_30_hours_ago(clock: Clock) -> None:
    applied = MigrationRecorder.Migration.objects
    applied.update(applied=clock.at)  # as an upgrade does
    applied.filter(pk__in=applied.order_by("pk")[:3]).update(applied=clock.at - timedelta(hours=30))


@pytest.mark.django_db
@pytest.mark.usefixtures("_installed_30_hours_ago")
def test_without_a_backup_the_age_counts_from_the_installation() -> None:
    samples = scrape()
    shown = {name: value for name, value in samples.items() if name.startswith("portcullis_backup_")}
    assert shown == {"portcullis_backup_age_seconds": 30 * 3600}
    assert samples["portcullis_database_answers"] == 1


@pytest.mark.django_db
@pytest.mark.usefixtures("_installed_30_hours_ago")
def test_a_backup_of_the_future_does_not_hide_that_others_are_missing(clock: Clock) -> None:
    record_backup("portcullis-20991231T120000Z.zip", size=1, seconds=1, at=clock.at + timedelta(days=30))
    shown = {name: value for name, value in scrape().items() if name.startswith("portcullis_backup_")}
    assert shown == {"portcullis_backup_age_seconds": 30 * 3600}


@pytest.mark.django_db
def test_only_without_a_backup_does_its_age_take_a_second_statement() -> None:
    numbers = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            scrape()
        numbers.append(len(queries))
        record_backup("portcullis-20261128T120000Z.zip", size=1, seconds=1, at=timezone.now())
    assert numbers[0] - numbers[1] == 1


@pytest.mark.django_db
def test_without_a_site_everything_is_zero() -> None:
    samples = scrape()
    assert "portcullis_last_heartbeat_timestamp_seconds" not in samples
    assert {value for key, value in samples.items() if key.startswith(("portcullis_sites{", "portcullis_lic"))} == {0}


@pytest.mark.django_db
def test_a_scrape_takes_the_same_few_statements_for_many_sites(register: Register) -> None:
    record_backup("portcullis-20261128T120000Z.zip", size=1, seconds=1, at=timezone.now())
    numbers = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            scrape()
        numbers.append(len(queries))
        for _ in range(3):
            register()
    assert numbers[0] == numbers[1] <= 13  # SAVEPOINT and RELEASE SAVEPOINT among them, on PostgreSQL


@pytest.mark.django_db
def test_the_jobs_of_the_worker_are_shown(clock: Clock) -> None:
    late, failing, *rest = registered_jobs()
    past, soon = clock.at - timedelta(hours=2), clock.at + timedelta(hours=2)
    times = {"started_at": past, "ended_at": past, "duration_ms": 1500}
    Job.objects.create(name=late.name, next_run_at=past, succeeded_at=past, outcome="succeeded", **times)
    Job.objects.create(name=failing.name, next_run_at=soon, failed_at=past, failures=3, outcome="failed", **times)
    assert shown("portcullis_job_age_seconds") == {late.name: 7200}
    assert shown("portcullis_job_duration_seconds") == {late.name: 1.5, failing.name: 1.5}
    assert shown("portcullis_job_failures") == {late.name: 0, failing.name: 3} | {job.name: 0 for job in rest}
    assert shown("portcullis_job_overdue") == {late.name: 1, failing.name: 0} | {job.name: 1 for job in rest}
    assert shown("portcullis_job_period_seconds")[late.name] == late.every.total_seconds()


@pytest.mark.django_db
def test_disk_and_version_are_shown(settings: Any) -> None:
    samples = scrape()
    assert 0 < samples["portcullis_disk_free_bytes"] <= samples["portcullis_disk_size_bytes"]
    assert samples[f'portcullis_build_info{{version="{settings.VERSION}"}}'] == 1
    assert samples["portcullis_database_answers"] == 1


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_connections_of_the_database_are_shown() -> None:
    samples = scrape()
    own = sum(value for key, value in samples.items() if key.startswith("portcullis_database_connections{"))
    assert (
        1 <= own <= samples["portcullis_database_connections_used"] < samples["portcullis_database_connections_limit"]
    )
    assert samples["portcullis_database_size_bytes"] > 1_000_000


@pytest.fixture
def table_in_use() -> Iterator[None]:
    """Another connection holds the table of sites, as a migration may."""
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("LOCK TABLE sites_site")
            held.set()
            done.wait(30)
        connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(30)
    yield
    done.set()
    thread.join()


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_scrape_does_not_wait_for_a_database_that_is_busy(table_in_use: None) -> None:
    samples = scrape()
    assert samples["portcullis_database_answers"] == 0
    assert 1 <= samples["portcullis_present_state_seconds"] < 2.5
    assert "portcullis_sites_locked" not in samples
    assert "portcullis_disk_free_bytes" in samples


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_the_time_limit_of_a_scrape_ends_with_it() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        usual = cursor.fetchone()
        scrape()
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == usual


@pytest.mark.skipif(connection.vendor != "sqlite", reason="is about the lock of SQLite's file")
@pytest.mark.django_db(transaction=True)
def test_a_scrape_does_not_wait_for_what_writes_to_sqlite_nor_hold_it_up() -> None:
    with closing(sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        samples = scrape()
        writer.execute("ROLLBACK")
    assert samples["portcullis_database_answers"] == 1
    assert samples["portcullis_present_state_seconds"] < 2.5


@pytest.mark.django_db
def test_a_scrape_of_a_schema_that_is_not_migrated_yet_says_so() -> None:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {Job._meta.db_table} RENAME TO former_jobs")
        samples = scrape()
        transaction.set_rollback(True)
    assert samples["portcullis_database_answers"] == 0
    assert "portcullis_disk_free_bytes" in samples
