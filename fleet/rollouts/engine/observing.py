"""Which of the devices that have succeeded in a wave are not well any more when its observation ends."""

from datetime import datetime
from typing import Any

from django.db.models import Exists, F, OuterRef, Q

from fleet.devices.status import DeviceStatus
from fleet.firmware.models import FirmwareTarget
from fleet.rollouts.engine.judging import Verdict, finish
from fleet.rollouts.health import why_health_is_worse
from fleet.rollouts.models import Rollout, RolloutDevice, RolloutWave

State = RolloutDevice.State
# Whose samples are compared in one statement.
MAX_AT_ONCE = 1_000


def fail_lapsed_devices(rollout: Rollout, wave: RolloutWave, *, at: datetime) -> int:
    """Let those fail that are offline, report another version, or whose health has become worse. Returns how many.

    A wave without a time of observation is not observed.
    """
    if not wave.observation_minutes:
        return 0
    rows = list(observed_rows(rollout, wave, at=at))
    lapsed = {row.pk: reason for row in rows if (reason := why_lapsed(row))}
    well = [row for row in rows if row.pk not in lapsed]
    for start in range(0, len(well), MAX_AT_ONCE):
        lapsed |= why_health_is_worse(well[start : start + MAX_AT_ONCE], wave, at=at)
    verdicts = {pk: Verdict(State.FAILED, reason, loses_target=True) for pk, reason in lapsed.items()}
    finish([row for row in rows if row.pk in lapsed], verdicts, at=at)
    return len(lapsed)


def observed_rows(rollout: Rollout, wave: RolloutWave, *, at: datetime) -> Any:
    """Of the devices that have succeeded since the wave began, those that are what the roll-out has left them as.

    What an admin or another roll-out has done to a device afterwards does not speak against the firmware.
    """
    rows = RolloutDevice.objects.forward().filter(rollout=rollout, wave__lte=wave.number, state=State.SUCCEEDED)
    by_hand = FirmwareTarget.objects.filter(
        device=OuterRef("device"), source=FirmwareTarget.Source.ADMIN, set_at__gte=OuterRef("offered_at")
    )
    later = RolloutDevice.objects.filter(device=OuterRef("device"), offered_at__gt=OuterRef("offered_at"))
    present = Q(device__site=F("site"), device__retired_at=None, site__deregistered_at=None)
    return (
        rows.filter(present, ~Exists(by_hand), ~Exists(later), finished_at__gte=wave.started_at)
        .with_reports(at=at)
        .select_related("firmware")
        .order_by("pk")
    )


def why_lapsed(row: Any) -> str | None:
    if row.status == DeviceStatus.OFFLINE:
        return "It went offline after it was updated."
    if row.reports != row.firmware.version:
        return f"After it was updated it reports {row.reports}."
    return None
