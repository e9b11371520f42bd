"""Which of the devices in flight have succeeded, and which have failed."""

import uuid
from collections import Counter
from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import Case, F, Value, When

from audit.actors import SYSTEM
from fleet.devices.models import Device
from fleet.devices.status import DeviceStatus
from fleet.firmware.models import FirmwareTarget
from fleet.firmware.services import end_offers, set_targets
from fleet.rollouts.engine.reasons import MOVED, RETIRED, SET_BY_HAND
from fleet.rollouts.health import why_health_is_worse
from fleet.rollouts.limits import MAX_REASON_LENGTH
from fleet.rollouts.models import Rollout, RolloutDevice, RolloutWave

State = RolloutDevice.State
CONNECTED = (DeviceStatus.ONLINE, DeviceStatus.LATE)


class Verdict(NamedTuple):
    state: RolloutDevice.State
    reason: str = ""
    # Whether the device loses the target that this roll-out gave it, so that it does not install it at another time of day.
    loses_target: bool = False


def judge_devices(rollout: Rollout, *, at: datetime) -> Counter[str]:
    rows = list(rows_in_flight(rollout, at=at))
    if not rows:
        return Counter()
    gates = {wave.number: wave for wave in rollout.waves.all()}
    gate = gates[rollout.wave]
    note_reports(rows, at=at)
    verdicts = {row.pk: verdict for row in rows if (verdict := verdict_on(row, gate, at=at))}
    healthy = [row for row in rows if row.pk in verdicts and verdicts[row.pk].state == State.SUCCEEDED]
    for pk, reason in why_health_is_worse(healthy, gate, at=at).items():
        verdicts[pk] = Verdict(State.FAILED, reason, loses_target=True)
    finish([row for row in rows if row.pk in verdicts], verdicts, at=at)
    return Counter(str(verdict.state) for verdict in verdicts.values())


def rows_in_flight(rollout: Rollout, *, at: datetime) -> Any:
    """With what is known of their devices now. Another worker's clock may be ahead, so not those of the future."""
    rows = RolloutDevice.objects.in_flight().filter(rollout=rollout, offered_at__lte=at).with_reports(at=at)
    return (
        rows.annotate(
            present_site=F("device__site"),
            retired_at=F("device__retired_at"),
            target=F("device__firmware_target__firmware"),
        )
        .select_related("firmware")
        .order_by("pk")
    )


def note_reports(rows: Iterable[Any], *, at: datetime) -> None:
    """Since when devices have reported the version without having been offline."""
    new, gone = [], []
    for row in rows:
        row.had_reported = row.reported_at is not None
        is_there = row.reports == row.firmware.version and row.status in CONNECTED
        if is_there and row.reported_at is None:
            row.reported_at = at
            new.append(row.pk)
        elif not is_there and row.reported_at is not None:
            row.reported_at = None
            gone.append(row.pk)
    if new:
        RolloutDevice.objects.filter(pk__in=new).update(reported_at=at)
    if gone:
        RolloutDevice.objects.filter(pk__in=gone).update(reported_at=None)


def verdict_on(row: Any, gate: RolloutWave, *, at: datetime) -> Verdict | None:
    """None while it is open. The health of those that succeed is still to be compared."""
    version = row.firmware.version
    if row.retired_at is not None:
        return Verdict(State.SKIPPED, RETIRED)
    if row.present_site != row.site_id:
        return Verdict(State.SKIPPED, MOVED, loses_target=True)
    if row.target != row.firmware_id:
        return Verdict(State.SKIPPED, SET_BY_HAND)
    if row.reports != version and row.reports != row.previous_version and row.previous_version:
        return Verdict(State.FAILED, f"It reports {row.reports} in place of {version}.", loses_target=True)
    if row.reports == row.previous_version and row.had_reported:
        return Verdict(State.FAILED, f"It reports {row.reports} again.", loses_target=True)
    if row.reported_at is not None:
        # At the end, the job has not run since the deadline if it has seen the version only now.
        is_proven = at >= row.reported_at + timedelta(minutes=gate.online_minutes) or at >= row.ends_at
        return Verdict(State.SUCCEEDED) if is_proven else None
    if at < row.deadline_at:
        return None
    if row.status not in CONNECTED:
        words = f"It is {DeviceStatus(row.status).label} after it was offered {version}."
    else:
        words = f"It has not reported {version} by {row.deadline_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC."
    return Verdict(State.FAILED, words, loses_target=True)


def finish(rows: Collection[Any], verdicts: dict[int, Verdict], *, at: datetime) -> None:
    if not rows:
        return
    whens = [
        When(pk=row.pk, then=Value(verdicts[row.pk].reason[:MAX_REASON_LENGTH]))
        for row in rows
        if verdicts[row.pk].reason
    ]
    by_state: dict[str, list[int]] = {}
    for row in rows:
        by_state.setdefault(verdicts[row.pk].state, []).append(row.pk)
    for state, pks in by_state.items():
        reason = Case(*whens, default=Value("")) if state != State.SUCCEEDED else Value("")
        RolloutDevice.objects.filter(pk__in=pks).update(state=state, finished_at=at, reason=reason)
    withdraw_targets([row for row in rows if verdicts[row.pk].loses_target], at=at)
    end_offers_to([row for row in rows if verdicts[row.pk].state == State.SUCCEEDED], at=at)


def end_offers_to(rows: Iterable[Any], *, at: datetime) -> None:
    """A device that has succeeded and runs another version later is not offered this one at another time of day."""
    by_firmware: dict[uuid.UUID, list[uuid.UUID]] = {}
    for row in rows:
        by_firmware.setdefault(row.firmware_id, []).append(row.device_id)
    lock_devices([device_id for device_ids in by_firmware.values() for device_id in device_ids])
    for firmware_id, device_ids in by_firmware.items():
        end_offers(device_ids, firmware_id, at=at)


def withdraw_targets(rows: Iterable[Any], *, at: datetime) -> None:
    """Let devices keep what they have, but for those whose target somebody has set in the meantime."""
    offered: dict[uuid.UUID, uuid.UUID] = {row.device_id: row.firmware_id for row in rows}
    if not offered:
        return
    lock_devices(offered)
    targets = FirmwareTarget.objects.filter(device__in=offered, source=FirmwareTarget.Source.ROLLOUT)
    ours = [target.device_id for target in targets if target.firmware_id == offered[target.device_id]]
    set_targets(ours, None, by=SYSTEM, at=at, source=FirmwareTarget.Source.ROLLOUT)


def lock_devices(device_ids: Collection[uuid.UUID]) -> None:
    """In the order of their ids, as everything that locks several."""
    list(Device.objects.select_for_update(no_key=True).filter(pk__in=device_ids).order_by("pk").values_list("pk"))
