"""Offer the firmware to the next device of each location whose window is open."""

import uuid
from collections import Counter, defaultdict
from datetime import datetime, time, timedelta
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, Window
from django.db.models.functions import RowNumber

from audit.actors import SYSTEM
from common.errors import DomainError
from fleet.devices.status import DeviceStatus
from fleet.firmware.models import Firmware, FirmwareTarget
from fleet.firmware.services import set_targets
from fleet.rollouts.engine.joining import reasons_to_skip
from fleet.rollouts.engine.judging import lock_devices
from fleet.rollouts.limits import MAX_REASON_LENGTH
from fleet.rollouts.models import Rollout, RolloutDevice, RolloutWave
from fleet.rollouts.querysets import RolloutDeviceQuerySet
from fleet.rollouts.services import USUAL_WINDOW
from fleet.rollouts.windows import Window as MaintenanceHours
from fleet.rollouts.windows import current_opening
from sites.models import Site

State, Direction = RolloutDevice.State, RolloutDevice.Direction
# In one transaction; the next run of the job follows soon.
MAX_AT_ONCE = 500
# A zone, and the start and end of the sites' own windows in it, None if they have the usual one.
Hours = tuple[str, time | None, time | None]


def offer_firmware(rollout: Rollout, *, at: datetime) -> Counter[str]:
    if rollout.state not in (Rollout.State.RUNNING, Rollout.State.ROLLING_BACK):
        return Counter()
    gate = rollout.waves.get(number=rollout.wave)
    chosen = chosen_devices(rollout, gate, at=at)
    if not chosen:
        return Counter()
    lock_sites({row.site_id for row in chosen})
    lock_devices({row.device_id for row in chosen})
    # Once more, now that no other roll-out can take the site and no admin can change the device.
    pks = [row.pk for row in chosen]
    rows = list(ready_devices(rollout, at=at).filter(pk__in=pks).select_related("firmware").order_by("device"))
    return offer_to(rows, rollout, gate, at=at)


def ready_devices(rollout: Rollout, *, at: datetime) -> RolloutDeviceQuerySet:
    """Those whose turn may come: they wait in a wave that has begun, are online, and no device of their site is in flight."""
    in_flight = RolloutDevice.objects.in_flight().filter(site=OuterRef("site"))
    rows = RolloutDevice.objects.waiting().filter(rollout=rollout, joined_at__lte=at).exclude(Exists(in_flight))
    is_back = rollout.state == Rollout.State.ROLLING_BACK
    rows = rows.back() if is_back else rows.forward().filter(wave__lte=rollout.wave)
    for _, condition in reasons_to_skip(rollout):
        rows = rows.exclude(condition)
    rows = rows.filter(firmware__withdrawn_at=None)
    ready: RolloutDeviceQuerySet = rows.with_reports(at=at).filter(status=DeviceStatus.ONLINE)
    return ready


def chosen_devices(rollout: Rollout, gate: RolloutWave, *, at: datetime) -> list[RolloutDevice]:
    """One device of each site whose window is open long enough for all that it may need."""
    ready = ready_devices(rollout, at=at)
    columns = ("site__timezone", "site__maintenance_window__start", "site__maintenance_window__end")
    open_now = Q()
    for hours in set(ready.values_list(*columns).order_by().distinct()):
        if is_open(hours, needed=needed_time(gate), at=at):
            zone, start, end = hours
            own = Q(**{columns[1]: start, columns[2]: end}) if start else Q(site__maintenance_window=None)
            open_now |= Q(site__timezone=zone) & own
    if not open_now:
        return []
    place = Window(RowNumber(), partition_by=F("site"), order_by=[F("wave").asc(), F("pk").asc()])
    one_each = ready.filter(open_now).annotate(place_at_site=place).filter(place_at_site=1)
    return list(one_each.order_by("site")[:MAX_AT_ONCE])


def needed_time(gate: RolloutWave) -> timedelta:
    return timedelta(minutes=gate.deadline_minutes + gate.online_minutes)


def is_open(hours: Hours, *, needed: timedelta, at: datetime) -> bool:
    zone, start, end = hours
    window = MaintenanceHours(start, end) if start and end else USUAL_WINDOW
    opening = current_opening(window, zone, at=at)
    return opening is not None and at + needed <= opening.closes_at


def lock_sites(site_ids: set[uuid.UUID]) -> None:
    list(Site.objects.select_for_update(no_key=True).filter(pk__in=site_ids).order_by("pk").values_list("pk"))


def offer_to(rows: list[Any], rollout: Rollout, gate: RolloutWave, *, at: datetime) -> Counter[str]:
    refused: dict[uuid.UUID, DomainError] = {}
    ends_at = at + needed_time(gate)
    by_firmware: dict[uuid.UUID, list[uuid.UUID]] = defaultdict(list)
    for row in rows:
        by_firmware[row.firmware_id].append(row.device_id)
    for firmware_id, device_ids in by_firmware.items():
        refused |= set_targets(
            device_ids, firmware_id, by=SYSTEM, at=at, source=FirmwareTarget.Source.ROLLOUT, offered_until=ends_at
        )
    previous = firmware_of_versions(rollout.firmware.product, {row.reports for row in rows})
    for row in rows:
        if row.device_id in refused:
            row.state, row.finished_at = State.SKIPPED, at
            row.reason = refused[row.device_id].detail[:MAX_REASON_LENGTH]
            continue
        row.state, row.offered_at = State.IN_FLIGHT, at
        row.deadline_at = at + timedelta(minutes=gate.deadline_minutes)
        row.ends_at = ends_at
        row.previous_version, row.previous_firmware_id = row.reports, previous.get(row.reports)
    columns = ("state", "offered_at", "deadline_at", "ends_at", "finished_at", "reason")
    RolloutDevice.objects.bulk_update(rows, [*columns, "previous_version", "previous_firmware"])
    return Counter("offered" if row.state == State.IN_FLIGHT else str(row.state) for row in rows)


def firmware_of_versions(product: str, versions: set[str]) -> dict[str, uuid.UUID]:
    rows = Firmware.objects.filter(product=product, version__in=versions)
    return dict(rows.values_list("version", "pk"))
