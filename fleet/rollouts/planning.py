"""Dry run: who would be updated when, without writing anything."""

import uuid
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists

from fleet.devices.status import DeviceStatus
from fleet.firmware.services.targets import available_firmware
from fleet.rollouts.engine.joining import ACTIVE_ROWS
from fleet.rollouts.selection import Selection, selected_devices
from fleet.rollouts.services.creation import EVERYTHING, check_pilot, check_selection, checked_name
from fleet.rollouts.services.windows import windows_of
from fleet.rollouts.waves import DEFAULT_WAVES, WaveSpec, checked_waves, chosen_pilot, wave_of
from fleet.rollouts.windows import Opening, Window, openings
from sites.models import Site

# In one answer; the numbers count all of them.
MAX_LISTED_SITES = 1_000


@dataclass(frozen=True)
class SitePlan:
    """A location in a wave, and the first opening of its window in which one of its devices can be updated."""

    site_id: uuid.UUID
    name: str
    timezone: str
    devices: int
    window: Window
    opening: Opening
    # When its last device of this wave is done if each takes as long as it may.
    done_at: datetime


@dataclass(frozen=True)
class WavePlan:
    """`sites` are the first of them; the times assume that all devices are online and succeed."""

    number: int
    percent: int | None
    devices: int
    number_of_sites: int
    starts_at: datetime
    ends_at: datetime
    sites: list[SitePlan]


@dataclass(frozen=True)
class Plan:
    """`up_to_date` run the version already, `elsewhere` are in another roll-out now; neither are in the waves."""

    pilot_site_id: uuid.UUID | None
    devices: int
    not_online: int
    up_to_date: int
    elsewhere: int
    waves: list[WavePlan]


def plan_rollout(
    *,
    firmware_id: uuid.UUID,
    name: str,
    at: datetime,
    selection: Selection = EVERYTHING,
    waves: Sequence[WaveSpec] = DEFAULT_WAVES,
    pilot_site_id: uuid.UUID | None = None,
) -> Plan:
    """What a roll-out would do if it were created with this and started now. The same statements for any number of devices.

    Raises RolloutInvalid, FirmwareNotFound, FirmwareWithdrawn.
    """
    name, waves = checked_name(name), checked_waves(waves)
    check_selection(selection)
    check_pilot(pilot_site_id, waves)
    firmware = available_firmware(firmware_id)
    devices = selected_devices(selection, firmware).annotate(is_elsewhere=Exists(ACTIVE_ROWS)).with_status(at=at)
    rows = list(devices.values_list("pk", "site", "status", "pulse__firmware_version", "is_elsewhere"))
    if pilot_site_id is None and waves[0].percent is None and rows:
        to_update = [(site, status) for _, site, status, version, _ in rows if version != firmware.version]
        online = {site for site, status in to_update if status == DeviceStatus.ONLINE}
        candidates = online or {site for site, _ in to_update}
        if candidates:
            pilot_site_id = chosen_pilot(candidates, firmware_id=firmware.pk, name=name)
    percents = [wave.percent for wave in waves]
    counted: dict[int, Counter[uuid.UUID]] = defaultdict(Counter)
    for device_id, site_id, _, version, is_elsewhere in rows:
        if version != firmware.version and not is_elsewhere:
            number = wave_of(
                device_id,
                site_id,
                percents=percents,
                pilot_site_id=pilot_site_id,
                firmware_id=firmware.pk,
                name=name,
            )
            counted[number][site_id] += 1
    return Plan(
        pilot_site_id=pilot_site_id,
        devices=len(rows),
        not_online=sum(status != DeviceStatus.ONLINE for _, _, status, _, _ in rows),
        up_to_date=sum(version == firmware.version for _, _, _, version, _ in rows),
        elsewhere=sum(is_elsewhere for _, _, _, version, is_elsewhere in rows if version != firmware.version),
        waves=planned_waves(waves, counted, at=at),
    )


def planned_waves(
    waves: Sequence[WaveSpec], counted: Mapping[int, Counter[uuid.UUID]], *, at: datetime
) -> list[WavePlan]:
    site_ids = {site_id for counts in counted.values() for site_id in counts}
    sites = {
        pk: (name, zone)
        for pk, name, zone in Site.objects.filter(pk__in=site_ids).values_list("pk", "name", "timezone")
    }
    windows = windows_of(site_ids)
    plans, starts_at = [], at
    for number, wave in enumerate(waves):
        needed = timedelta(minutes=wave.deadline_minutes + wave.online_minutes)
        planned = [
            planned_site(
                site_id, *sites[site_id], devices=devices, window=windows[site_id], needed=needed, after=starts_at
            )
            for site_id, devices in counted.get(number, {}).items()
        ]
        planned.sort(key=lambda each: (each.opening.opens_at, each.name, each.site_id))
        ends_at = max((each.done_at for each in planned), default=starts_at)
        plans.append(
            WavePlan(
                number,
                wave.percent,
                sum(each.devices for each in planned),
                len(planned),
                starts_at,
                ends_at,
                planned[:MAX_LISTED_SITES],
            )
        )
        starts_at = ends_at + timedelta(minutes=wave.observation_minutes if planned else 0)
    return plans


def planned_site(
    site_id: uuid.UUID, name: str, zone: str, *, devices: int, window: Window, needed: timedelta, after: datetime
) -> SitePlan:
    first: Opening | None = None
    left, done_at = devices, after
    for opening in openings(window, zone, after=after):
        begin = max(opening.opens_at, after)
        possible = min(left, (opening.closes_at - begin) // needed)
        if possible <= 0:
            continue
        first = first or opening
        left -= possible
        done_at = begin + possible * needed
        if not left:
            break
    assert first is not None, "every window is longer than what a device needs"
    return SitePlan(site_id, name, zone, devices, window, first, done_at)
