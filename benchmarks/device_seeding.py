"""Devices by number, as `benchmarks.seeding` makes sites. The id and the key of device n follow from n.

    python -m benchmarks.device_seeding LAST PER_SITE

fills the database of the settings in the environment with the devices 1 to LAST, PER_SITE at each of the sites 1, 2, …, which
must be there. Each called a moment ago.
"""

import hashlib
import os
import subprocess
import sys
import uuid
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.postgres import indexes_made_afterwards
from benchmarks.seeding import ROOT, copy, site_id, write_lines
from common.keys import BODY_LENGTH, checksum
from fleet.devices.keys import PREFIX

ROLES = ("till", "till", "printer", "display", "camera")
TABLES = ("devices_device", "devices_devicekey", "devices_devicepulse", "device_heartbeats_devicelaststatus")
INTERVAL = timedelta(seconds=30)


def device_id(number: int) -> uuid.UUID:
    return uuid.UUID(bytes=hashlib.md5(f"device {number}".encode()).digest(), version=4)


def device_key(number: int) -> str:
    body = f"{number:0{BODY_LENGTH}d}"
    return PREFIX + body + checksum(body)


def write_device_credentials(file: Path, numbers: Iterable[int]) -> Path:
    return write_lines(file, (f"{device_id(number)},{device_key(number)}" for number in numbers))


def seed_devices(environment: dict[str, str], *, last: int, per_site: int) -> None:
    """A process of its own, because Django is set up but once in one."""
    command = [sys.executable, "-m", "benchmarks.device_seeding", str(last), str(per_site)]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)


# --- Inside that process: Django is set up ------------------------------------------------------------------------


def device_rows(last: int, per_site: int, *, at: datetime) -> Iterator[dict[str, Any]]:
    from sites.querysets import folded  # Django: after django.setup()

    for number in range(1, last + 1):
        role = ROLES[number % len(ROLES)]
        own_id, name, pk = f"{role}-{number}", f"{role.title()} {number}", device_id(number)
        yield {
            "id": pk,
            "site_id": site_id(1 + (number - 1) // per_site),
            "device_id": own_id,
            "name": name,
            "role": role,
            "hardware": "rpi-5",
            "config": "{}",
            "created_at": at - timedelta(days=number % 300),
            "updated_at": at,
            "search_text": folded(f"{name}\n{own_id}\n{pk}\n{role}\nrpi-5"),
        }


def key_rows(last: int, *, at: datetime) -> Iterator[dict[str, Any]]:
    from common.keys import current_pepper, key_digest, key_hint, pepper_id  # Django: after django.setup()

    for number in range(1, last + 1):
        key = device_key(number)
        yield {
            "id": number,
            "device_id": device_id(number),
            "digest": key_digest(key),
            "pepper": pepper_id(current_pepper()),
            "hint": key_hint(key),
            "created_at": at,
        }


def pulse_rows(last: int, *, at: datetime) -> Iterator[dict[str, Any]]:
    for number in range(1, last + 1):
        seen_at = at - INTERVAL * ((number % 1000) / 1000)
        yield {
            "device_id": device_id(number),
            "last_seen_at": seen_at,
            "due_at": seen_at + INTERVAL,
            "firmware_version": "1.0.0",
            "day": seen_at.date(),
            "day_heartbeats": 1,
        }


def fill(last: int, per_site: int) -> None:
    from fleet.devices.models import Device, DeviceKey, DevicePulse  # Django: after django.setup()
    from fleet.heartbeats.models import DeviceLastStatus

    at = datetime.now(UTC)
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        with indexes_made_afterwards(connection, Device._meta.db_table):
            copy(connection, Device, device_rows(last, per_site, at=at))
        copy(connection, DeviceKey, key_rows(last, at=at))
        copy(connection, DevicePulse, pulse_rows(last, at=at))
        online = ({"device_id": device_id(number), "status": "online", "at": at} for number in range(1, last + 1))
        copy(connection, DeviceLastStatus, online)
        connection.execute(
            "SELECT setval(pg_get_serial_sequence('devices_devicekey', 'id'), max(id)) FROM devices_devicekey"
        )
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(f"VACUUM ANALYZE {', '.join(TABLES)}")


def main() -> None:
    import django  # Django: only in this process

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    fill(int(sys.argv[1]), int(sys.argv[2]))


if __name__ == "__main__":
    main()
