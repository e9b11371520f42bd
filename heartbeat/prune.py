"""The part of `manage.py prune` for heartbeats."""

import time
from datetime import datetime, timedelta

from heartbeat.models import Heartbeat
from heartbeat.partitions import (
    add_months,
    can_be_partitioned,
    clean_up_interrupted_conversion,
    delete_other_rows,
    drop_old_partitions,
    end_of_unpartitioned_rows,
    is_partitioned,
    missing_months,
    old_partitions,
)

BATCH_SIZE = 5000


def prune_heartbeats(*, at: datetime, keep: timedelta, batch_size: int = BATCH_SIZE) -> dict[str, int]:
    """Delete heartbeats that are older than `keep`, and return their number.

    Of a partitioned history, months are dropped that are older as a whole; only rows from before the conversion, and those
    of months without a partition, are deleted one by one. A role that does not own the table deletes all of them so, and
    the answer has the numbers of the partitions that it could not drop and could not make.
    """
    received_before = at - keep
    if not is_partitioned():
        if can_be_partitioned():
            clean_up_interrupted_conversion()
        return {"heartbeats": delete_rows(received_before=received_before, batch_size=batch_size)}
    if not can_be_partitioned():
        total = delete_rows(received_before=received_before, batch_size=batch_size)
        return {"heartbeats": total} | left_to_the_owner(at=at, received_before=received_before)
    dropped, total = drop_old_partitions(before=received_before), 0
    if end := end_of_unpartitioned_rows():
        total += delete_rows(received_before=min(received_before, end), batch_size=batch_size)
    total += delete_rows_of_other_months(received_before=received_before, batch_size=batch_size)
    add_months(at=at)  # the last step, so that nothing is kept if it fails
    return {"heartbeats": total, "heartbeat_partitions": dropped}


def left_to_the_owner(*, at: datetime, received_before: datetime) -> dict[str, int]:
    """What `partition_history` does if the owner of the table runs it."""
    left = {
        "heartbeat_partitions_not_dropped": len(old_partitions(before=received_before)),
        "heartbeat_partitions_not_made": len(missing_months(at=at)),
    }
    return {name: number for name, number in left.items() if number}


def delete_rows(*, received_before: datetime, batch_size: int) -> int:
    """Each batch is a transaction of its own, so that no heartbeat waits for long.

    After each batch it sleeps for as long as the batch took, which leaves most of the machine to the heartbeats that come in.
    """
    total, first_id = 0, oldest_id()
    while True:
        started = time.monotonic()
        deleted = delete_batch(first_id=first_id, received_before=received_before, batch_size=batch_size)
        total += deleted
        if not deleted:
            if not older_rows_follow(first_id + batch_size, received_before=received_before, step=batch_size):
                return total
            first_id += batch_size
        time.sleep(time.monotonic() - started)


def delete_rows_of_other_months(*, received_before: datetime, batch_size: int) -> int:
    """In the same way, but all of them: the default partition has few rows and an index on the time."""
    total = 0
    while True:
        started = time.monotonic()
        deleted = delete_other_rows(before=received_before, limit=batch_size)
        total += deleted
        if not deleted:
            return total
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
