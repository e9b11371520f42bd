"""The periodic job.

Each step of each roll-out is a transaction of its own that holds the lock of the roll-out's row. A job that is killed leaves
whole steps, and the next run goes on from what is in the database; a second worker leaves locked roll-outs alone.

Locks are taken in one order: the roll-out, sites by id, devices by id.
"""

import uuid
from collections import Counter
from collections.abc import Callable
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from fleet.rollouts.engine.joining import join_devices, skip_devices
from fleet.rollouts.engine.judging import judge_devices
from fleet.rollouts.engine.offering import offer_firmware
from fleet.rollouts.engine.waving import judge_wave
from fleet.rollouts.models import Rollout, RolloutDevice
from fleet.rollouts.querysets import UNDER_WAY

Step = Callable[..., Counter[str]]
STEPS: tuple[Step, ...] = (judge_devices, skip_devices, join_devices, judge_wave, offer_firmware)


def advance_rollouts(*, at: datetime) -> dict[str, int] | None:
    """How many devices joined, were offered the firmware, succeeded, failed and were skipped; None if nothing changed."""
    counted: Counter[str] = Counter()
    in_flight = RolloutDevice.objects.in_flight().filter(rollout=OuterRef("pk"))
    # Those that are over too, as long as they have devices in flight.
    with_work = Rollout.objects.filter(Q(state__in=UNDER_WAY) | Exists(in_flight)).order_by("pk")
    for rollout_id in list(with_work.values_list("pk", flat=True)):
        for step in STEPS:
            changes = run_step(step, rollout_id, at=at)
            if changes is None:
                break
            counted += changes
    return dict(counted) or None


@transaction.atomic
def run_step(step: Step, rollout_id: uuid.UUID, *, at: datetime) -> Counter[str] | None:
    """None if another worker, or an admin, has the roll-out at this moment: that worker, or the next run, does the rest."""
    locked = Rollout.objects.select_for_update(no_key=True, skip_locked=True, of=("self",)).select_related("firmware")
    rollout: Rollout | None = locked.filter(pk=rollout_id).first()
    if rollout is None:
        return None
    return step(rollout, at=at)
