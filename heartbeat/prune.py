"""The part of `manage.py prune` for heartbeats."""

import time
from datetime import datetime, timedelta

from heartbeat.models import Heartbeat
from heartbeat.partitions import (
    add_months,
    can_be_partitioned,
    clean_up_interrupted_conversion,
    drop_old_partitions,
    end_of_unpartitioned_rows,
    is_partitioned,
)

BATCH_SIZE = 5000


def prune_heartbeats(*, at: datetime, keep: timedelta, batch_size: int = BATCH_SIZE) -> dict[str, int]:
    """Delete heartbeats that are older than `keep`, and return their number.

    Of a partitioned history, months are dropped that are older as a whole; only rows from before the conversion are
    deleted one by one.

    Each batch is a transaction of its own, so that no heartbeat waits for long. After each batch it sleeps for as long as
    the batch took, which leaves most of the machine to the heartbeats that come in.
    """
    received_before: datetime | None = at - keep
    dropped: dict[str, int] = {}
    if can_be_partitioned():
        dropped, received_before = prune_partitions(at=at, received_before=at - keep)
    total, first_id = 0, oldest_id()
    while received_before is not None:
        started = time.monotonic()
        deleted = delete_batch(first_id=first_id, received_before=received_before, batch_size=batch_size)
        total += deleted
        if not deleted:
            if not older_rows_follow(first_id + batch_size, received_before=received_before, step=batch_size):
                break
            first_id += batch_size
        time.sleep(time.monotonic() - started)
    return {"heartbeats": total} | dropped


def prune_partitions(*, at: datetime, received_before: datetime) -> tuple[dict[str, int], datetime | None]:
    """What was dropped, and before which time rows must still be deleted one by one, if at all."""
    if not is_partitioned():
        clean_up_interrupted_conversion()
        return {}, received_before
    add_months(at=at)
    dropped = {"heartbeat_partitions": drop_old_partitions(before=received_before)}
    end = end_of_unpartitioned_rows()
    return dropped, min(received_before, end) if end else None


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
