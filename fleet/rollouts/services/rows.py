"""What all changes of a roll-out share: lock its row, check its state, write the changed columns."""

import uuid
from collections.abc import Collection, Iterable
from datetime import datetime

from django.db.models import DateTimeField, F, Value
from django.db.models.functions import Greatest

from fleet.rollouts.errors import RolloutChanged, RolloutInOtherState, RolloutNotFound
from fleet.rollouts.models import Rollout, RolloutDevice

State, DeviceState = Rollout.State, RolloutDevice.State


def rollout_for_update(rollout_id: uuid.UUID, *, expected_revisions: Collection[int] | None = None) -> Rollout:
    """Its lock comes before those of sites and devices. All that writes its waves or devices holds it."""
    locked = Rollout.objects.select_for_update(no_key=True, of=("self",)).select_related("firmware")
    rollout: Rollout | None = locked.filter(pk=rollout_id).first()
    if rollout is None:
        raise RolloutNotFound
    if expected_revisions is not None and rollout.revision not in expected_revisions:
        raise RolloutChanged
    return rollout


def require_state(rollout: Rollout, *allowed: Rollout.State) -> None:
    if rollout.state not in allowed:
        raise RolloutInOtherState(f"The roll-out is {State(rollout.state).label}.")


def save_fields(rollout: Rollout, fields: Iterable[str]) -> None:
    """Write the named columns and raise the revision. No other column is written."""
    rollout.revision += 1
    rollout.save(update_fields=[*fields, "revision"])


def skip_waiting(rollout: Rollout, reason: str, *, at: datetime) -> int:
    """No device that waits is updated any more. Returns how many there were."""
    waiting = RolloutDevice.objects.waiting().filter(rollout=rollout)
    # The clock of the machine that let a device join may be ahead.
    finished_at = Greatest(F("joined_at"), Value(at, output_field=DateTimeField()))
    skipped: int = waiting.update(state=DeviceState.SKIPPED, reason=reason, finished_at=finished_at)
    return skipped
