"""Whether the present wave of a roll-out is good enough for the next one, or so bad that the roll-out pauses.

What counts is what has happened since the wave began, also to devices of the waves before that came online only then.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Max, Q

from fleet.devices.status import DeviceStatus
from fleet.rollouts.models import Rollout, RolloutDevice, RolloutWave


@dataclass(frozen=True)
class WaveCounts:
    """Devices of the present wave and the waves before; `succeeded` and `failed` since the wave began."""

    succeeded: int
    failed: int
    in_flight: int
    # Of those that wait: all, and those that are not offline at the moment.
    waiting: int
    reachable: int
    succeeded_ever: int
    last_success_at: datetime | None


def counts_of_wave(rollout: Rollout, wave: RolloutWave, *, at: datetime) -> WaveCounts:
    rows = RolloutDevice.objects.forward().filter(rollout=rollout, wave__lte=wave.number).with_reports(at=at)
    recent = Q(finished_at__gte=wave.started_at)
    found = rows.aggregate(
        succeeded=Count("pk", filter=recent & Q(state="succeeded")),
        failed=Count("pk", filter=recent & Q(state="failed")),
        in_flight=Count("pk", filter=Q(state="in_flight")),
        waiting=Count("pk", filter=Q(state="waiting")),
        reachable=Count("pk", filter=Q(state="waiting", status__in=[DeviceStatus.ONLINE, DeviceStatus.LATE])),
        succeeded_ever=Count("pk", filter=Q(state="succeeded")),
        last_success_at=Max("finished_at", filter=Q(state="succeeded")),
    )
    return WaveCounts(**found)


def failures_of_wave(rollout: Rollout, wave: RolloutWave) -> int:
    rows = RolloutDevice.objects.forward().filter(rollout=rollout, wave__lte=wave.number, state="failed")
    return int(rows.filter(finished_at__gte=wave.started_at).count())


def why_to_pause(wave: RolloutWave, counts: WaveCounts) -> str | None:
    """The reason, or None. It does not wait for the end of the wave if the wave cannot pass any more."""
    failed = counts.failed - wave.accepted_failures
    if failed > wave.max_failures:
        return f"{failed} failed in the wave “{wave}”; at most {wave.max_failures} may."
    may_succeed = counts.succeeded + counts.in_flight + counts.waiting
    if failed and may_succeed * 100 < wave.min_success_percent * (may_succeed + failed):
        return f"{failed} failed in the wave “{wave}”; at least {wave.min_success_percent} % must succeed."
    return None


def has_passed(wave: RolloutWave, counts: WaveCounts, *, at: datetime) -> bool:
    """Whether the wave is over: what can be updated is, something succeeded, and it was observed long enough."""
    assert wave.started_at is not None
    is_patient = at < wave.started_at + timedelta(hours=wave.patience_hours)
    if counts.in_flight or counts.reachable or (counts.waiting and is_patient):
        return False
    if counts.waiting and not counts.succeeded_ever:
        return False
    observed = timedelta(minutes=wave.observation_minutes)
    return counts.last_success_at is None or at >= counts.last_success_at + observed


def why_pilot_proves_nothing(wave: RolloutWave, counts: WaveCounts) -> str | None:
    """The reason to pause if a pilot is over without a single device that runs the firmware, or None."""
    if wave.percent is None and not counts.succeeded_ever:
        return "No device of the pilot has been updated, so that it proves nothing."
    return None
