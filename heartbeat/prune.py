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
    total, started = 0, time.monotonic()
    while deleted := delete_batch(received_before=at - keep, batch_size=batch_size):
        total += deleted
        time.sleep(time.monotonic() - started)
        started = time.monotonic()
    return {"heartbeats": total}


def delete_batch(*, received_before: datetime, batch_size: int) -> int:
    # Ids grow in the order of writing, so the oldest rows are found without an index on the time.
    oldest = Heartbeat.objects.order_by("id").values("id")[:batch_size]
    deleted, _ = Heartbeat.objects.filter(id__in=oldest, received_at__lt=received_before).delete()
    return deleted
