"""A restore brings back devices and their tables, also the ones that PostgreSQL stores by day, and all of it works on."""

import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from audit.actors import COMMAND
from backup.services import database, make_backup, restore_backup
from conftest import RegisteredSite
from fleet.devices.authentication import DeviceCredentials, authenticate_device
from fleet.devices.changes import compare_all
from fleet.devices.known import COMPARED_SECONDS, KnownDevices, known_devices
from fleet.devices.models import Device
from fleet.devices.services import update_device
from fleet.firmware.services import set_target
from fleet.firmware.tests.rows import add_row
from fleet.heartbeats.commands import send_command
from fleet.heartbeats.models import DeviceStatusChange
from fleet.heartbeats.tests.calls import RegisteredDevice, a_device
from fleet.heartbeats.transitions import note_transitions
from fleet.rollouts.services import create_rollout
from fleet.telemetry.models import HealthDay, HealthSample, TelemetryPeriod
from fleet.telemetry.partitions import TABLES, days_of_other_rows, missing_days, partitioned_days
from fleet.telemetry.prune import make_day_partitions
from fleet.telemetry.rollup import compute_marked_hours
from fleet.telemetry.services import Period, Sample, store_periods, store_samples

FLEET = ("devices_", "device_heartbeats_", "telemetry_", "firmware_", "rollouts_")
DAYS_AGO = 20  # before the days that get a partition ahead


@pytest.fixture
def till(transactional_db: None, roma: RegisteredSite) -> RegisteredDevice:
    """A device with rows in the tables of the fleet; its samples are of today and of a day long before."""
    now = timezone.now()
    device = a_device(roma)
    device.call(uptime_seconds=60, boot_id=str(uuid.uuid4()), sequence=1)
    measure(device, ago=timedelta(days=DAYS_AGO))
    make_day_partitions(at=now)
    measure(device, ago=timedelta(hours=3))
    compute_marked_hours(at=now, most=100)
    note_transitions(at=now)
    send_command(device.id, "restart", by=COMMAND, at=now)
    firmware = add_row("2.0.0")
    set_target(device.id, firmware.pk, by=COMMAND, at=now)
    create_rollout(firmware_id=firmware.pk, name="July", by=COMMAND, at=now)
    return device


def measure(device: RegisteredDevice, *, ago: timedelta) -> None:
    now = timezone.now()
    samples = [Sample(now - ago + timedelta(minutes=each), 12.5, 512, 1024) for each in range(3)]
    assert store_samples(device.id, samples, at=now) == 3
    store_periods(device.id, [Period(now - ago, now - ago + timedelta(hours=1), {"transactions": 17.0})], at=now)


def rows() -> dict[str, list[Any]]:
    """Of each table of the fleet, as an application reads it."""
    found = {}
    with connection.cursor() as cursor:
        for model in connection.introspection.installed_models(all_tables()):
            cursor.execute(f'SELECT * FROM "{model._meta.db_table}"')
            found[model._meta.db_table] = sorted(map(str, cursor.fetchall()))
    return found


def all_tables() -> list[str]:
    return [table for table in connection.introspection.django_table_names() if table.startswith(FLEET)]


def back_up(folder: Path) -> Path:
    return make_backup(folder, keep_daily=1, keep_weekly=1, at=timezone.now()).file


def restore(file: Path, *, days_later: int = 0) -> None:
    at = timezone.now() + timedelta(days=days_later)
    restore_backup(file, overwrite=database().database_name(), by=COMMAND, at=at)


def test_every_table_of_the_fleet_is_as_it_was(till: RegisteredDevice, tmp_path: Path) -> None:
    before, file = rows(), back_up(tmp_path)
    assert {table for table, found in before.items() if not found} <= {
        "devices_enrolmentcode",
        "device_heartbeats_heartbeatday",
        "device_heartbeats_deviceboot",
        "rollouts_rolloutdevice",
        "rollouts_maintenancewindow",
        "telemetry_markedhour",
    }
    HealthSample.objects.all().delete()
    measure(till, ago=timedelta(days=2))
    update_device(till.id, {"name": "Another"}, by=COMMAND, at=timezone.now())
    restore(file)
    assert rows() == before


def test_devices_go_on_after_a_restore(till: RegisteredDevice, tmp_path: Path) -> None:
    """With their keys; the numbers of new rows follow those in the backup."""
    restore(back_up(tmp_path))
    assert till.call(uptime_seconds=90).status_code == 200
    measure(till, ago=timedelta(hours=1))
    before = DeviceStatusChange.objects.count()
    note_transitions(at=timezone.now() + timedelta(hours=2))
    assert DeviceStatusChange.objects.count() == before + 1
    compute_marked_hours(at=timezone.now(), most=100)
    assert HealthDay.objects.filter(device=till.id).count() >= 2
    assert TelemetryPeriod.objects.filter(device=till.id).count() == 3


@pytest.mark.postgresql
def test_a_database_without_the_days_gets_them_and_those_from_the_restore_on(
    till: RegisteredDevice, tmp_path: Path
) -> None:
    """As a database that was made on another day."""
    file, days = back_up(tmp_path), {table: partitioned_days(table) for table in TABLES}
    call_command("migrate", "telemetry", "zero", verbosity=0)
    call_command("migrate", verbosity=0)
    restore(file, days_later=30)
    at = timezone.now() + timedelta(days=30)
    for table in TABLES:
        assert at.date() in partitioned_days(table)
        assert set(days[table]) < set(partitioned_days(table))
        assert at.date() - timedelta(days=30 + DAYS_AGO) in partitioned_days(table)
        assert missing_days(table, at=at) == list(days_of_other_rows(table)) == []
    assert HealthSample.objects.count() == 6


@pytest.fixture
def kept() -> Iterator[KnownDevices]:
    """As in a web process."""
    known_devices.keep()
    yield known_devices
    known_devices.is_kept = False
    known_devices.forget_all()


@pytest.mark.postgresql
def test_a_web_process_that_runs_forgets_devices_whose_revision_goes_back(
    till: RegisteredDevice, tmp_path: Path, kept: KnownDevices
) -> None:
    """Revisions are compared for equality. On SQLite nothing is kept in memory."""
    file = back_up(tmp_path)
    update_device(till.id, {"config": {"till": 2}}, by=COMMAND, at=timezone.now())
    credentials = DeviceCredentials(str(till.id), till.key)
    known = authenticate_device(credentials, ip=None, at=timezone.now())
    assert (known.config_version, till.id in kept.by_id) == (2, True)
    restore(file)
    assert Device.objects.get(pk=till.id).revision < known.revisions[0]
    known.compared_at -= COMPARED_SECONDS  # its turn has come
    connection.ensure_connection()
    info = connection.connection.info
    with psycopg.connect(info.dsn, password=info.password, autocommit=True) as opened:
        compare_all(opened)
    assert till.id not in kept.by_id
    assert authenticate_device(credentials, ip=None, at=timezone.now()).config_version == 1
