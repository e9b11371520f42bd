"""Sites by number. The id and the key of site n follow from n, so that a load can be made without asking the database.

    python -m benchmarks.seeding FIRST LAST [--never-seen | --varied]

fills the database of the settings in the environment with the sites FIRST to LAST, through COPY: rows as `register_site`
leaves them and, unless `--never-seen`, as two calls home leave them; with `--varied` as diverse as `variety` says.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import uuid
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from benchmarks import variety
from benchmarks.postgres import indexes_made_afterwards
from common.keys import ALPHABET, BODY_LENGTH, PREFIX, checksum

ROOT = Path(__file__).resolve().parent.parent
KINDS = ("Trattoria", "Osteria", "Bistro", "Brasserie", "Taverna", "Gasthaus", "Bodega", "Izakaya", "Diner", "Café")
TOWNS = (
    *("Roma", "Lyon", "Graz", "Porto", "Athína", "Kyōto", "Gdańsk", "Göteborg", "Austin", "Sevilla", "Brno", "Torino"),
    *("Lille", "Linz", "Braga", "Pátra", "Ōsaka", "Kraków", "Malmö", "Dallas", "Bilbao", "Plzeň", "Napoli", "Nantes"),
    *("Wien", "Lisboa", "Vólos", "Nagoya", "Łódź", "Uppsala", "Denver", "Málaga", "Praha", "Genova", "Zürich", "Cádiz"),
    "Antwerpen",
)
OWNERS = ("Giulia Conti", "Ana Sousa", "Jörg Weiß", "Chloé Martin", "Eleni Pappa", "Kenji Mori", "Zofia Nowak")
ZONES = ("Europe/Rome", "Europe/Lisbon", "Asia/Tokyo", "America/Chicago", "UTC")
TABLES = ("sites_site", "sites_sitekey", "sites_sitepulse")
VERSION, UPTIME_SECONDS = "1.0.0", 12_345
LICENSE_DAYS, AGES = 365, 360  # registered some day of the last 360: every licence still holds


def site_id(number: int) -> uuid.UUID:
    return uuid.UUID(bytes=hashlib.md5(str(number).encode()).digest(), version=4)


def site_key(number: int) -> str:
    """Well-formed: a server that tells typing errors by the checksum must go on and look it up."""
    body = f"{number:0{BODY_LENGTH}d}"
    return PREFIX + body + checksum(body)


def write_credentials(file: Path, numbers: Iterable[int]) -> Path:
    return write_lines(file, (f"{site_id(number)},{site_key(number)}" for number in numbers))


def write_wrong_credentials(file: Path, numbers: Iterable[int]) -> Path:
    """Ids that exist, with well-formed keys that do not."""
    tail = ALPHABET[-1] * BODY_LENGTH
    key = PREFIX + tail + checksum(tail)
    return write_lines(file, (f"{site_id(number)},{key}" for number in numbers))


def write_rival_credentials(file: Path, numbers: Iterable[int]) -> Path:
    """What schema.sql makes."""
    return write_lines(
        file,
        (
            f"{uuid.UUID(hashlib.md5(str(number).encode()).hexdigest())},"
            f"{hashlib.sha256(f'salt{number}'.encode()).hexdigest()}"
            for number in numbers
        ),
    )


def write_lines(file: Path, lines: Iterable[str]) -> Path:
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return file


def seed_sites(
    environment: dict[str, str], *, first: int = 1, last: int, never_seen: bool = False, varied: bool = False
) -> None:
    """Fill the database of a server with these settings. A process of its own, because Django is set up but once in one."""
    command = [sys.executable, "-m", "benchmarks.seeding", str(first), str(last)]
    command += ["--never-seen"] * never_seen + ["--varied"] * varied
    subprocess.run(command, cwd=ROOT, env=environment, check=True)


# --- Inside that process: Django is set up ------------------------------------------------------------------------


def registered_at(number: int, *, at: datetime) -> datetime:
    return at - timedelta(days=number % AGES, seconds=number % 86_400)


class Searched(NamedTuple):
    """What `searchable` reads of a site; a model of each would take twenty times as long."""

    name: str
    owner_name: str
    contact_email: str
    pk: uuid.UUID
    contact_phone: str = ""


def site_rows(numbers: range, *, at: datetime, varied: bool) -> Iterator[dict[str, Any]]:
    from sites.services import searchable  # Django: after django.setup()

    for number in numbers:
        created_at = registered_at(number, at=at)
        row: dict[str, Any] = {
            "site_id": site_id(number),
            "name": f"{KINDS[number % len(KINDS)]} {TOWNS[number % len(TOWNS)]} {number}",
            "owner_name": OWNERS[number % len(OWNERS)],
            "contact_email": f"site{number}@restaurants.example",
            "timezone": ZONES[number % len(ZONES)],
            "license_expires_at": created_at + timedelta(days=LICENSE_DAYS),
            "created_at": created_at,
            "updated_at": created_at,
        }
        if varied:
            row |= variety.site_facts(number, at=at)
        searched = Searched(row["name"], row["owner_name"], row["contact_email"], row["site_id"])
        yield row | {"search_text": searchable(searched)}  # type: ignore[arg-type]


def key_rows(numbers: range, *, at: datetime, before_first_id: int) -> Iterator[dict[str, Any]]:
    from common.keys import current_pepper, key_digest, key_hint, pepper_id  # Django: after django.setup()

    for key_id, number in enumerate(numbers, before_first_id + 1):
        key = site_key(number)
        yield {
            "id": key_id,
            "site_id": site_id(number),
            "digest": key_digest(key),
            "pepper": pepper_id(current_pepper()),
            "hint": key_hint(key),
            "created_at": registered_at(number, at=at),
        }


def usual_pulse(number: int, *, at: datetime, interval: timedelta) -> dict[str, Any]:
    seen_at = at - interval * ((number % 1000) / 1000)
    return {"last_seen_at": seen_at, "version": VERSION, "reply_licensed": True, "reply_locked": False}


def pulse_rows(
    numbers: range, *, at: datetime, before_first_key_id: int, never_seen: bool, varied: bool
) -> Iterator[dict[str, Any]]:
    from django.conf import settings  # Django: after django.setup()

    interval = settings.HEARTBEAT_INTERVAL
    facts_of = variety.pulse_facts if varied else usual_pulse
    for key_id, number in enumerate(numbers, before_first_key_id + 1):
        row: dict[str, Any] = {"site_id": site_id(number)}
        facts = None if never_seen else facts_of(number, at=at, interval=interval)
        if facts is not None:
            row |= facts | {
                "last_seen_ip": "127.0.0.1",
                "uptime_seconds": UPTIME_SECONDS,
                "due_at": facts["last_seen_at"] + interval,
                "newest_key_id": key_id,
                "newest_key_uses": 2,
                "window_started_at": facts["last_seen_at"],
                "window_calls": 1,
            }
        yield row


def copy(connection: psycopg.Connection, model: Any, rows: Iterable[dict[str, Any]]) -> None:
    """Columns that the rows do not name get the model's defaults."""
    defaults = {field.column: field.get_default() for field in model._meta.concrete_fields}
    columns = ", ".join(defaults)
    with connection.cursor().copy(f"COPY {model._meta.db_table} ({columns}) FROM STDIN") as copying:
        for row in rows:
            copying.write_row(tuple((defaults | row).values()))


def fill(numbers: range, *, never_seen: bool, varied: bool) -> None:
    from sites.models import Site, SiteKey, SitePulse  # Django: after django.setup()

    at = datetime.now(UTC)
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        last_id = connection.execute("SELECT coalesce(max(id), 0) FROM sites_sitekey").fetchone()[0]
        with indexes_made_afterwards(connection, Site._meta.db_table):
            copy(connection, Site, site_rows(numbers, at=at, varied=varied))
        copy(connection, SiteKey, key_rows(numbers, at=at, before_first_id=last_id))
        pulses = pulse_rows(numbers, at=at, before_first_key_id=last_id, never_seen=never_seen, varied=varied)
        copy(connection, SitePulse, pulses)
        connection.execute(
            "SELECT setval(pg_get_serial_sequence('sites_sitekey', 'id'), max(id)) FROM sites_sitekey HAVING count(*) > 0"
        )
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(f"VACUUM ANALYZE {', '.join(TABLES)}")


def main() -> None:
    import django  # Django: only in this process

    parser = argparse.ArgumentParser()
    parser.add_argument("first", type=int)
    parser.add_argument("last", type=int)
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--never-seen", action="store_true")
    kind.add_argument("--varied", action="store_true")
    chosen = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    fill(range(chosen.first, chosen.last + 1), never_seen=chosen.never_seen, varied=chosen.varied)


if __name__ == "__main__":
    main()
