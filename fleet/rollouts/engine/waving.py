"""Whether a roll-out pauses, goes on to its next wave, or is over."""

from collections import Counter
from datetime import datetime, timedelta

from django.db.models import Exists

from audit.actors import SYSTEM
from audit.services import Changes, record_event
from fleet.devices.status import DeviceStatus
from fleet.rollouts.engine.joining import ACTIVE_ROWS, WaveNumbers, devices_to_join, rows_of_way_back
from fleet.rollouts.engine.observing import fail_lapsed_devices
from fleet.rollouts.engine.reasons import NOT_ONLINE
from fleet.rollouts.events import RolloutAction, rollout_subject
from fleet.rollouts.gates import counts_of_wave, has_passed, why_pilot_proves_nothing, why_to_pause
from fleet.rollouts.models import Rollout, RolloutDevice, RolloutWave
from fleet.rollouts.services import pause_rollout
from fleet.rollouts.services.rows import save_fields, skip_waiting

WITHDRAWN = "The firmware was withdrawn."


def judge_wave(rollout: Rollout, *, at: datetime) -> Counter[str]:
    if rollout.state == Rollout.State.ROLLING_BACK:
        return finish_way_back(rollout, at=at)
    if rollout.state != Rollout.State.RUNNING:
        return Counter()
    waves = list(rollout.waves.order_by("number"))
    wave = waves[rollout.wave]
    if wave.started_at is None or wave.started_at > at:
        return Counter()  # by the clock of a worker that is behind
    counts = counts_of_wave(rollout, wave, at=at)
    reason = WITHDRAWN if rollout.firmware.withdrawn_at is not None else why_to_pause(wave, counts)
    if reason:
        return pause(rollout, reason, at=at)
    if not has_passed(wave, counts, at=at) or waits_for_devices(rollout, wave, at=at):
        return Counter()
    if lapsed := fail_lapsed_devices(rollout, wave, at=at):
        # By the rules for failures, of which the wave has more now.
        return Counter(failed=lapsed) + judge_wave(rollout, at=at)
    if reason := why_pilot_proves_nothing(wave, counts):
        return pause(rollout, reason, at=at)
    wave.finished_at = at
    wave.save(update_fields=["finished_at"])
    if wave.number + 1 < len(waves):
        start_wave(rollout, waves[wave.number + 1], at=at)
        return Counter(waves_started=1)
    return finish_rollout(rollout, Rollout.State.FINISHED, at=at)


def pause(rollout: Rollout, reason: str, *, at: datetime) -> Counter[str]:
    pause_rollout(rollout.pk, reason=reason, by=SYSTEM, at=at)
    return Counter(paused=1)


def waits_for_devices(rollout: Rollout, wave: RolloutWave, *, at: datetime) -> bool:
    """Whether a device of the wave, or of one before, has still to join.

    One that is in another roll-out holds the wave up for as long as one that is offline.
    """
    assert wave.started_at is not None
    numbers = WaveNumbers(rollout)
    missing = devices_to_join(rollout)
    if at >= wave.started_at + timedelta(hours=wave.patience_hours):
        missing = missing.exclude(Exists(ACTIVE_ROWS))
    found = missing.values_list("pk", "site")
    return any(numbers.of(device_id, site_id) <= wave.number for device_id, site_id in found.iterator())


def start_wave(rollout: Rollout, wave: RolloutWave, *, at: datetime) -> None:
    wave.started_at = at
    wave.save(update_fields=["started_at"])
    before, rollout.wave = rollout.wave, wave.number
    save_fields(rollout, ["wave"])
    changes = {"wave": (before + 1, wave.number + 1)}
    record_event(RolloutAction.WAVE_STARTED, subject=rollout_subject(rollout), by=SYSTEM, at=at, changes=changes)


def finish_way_back(rollout: Rollout, *, at: datetime) -> Counter[str]:
    """It is over when no device is in flight in either direction, and none waits but those that were offline for too long."""
    rows = RolloutDevice.objects.filter(rollout=rollout)
    if rows.in_flight().exists() or rows_of_way_back(rollout, at=at):
        return Counter()
    waiting = rows.waiting()
    patience = timedelta(hours=rollout.waves.latest("number").patience_hours)
    assert rollout.rollback_at is not None
    if at < rollout.rollback_at + patience:
        is_over = not waiting.exists()
    else:
        reachable = [DeviceStatus.ONLINE, DeviceStatus.LATE]
        is_over = not waiting.with_reports(at=at).filter(status__in=reachable).exists()
    return finish_rollout(rollout, Rollout.State.ROLLED_BACK, at=at) if is_over else Counter()


def finish_rollout(rollout: Rollout, state: Rollout.State, *, at: datetime) -> Counter[str]:
    skipped = skip_waiting(rollout, NOT_ONLINE, at=at)
    rollout.state, rollout.finished_at = state, at
    save_fields(rollout, ["state", "finished_at"])
    is_back = state == Rollout.State.ROLLED_BACK
    action = RolloutAction.ROLLED_BACK if is_back else RolloutAction.FINISHED
    rows = RolloutDevice.objects.filter(rollout=rollout)
    succeeded = (rows.back() if is_back else rows.forward()).filter(state="succeeded").count()
    changes: Changes = {"devices": (None, succeeded)}
    record_event(action, subject=rollout_subject(rollout), by=SYSTEM, at=at, changes=changes)
    return Counter(finished=1, skipped=skipped)
