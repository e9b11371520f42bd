"""A thread of each web process on PostgreSQL that keeps `fleet.devices.known` true.

Every second it compares the entries whose turn it is with the database, which is what the five seconds rest on. Notifications
of PostgreSQL only make it faster: on the same machine a change takes effect within milliseconds. They do not pass a pooler,
unless DOORBELL_DATABASE_URL leads to the database itself.
"""

import logging
import threading
import time
import uuid
from collections.abc import Iterable
from typing import Any

import psycopg
from django.db import connection

from common.notifications import listening_parameters
from fleet.devices.known import known_devices
from fleet.devices.services.rows import CHANNEL as DEVICE_CHANNEL
from sites.services.rows import CHANNEL as SITE_CHANNEL

log = logging.getLogger("portcullis.devices")

PAUSE_SECONDS = 1.0
RECONNECT_SECONDS = 1.0
# A revision that differs from the one known here is as good as a device that is not there.
CHANGED = """
SELECT known.id
  FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[]) AS known (id, revision, site_revision)
 WHERE NOT EXISTS (
       SELECT FROM devices_device AS device
         JOIN sites_site AS site ON site.site_id = device.site_id
        WHERE device.id = known.id
          AND device.revision = known.revision
          AND site.revision = known.site_revision
          AND device.retired_at IS NULL)
"""
# A server that hangs is noticed within seconds.
LIMITS: dict[str, Any] = {"autocommit": True, "keepalives_idle": 5, "tcp_user_timeout": 5_000}


def start_comparing() -> None:
    """In this process from now on."""
    if connection.vendor != "postgresql":
        return
    known_devices.keep()
    threading.Thread(target=compare_again_and_again, name="device-changes", daemon=True).start()


def compare_again_and_again() -> None:
    is_failing = False
    while True:
        try:
            address, parameters = listening_parameters()
            with psycopg.connect(address, **{**parameters, **LIMITS}) as opened:
                for channel in (SITE_CHANNEL, DEVICE_CHANNEL):
                    opened.execute(f"LISTEN {channel}")
                known_devices.forget_all()  # what changed before LISTEN
                is_failing = False
                while True:
                    compare_all(opened)
                    for notification in opened.notifies(timeout=PAUSE_SECONDS):
                        take(notification)
        except (psycopg.Error, OSError) as error:
            # Entries are trusted for a few seconds more; then each call asks the database.
            if not is_failing:
                log.warning("what is known of devices cannot be compared with the database: %s", error)
            is_failing = True
        except Exception:  # without this thread each heartbeat would need a statement
            log.exception("what is known of devices cannot be compared with the database")
        time.sleep(RECONNECT_SECONDS)


def compare_all(opened: "psycopg.Connection[Any]") -> None:
    """All entries whose turn it is, in one statement, which answers with those that changed.

    Each row that came back would keep the threads that answer devices waiting for Python's lock, and so would lists that
    psycopg converts: with 30,000 devices, a tenth of a second.
    """
    asked_at = time.monotonic()
    entries = known_devices.to_compare()
    if not entries:
        return
    arrays = [
        array_literal([known.id_text for known in entries]),
        array_literal([known.revisions[0] for known in entries]),
        array_literal([known.revisions[1] for known in entries]),
    ]
    # A plan for any arrays would expect a few elements, and look each device up by its own.
    rows = opened.execute(CHANGED, arrays, prepare=False)
    known_devices.compared(entries, {device_id for (device_id,) in rows}, asked_at=asked_at)


def array_literal(elements: Iterable[object]) -> str:
    """For PostgreSQL; the elements have neither commas nor quotes."""
    return "{" + ",".join(map(str, elements)) + "}"


def take(notification: psycopg.Notify) -> None:
    if notification.channel == DEVICE_CHANNEL:
        known_devices.forget(uuid.UUID(text) for text in notification.payload.split())
        return
    site_id, _, revision = notification.payload.partition(":")
    if revision.isdecimal():  # else a doorbell's probe
        known_devices.forget_site(uuid.UUID(site_id))
