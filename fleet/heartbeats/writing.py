"""Write collected heartbeats: two statements for all of them, and a few more if devices begin a day or were restarted.

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
from fleet.heartbeats.boots import forget_old_boots, note_boot
from fleet.heartbeats.models import HeartbeatDay
from sites.status import CLOCK_TOLERANCE

# Pulses that more than UPDATE_PULSES has to be done for, in the order of their ids, locked. `is_new_boot`: the device was
# restarted, and this boot was never seen.
PULSES_THAT_TURN = """
SELECT pulse.device_id,
       pulse.day <> beat.day,
       coalesce(pulse.boot_id <> beat.boot_id, false),
       NOT EXISTS (SELECT FROM device_heartbeats_deviceboot AS boot
                    WHERE boot.device_id = beat.device_id AND boot.boot_id = beat.boot_id),
       pulse.last_seen_at >= beat.at
  FROM unnest(%(ids)s::uuid[], %(days)s::date[], %(boots)s::uuid[], %(at)s::timestamptz[])
       AS beat (device_id, day, boot_id, at)
  JOIN devices_devicepulse AS pulse ON pulse.device_id = beat.device_id
 WHERE pulse.day <> beat.day
    OR pulse.boot_id <> beat.boot_id
    OR pulse.last_seen_at >= beat.at
 ORDER BY pulse.device_id
   FOR UPDATE OF pulse
"""
# The day of the pulse is over: `add_to_day` for many.
KEEP_DAYS = """
INSERT INTO device_heartbeats_heartbeatday AS kept (device_id, day, heartbeats)
SELECT device_id, day, day_heartbeats
  FROM devices_devicepulse
 WHERE device_id = ANY(%(ids)s)
    ON CONFLICT (device_id, day) DO UPDATE SET heartbeats = kept.heartbeats + excluded.heartbeats
"""
# The boot of the pulse, and the new one that takes its place: `note_boot` for many.
KEEP_REPLACED_BOOTS = """
INSERT INTO device_heartbeats_deviceboot (device_id, boot_id, first_seen_at, last_seen_at, sequence, returns)
SELECT device_id, boot_id, last_seen_at, last_seen_at, sequence, 0
  FROM devices_devicepulse
 WHERE device_id = ANY(%(ids)s)
    ON CONFLICT (device_id, boot_id)
    DO UPDATE SET last_seen_at = excluded.last_seen_at, sequence = excluded.sequence
"""
ADD_NEW_BOOTS = """
INSERT INTO device_heartbeats_deviceboot (device_id, boot_id, first_seen_at, last_seen_at, sequence, returns)
SELECT device_id, boot_id, at, at, sequence, 0
  FROM unnest(%(ids)s::uuid[], %(boots)s::uuid[], %(at)s::timestamptz[], %(sequences)s::bigint[])
       AS beat (device_id, boot_id, at, sequence)
"""
# `write_pulse` for all the others. A beat that is not newer than the pulse, which another process may just have written, is
# left out; see `write_late`.
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
       day_heartbeats = CASE WHEN pulse.day = beat.day THEN pulse.day_heartbeats + beat.heartbeats
                             ELSE beat.heartbeats END
  FROM unnest(%(ids)s::uuid[], %(at)s::timestamptz[], %(due_at)s::timestamptz[], %(stopped)s::boolean[],
              %(firmware)s::varchar[], %(uptimes)s::bigint[], %(boots)s::uuid[], %(sequences)s::bigint[],
              %(configs)s::integer[], %(days)s::date[], %(heartbeats)s::integer[])
       AS beat (device_id, at, due_at, is_stopped, firmware_version, uptime_seconds, boot_id, sequence,
                config_version, day, heartbeats)
 WHERE pulse.device_id = beat.device_id
   AND (pulse.last_seen_at < beat.at) IS NOT FALSE
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
    with connection.cursor() as cursor:
        cursor.execute(PULSES_THAT_TURN, columns_of(ids, beats))
        turning = cursor.fetchall()
        # One by one: what came late, boots that call again, and the rare beats of two days.
        odd = {pk for pk, _, is_restarted, is_new, is_late in turning if is_late or (is_restarted and not is_new)}
        odd |= {pk for pk in ids if len(beats[pk].counts) > 1}
        write_with_orm(sorted(odd), beats)
        if days := [pk for pk, begins_day, *_ in turning if begins_day and pk not in odd]:
            cursor.execute(KEEP_DAYS, {"ids": days})
        if restarted := [pk for pk, _, is_restarted, *_ in turning if is_restarted and pk not in odd]:
            cursor.execute(KEEP_REPLACED_BOOTS, {"ids": restarted})
            cursor.execute(ADD_NEW_BOOTS, columns_of(restarted, beats))
            forget_old_boots(restarted)
        if usual := [pk for pk in ids if pk not in odd]:
            cursor.execute(UPDATE_PULSES, columns_of(usual, beats))
            if cursor.rowcount < len(usual):
                write_late(usual, beats)


def write_late(device_ids: Collection[uuid.UUID], beats: Beats) -> None:
    """Those of the beats that UPDATE_PULSES has left out."""
    seen = DevicePulse.objects.filter(pk__in=device_ids).values_list("pk", "last_seen_at")
    write_with_orm([pk for pk, last_seen_at in seen if last_seen_at != beats[pk].at], beats)


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
