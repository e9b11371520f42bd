"""What admins, and the engine itself, do with a roll-out: start, pause, resume, abort and roll back."""

import uuid
from collections.abc import Collection
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction

from audit.actors import Actor
from audit.services import record_event
from common.values import clean_text
from fleet.devices.querysets import DeviceQuerySet
from fleet.devices.status import DeviceStatus
from fleet.firmware.errors import FirmwareWithdrawn
from fleet.rollouts.errors import RolloutInOtherState, RolloutInvalid, RolloutSelectsNothing
from fleet.rollouts.events import RolloutAction, rollout_subject
from fleet.rollouts.gates import failures_of_wave
from fleet.rollouts.limits import MAX_REASON_LENGTH
from fleet.rollouts.models import Rollout, RolloutWave
from fleet.rollouts.selection import Selection, selected_devices
from fleet.rollouts.services.rows import State, require_state, rollout_for_update, save_fields, skip_waiting
from fleet.rollouts.waves import chosen_pilot

ABORTED = "The roll-out was aborted."
ROLLED_BACK = "The roll-out was rolled back."
NO_PILOT = "There is no device to update at a pilot location."


@transaction.atomic
def start_rollout(
    rollout_id: uuid.UUID, *, by: Actor, at: datetime, expected_revisions: Collection[int] | None = None
) -> Rollout:
    """Let the first wave begin; its devices are updated when their locations' windows are open.

    Raises RolloutNotFound, RolloutChanged, RolloutInOtherState, FirmwareWithdrawn, RolloutSelectsNothing.
    """
    rollout = rollout_for_update(rollout_id, expected_revisions=expected_revisions)
    require_state(rollout, State.DRAFT)
    if rollout.firmware.withdrawn_at is not None:
        raise FirmwareWithdrawn
    devices = selected_devices(Selection.from_json(rollout.selection), rollout.firmware)
    if not devices.exists():
        raise RolloutSelectsNothing
    if rollout.waves.filter(percent=None).exists():
        to_update = devices.exclude(pulse__firmware_version=rollout.firmware.version)
        if rollout.pilot_site_id is None:
            rollout.pilot_site_id = pilot_of(rollout, to_update, at=at)
        elif not to_update.filter(site=rollout.pilot_site_id).exists():
            raise RolloutSelectsNothing(NO_PILOT)
    rollout.state, rollout.started_at = State.RUNNING, at
    save_fields(rollout, ["state", "started_at", "pilot_site"])
    RolloutWave.objects.filter(rollout=rollout, number=0).update(started_at=at)
    pilot = rollout.pilot_site
    changes = {"pilot_site": (None, pilot.name)} if pilot else None
    record_event(RolloutAction.STARTED, subject=rollout_subject(rollout), by=by, at=at, changes=changes)
    return rollout


@transaction.atomic
def pause_rollout(
    rollout_id: uuid.UUID,
    *,
    reason: str,
    by: Actor,
    at: datetime,
    expected_revisions: Collection[int] | None = None,
) -> Rollout:
    """No further device is offered the firmware; those in flight are judged as usual. A paused one stays as it is.

    Raises RolloutInvalid, RolloutNotFound, RolloutChanged, RolloutInOtherState.
    """
    try:
        reason = clean_text(reason, max_length=MAX_REASON_LENGTH)
    except ValidationError as error:
        raise RolloutInvalid(error.messages[0], field="reason") from error
    rollout = rollout_for_update(rollout_id, expected_revisions=expected_revisions)
    if rollout.state == State.PAUSED:
        return rollout
    require_state(rollout, State.RUNNING)
    rollout.state, rollout.pause_reason = State.PAUSED, reason
    save_fields(rollout, ["state", "pause_reason"])
    record_event(RolloutAction.PAUSED, subject=rollout_subject(rollout), by=by, at=at, reason=reason)
    return rollout


@transaction.atomic
def resume_rollout(
    rollout_id: uuid.UUID, *, by: Actor, at: datetime, expected_revisions: Collection[int] | None = None
) -> Rollout:
    """Go on. The failures of the present wave are accepted: its gate counts only those that follow.

    Raises RolloutNotFound, RolloutChanged, RolloutInOtherState, FirmwareWithdrawn.
    """
    rollout = rollout_for_update(rollout_id, expected_revisions=expected_revisions)
    require_state(rollout, State.PAUSED)
    if rollout.firmware.withdrawn_at is not None:
        raise FirmwareWithdrawn
    wave = rollout.waves.get(number=rollout.wave)
    before, wave.accepted_failures = wave.accepted_failures, failures_of_wave(rollout, wave)
    wave.save(update_fields=["accepted_failures"])
    rollout.state, rollout.pause_reason = State.RUNNING, ""
    save_fields(rollout, ["state", "pause_reason"])
    changes = {}
    if wave.accepted_failures != before:
        changes["accepted_failures"] = (before, wave.accepted_failures)
    record_event(RolloutAction.RESUMED, subject=rollout_subject(rollout), by=by, at=at, changes=changes)
    return rollout


@transaction.atomic
def abort_rollout(
    rollout_id: uuid.UUID, *, by: Actor, at: datetime, expected_revisions: Collection[int] | None = None
) -> Rollout:
    """End it, also on the way back. Devices in flight are still judged; those that wait are skipped.

    Raises RolloutNotFound, RolloutChanged, RolloutInOtherState.
    """
    rollout = rollout_for_update(rollout_id, expected_revisions=expected_revisions)
    require_state(rollout, State.DRAFT, State.RUNNING, State.PAUSED, State.ROLLING_BACK)
    before = rollout.state
    rollout.state, rollout.pause_reason = State.ABORTED, ""
    rollout.finished_at = max(at, rollout.started_at or at)  # by the clocks of two machines
    save_fields(rollout, ["state", "pause_reason", "finished_at"])
    skip_waiting(rollout, ABORTED, at=at)
    changes = {"state": (before, State.ABORTED.value)}
    record_event(RolloutAction.ABORTED, subject=rollout_subject(rollout), by=by, at=at, changes=changes)
    return rollout


@transaction.atomic
def roll_back_rollout(
    rollout_id: uuid.UUID, *, by: Actor, at: datetime, expected_revisions: Collection[int] | None = None
) -> Rollout:
    """Give each device that runs the firmware through this roll-out the version that it ran before, again in its window.

    Raises RolloutNotFound, RolloutChanged, RolloutInOtherState.
    """
    rollout = rollout_for_update(rollout_id, expected_revisions=expected_revisions)
    require_state(rollout, State.RUNNING, State.PAUSED, State.ABORTED, State.FINISHED)
    if rollout.started_at is None:
        raise RolloutInOtherState("The roll-out was never started.")
    before = rollout.state
    rollout.state, rollout.pause_reason = State.ROLLING_BACK, ""
    rollout.finished_at, rollout.rollback_at = None, at
    save_fields(rollout, ["state", "pause_reason", "finished_at", "rollback_at"])
    skip_waiting(rollout, ROLLED_BACK, at=at)
    changes = {"state": (before, State.ROLLING_BACK.value)}
    record_event(RolloutAction.ROLLBACK_STARTED, subject=rollout_subject(rollout), by=by, at=at, changes=changes)
    return rollout


def pilot_of(rollout: Rollout, to_update: DeviceQuerySet, *, at: datetime) -> uuid.UUID:
    """One of the locations with a device to update that is online, or of all with one. Raises RolloutSelectsNothing."""
    sites = set(to_update.in_status(DeviceStatus.ONLINE, at=at).values_list("site", flat=True))
    sites = sites or set(to_update.values_list("site", flat=True))
    if not sites:
        raise RolloutSelectsNothing(NO_PILOT)
    return chosen_pilot(sites, firmware_id=rollout.firmware_id, name=rollout.name)
