"""The part of `manage.py prune` for heartbeats."""

import time
from datetime import datetime, timedelta

from heartbeat.models import Heartbeat

BATCH_SIZE = 5000


def prune_heartbeats(*, at: datetime, keep: timedelta, batch_size: int = BATCH_SIZE) -> dict[str, int]:
    """Delete heartbeats that are older than `keep`, and return their number.

    Each batch is a transaction of its own, so that no heartbeat waits for long. After each batch it sleeps for as long as
    the batch took, which leaves most of the machine to the heartbeats that come in.
    """
    total, first_id = 0, oldest_id()
    while True:
        started = time.monotonic()
        deleted = delete_batch(first_id=first_id, received_before=at - keep, batch_size=batch_size)
        total += deleted
        if not deleted:
            if not older_rows_follow(first_id + batch_size, received_before=at - keep, step=batch_size):
                return {"heartbeats": total}
            first_id += batch_size
        time.sleep(time.monotonic() - started)


def oldest_id() -> int:
    return Heartbeat.objects.order_by("id").values_list("id", flat=True).first() or 0


def delete_batch(*, first_id: int, received_before: datetime, batch_size: int) -> int:
    # Ids grow in the order of writing, so the oldest rows are found without an index on the time.
    oldest = Heartbeat.objects.filter(id__gte=first_id).order_by("id").values("id")[:batch_size]
    deleted, _ = Heartbeat.objects.filter(id__in=oldest, received_at__lt=received_before).delete()
    return deleted


def older_rows_follow(first_id: int, *, received_before: datetime, step: int) -> bool:
    """Whether old rows come after rows that are not old: a clock that was ahead wrote those.

    Looks at single rows in distances that double, which finds what was written in the time after the clock was set right.
    """
    next_rows = Heartbeat.objects.order_by("id").values_list("received_at", flat=True)
    looked_at = first_id
    while received_at := next_rows.filter(id__gte=looked_at).first():
        if received_at < received_before:
            return True
        looked_at, step = looked_at + step, 2 * step
    return False
