"""Write collected heartbeats: two statements for all of them, and a few more for devices that began a day or were restarted.

A beat that is older than the pulse only counts. What a beat does not say stays as it was.
"""

import uuid
from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

from django.db import connection, transaction
from django.db.models import F

from fleet.devices.models import DevicePulse
from fleet.heartbeats.beats import Beat
from fleet.heartbeats.boots import note_boot
from fleet.heartbeats.models import HeartbeatDay
from sites.status import CLOCK_TOLERANCE

# Rows of pulses that more than UPDATE_PULSES has to be done for, in the order of their ids, locked.
PULSES_THAT_TURN = """
SELECT pulse.device_id
  FROM unnest(%(ids)s::uuid[], %(days)s::date[], %(boots)s::uuid[], %(at)s::timestamptz[])
       AS beat (device_id, day, boot_id, at)
  JOIN devices_devicepulse AS pulse ON pulse.device_id = beat.device_id
 WHERE pulse.day <> beat.day
    OR pulse.boot_id <> beat.boot_id
    OR pulse.last_seen_at >= beat.at
 ORDER BY pulse.device_id
   FOR UPDATE OF pulse
"""
# `write_pulse` for all the others. A column without a prefix is the pulse's.
UPDATE_PULSES = """
UPDATE devices_devicepulse AS pulse
   SET last_seen_at = beat.at,
       due_at = beat.due_at,
       is_stopped = beat.is_stopped,
       firmware_version = coalesce(beat.firmware_version, pulse.firmware_version),
       uptime_seconds = coalesce(beat.uptime_seconds, pulse.uptime_seconds),
       boot_id = coalesce(beat.boot_id, pulse.boot_id),
       sequence = CASE WHEN beat.boot_id IS NULL THEN pulse.sequence ELSE beat.sequence END,
       config_version = coalesce(beat.config_version, pulse.config_version),
       day = beat.day,
       day_heartbeats = pulse.day_heartbeats + beat.heartbeats
  FROM unnest(%(ids)s::uuid[], %(at)s::timestamptz[], %(due_at)s::timestamptz[], %(stopped)s::boolean[],
              %(firmware)s::varchar[], %(uptimes)s::bigint[], %(boots)s::uuid[], %(sequences)s::bigint[],
              %(configs)s::integer[], %(days)s::date[], %(heartbeats)s::integer[])
       AS beat (device_id, at, due_at, is_stopped, firmware_version, uptime_seconds, boot_id, sequence,
                config_version, day, heartbeats)
 WHERE pulse.device_id = beat.device_id
"""

Beats = Mapping[uuid.UUID, Beat]


@transaction.atomic
def write_beats(beats: Beats) -> None:
    """Of several processes that write the same device at once, one may be refused by the database; it writes again."""
    if connection.vendor == "postgresql":
        write_with_statements(beats)
    else:
        write_with_orm(sorted(beats), beats)


def write_with_statements(beats: Beats) -> None:
    ids = sorted(beats)
    columns = columns_of(ids, beats)
    with connection.cursor() as cursor:
        cursor.execute(PULSES_THAT_TURN, columns)
        turning = [device_id for (device_id,) in cursor.fetchall()]
        # Also beats of two days, which a second at midnight brings.
        turning += [device_id for device_id in ids if len(beats[device_id].counts) > 1 and device_id not in turning]
        write_with_orm(turning, beats)
        rest = set(ids).difference(turning)
        if rest:
            cursor.execute(UPDATE_PULSES, columns_of([each for each in ids if each in rest], beats))


def columns_of(ids: list[uuid.UUID], beats: Beats) -> dict[str, list[Any]]:
    wanted = [beats[device_id] for device_id in ids]
    return {
        "ids": ids,
        "at": [beat.at for beat in wanted],
        "due_at": [beat.due_at for beat in wanted],
        "stopped": [beat.is_stopped for beat in wanted],
        "firmware": [beat.firmware_version for beat in wanted],
        "uptimes": [beat.uptime_seconds for beat in wanted],
        "boots": [beat.boot_id for beat in wanted],
        "sequences": [beat.sequence for beat in wanted],
        "configs": [beat.config_version for beat in wanted],
        "days": [beat.at.date() for beat in wanted],
        "heartbeats": [beat.counts.get(beat.at.date(), 0) for beat in wanted],
    }


def write_with_orm(device_ids: Collection[uuid.UUID], beats: Beats) -> None:
    pulses = DevicePulse.objects.select_for_update().filter(pk__in=device_ids).order_by("pk")
    for pulse in pulses:
        write_pulse(pulse, beats[pulse.pk])


def write_pulse(pulse: DevicePulse, beat: Beat) -> None:
    """In the caller's transaction, with the row locked."""
    pulses = DevicePulse.objects.filter(pk=pulse.pk)
    if pulse.last_seen_at == beat.at:
        return  # it is written: the answer to the commit was lost, and the beat was kept for another attempt
    # A pulse that is further ahead was written by a clock that was wrong, and is overwritten.
    if pulse.last_seen_at is not None and beat.at < pulse.last_seen_at <= beat.at + CLOCK_TOLERANCE:
        count_late(pulse, beat.counts)
        return
    is_other_boot = beat.boot_id is not None and pulse.boot_id is not None and beat.boot_id != pulse.boot_id
    keeps_boot = beat.boot_id is None or (is_other_boot and not note_boot(pulse, beat))
    day = beat.at.date()
    number = beat.counts.get(day, 0)
    if pulse.day == day:
        number += pulse.day_heartbeats
    elif pulse.day is not None:
        add_to_day(pulse.pk, pulse.day, pulse.day_heartbeats)
    for other, earlier in beat.counts.items():
        if other != day:
            add_to_day(pulse.pk, other, earlier)
    changes: dict[str, Any] = {
        "firmware_version": beat.firmware_version,
        "uptime_seconds": beat.uptime_seconds,
        "config_version": beat.config_version,
    }
    changes = {name: value for name, value in changes.items() if value is not None}
    if not keeps_boot:
        changes |= {"boot_id": beat.boot_id, "sequence": beat.sequence}
    pulses.update(
        last_seen_at=beat.at,
        due_at=beat.due_at,
        is_stopped=beat.is_stopped,
        day=day,
        day_heartbeats=number,
        **changes,
    )


def count_late(pulse: DevicePulse, counts: Mapping[date, int]) -> None:
    for day, number in counts.items():
        if day == pulse.day:
            DevicePulse.objects.filter(pk=pulse.pk).update(day_heartbeats=F("day_heartbeats") + number)
        else:
            add_to_day(pulse.pk, day, number)


def add_to_day(device_id: uuid.UUID, day: date, number: int) -> None:
    """The device's pulse is locked, so no other process adds at the same time."""
    days = HeartbeatDay.objects.filter(device=device_id, day=day)
    if number and not days.update(heartbeats=F("heartbeats") + number):
        HeartbeatDay.objects.create(device_id=device_id, day=day, heartbeats=number)
