"""Which devices are part of a roll-out: those that join, and those that are skipped before their turn."""

import uuid
from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from django.db.models import Exists, F, OuterRef, Q

from fleet.devices.querysets import DeviceQuerySet
from fleet.firmware.models import FirmwareTarget
from fleet.rollouts.engine.reasons import (
    DEREGISTERED,
    IN_ANOTHER_ROLLOUT,
    MOVED,
    NO_PREVIOUS,
    RETIRED,
    RUNS_ANOTHER,
    RUNS_IT,
    SET_BY_HAND,
    WITHDRAWN,
)
from fleet.rollouts.models import Rollout, RolloutDevice
from fleet.rollouts.selection import Selection, selected_devices
from fleet.rollouts.waves import wave_of

State, Direction = RolloutDevice.State, RolloutDevice.Direction
# In one transaction; the rest follows with the next run of the job.
MAX_AT_ONCE = 5_000
ACTIVE = (State.WAITING, State.IN_FLIGHT)
ROWS_OF_DEVICE = RolloutDevice.objects.filter(device=OuterRef("pk"))
ACTIVE_ROWS = ROWS_OF_DEVICE.filter(state__in=ACTIVE)  # of any roll-out


def join_devices(rollout: Rollout, *, at: datetime) -> Counter[str]:
    if rollout.state == Rollout.State.RUNNING:
        rows = rows_of_new_devices(rollout, at=at)
    elif rollout.state == Rollout.State.ROLLING_BACK:
        rows = rows_of_way_back(rollout, at=at)
    else:
        return Counter()
    # A device that joins another roll-out at this moment is left to that one.
    RolloutDevice.objects.bulk_create(rows, ignore_conflicts=True)
    return Counter("joined" if row.state == State.WAITING else str(row.state) for row in rows)


class WaveNumbers:
    """Which waves of a roll-out devices are in."""

    def __init__(self, rollout: Rollout) -> None:
        self.rollout = rollout
        self.percents = list(rollout.waves.order_by("number").values_list("percent", flat=True))

    def of(self, device_id: uuid.UUID, site_id: uuid.UUID) -> int:
        return wave_of(
            device_id,
            site_id,
            percents=self.percents,
            pilot_site_id=self.rollout.pilot_site_id,
            firmware_id=self.rollout.firmware_id,
            name=self.rollout.name,
        )


def devices_to_join(rollout: Rollout) -> DeviceQuerySet:
    """Devices that match the selection and are not part of the roll-out yet."""
    own = ROWS_OF_DEVICE.filter(rollout=rollout, direction=Direction.FORWARD)
    devices: DeviceQuerySet = selected_devices(Selection.from_json(rollout.selection), rollout.firmware).exclude(
        Exists(own)
    )
    return devices


def rows_of_new_devices(rollout: Rollout, *, at: datetime) -> list[RolloutDevice]:
    """Devices in another roll-out join when that is over."""
    numbers = WaveNumbers(rollout)
    free = devices_to_join(rollout).exclude(Exists(ACTIVE_ROWS))
    joining = []
    for device_id, site_id, version in free.values_list("pk", "site", "pulse__firmware_version")[:MAX_AT_ONCE]:
        row = RolloutDevice(
            rollout=rollout,
            device_id=device_id,
            site_id=site_id,
            wave=numbers.of(device_id, site_id),
            firmware=rollout.firmware,
            joined_at=at,
        )
        if version == rollout.firmware.version:
            row.state, row.reason, row.finished_at = State.SKIPPED, RUNS_IT, at
        joining.append(row)
    return joining


def rows_of_way_back(rollout: Rollout, *, at: datetime) -> list[RolloutDevice]:
    """Devices that were updated, also those that failed but run the firmware, and have not been sent back yet."""
    rows = RolloutDevice.objects.filter(device=OuterRef("device"))
    updated = RolloutDevice.objects.forward().filter(
        Q(state=State.SUCCEEDED) | Q(state=State.FAILED, device__pulse__firmware_version=rollout.firmware.version),
        rollout=rollout,
    )
    updated = updated.exclude(Exists(rows.filter(rollout=rollout, direction=Direction.BACK)))
    updated = updated.annotate(is_elsewhere=Exists(rows.filter(state__in=ACTIVE)))
    return [
        going_back(row, rollout, at=at)
        for row in updated.select_related("previous_firmware").order_by("pk")[:MAX_AT_ONCE]
    ]


def going_back(forward: RolloutDevice, rollout: Rollout, *, at: datetime) -> RolloutDevice:
    previous = forward.previous_firmware
    row = RolloutDevice(
        rollout=rollout,
        device_id=forward.device_id,
        site_id=forward.site_id,
        wave=forward.wave,
        direction=Direction.BACK,
        # A device that is skipped is offered nothing.
        firmware=previous or rollout.firmware,
        joined_at=at,
    )
    if previous is None or previous.withdrawn_at is not None:
        row.state, row.reason, row.finished_at = State.SKIPPED, NO_PREVIOUS, at
    elif forward.is_elsewhere:  # type: ignore[attr-defined]
        row.state, row.reason, row.finished_at = State.SKIPPED, IN_ANOTHER_ROLLOUT, at
    return row


def skip_devices(rollout: Rollout, *, at: datetime) -> Counter[str]:
    """Of those that wait, the ones whose turn must not come any more."""
    if rollout.state not in (Rollout.State.RUNNING, Rollout.State.PAUSED, Rollout.State.ROLLING_BACK):
        return Counter()
    skipped = sum(
        RolloutDevice.objects.waiting()
        .filter(condition, rollout=rollout, joined_at__lte=at)
        .update(state=State.SKIPPED, reason=reason, finished_at=at)
        for reason, condition in reasons_to_skip(rollout)
    )
    return Counter(skipped=skipped) if skipped else Counter()


def reasons_to_skip(rollout: Rollout) -> Iterable[tuple[str, Q]]:
    by_hand = FirmwareTarget.objects.filter(
        device=OuterRef("device"), source=FirmwareTarget.Source.ADMIN, set_at__gte=rollout.started_at
    )
    reports = "device__pulse__firmware_version"
    yield RETIRED, Q(device__retired_at__isnull=False)
    yield DEREGISTERED, Q(site__deregistered_at__isnull=False)
    yield MOVED, ~Q(device__site=F("site"))
    yield SET_BY_HAND, Q(Exists(by_hand))
    yield RUNS_IT, Q(**{reports: F("firmware__version")})
    if rollout.state == Rollout.State.ROLLING_BACK:
        # On the way there the roll-out pauses instead.
        yield WITHDRAWN, Q(firmware__withdrawn_at__isnull=False)
        yield RUNS_ANOTHER, ~Q(**{reports: rollout.firmware.version})
