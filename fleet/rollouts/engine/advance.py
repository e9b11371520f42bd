"""The periodic job.

Each step of each roll-out is a transaction of its own that holds the lock of the roll-out's row. A job that is killed leaves
whole steps, and the next run goes on from what is in the database; a second worker leaves locked roll-outs alone. A step that
fails ends the run of its roll-out only.

Locks are taken in one order: the roll-out, sites by id, devices by id.
"""

import logging
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

log = logging.getLogger("portcullis.rollouts")


def advance_rollouts(*, at: datetime) -> dict[str, int] | None:
    """How many devices joined, were offered the firmware, succeeded, failed and were skipped; None if nothing changed.

    `errors` are the roll-outs of which a step has failed; the next run tries again.
    """
    counted: Counter[str] = Counter()
    in_flight = RolloutDevice.objects.in_flight().filter(rollout=OuterRef("pk"))
    # Those that are over too, as long as they have devices in flight.
    with_work = Rollout.objects.filter(Q(state__in=UNDER_WAY) | Exists(in_flight)).order_by("pk")
    for rollout_id in list(with_work.values_list("pk", flat=True)):
        try:
            advance_rollout(rollout_id, counted, at=at)
        except Exception:
            # Whatever it is, the roll-outs behind it must not wait for it. The step's transaction was undone.
            log.exception("the roll-out %s could not be advanced", rollout_id)
            counted["errors"] += 1
    return dict(counted) or None


def advance_rollout(rollout_id: uuid.UUID, counted: Counter[str], *, at: datetime) -> None:
    """Adds what each of its steps has changed."""
    for step in STEPS:
        changes = run_step(step, rollout_id, at=at)
        if changes is None:
            return
        counted.update(+changes)  # without zeros


@transaction.atomic
def run_step(step: Step, rollout_id: uuid.UUID, *, at: datetime) -> Counter[str] | None:
    """None if another worker, or an admin, has the roll-out at this moment: that worker, or the next run, does the rest."""
    locked = Rollout.objects.select_for_update(no_key=True, skip_locked=True, of=("self",)).select_related("firmware")
    rollout: Rollout | None = locked.filter(pk=rollout_id).first()
    if rollout is None:
        return None
    return step(rollout, at=at)
