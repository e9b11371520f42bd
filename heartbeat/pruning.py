"""Forgetting old heartbeats."""

from datetime import datetime

from heartbeat.models import Heartbeat


def prune_heartbeats(*, received_before: datetime, batch_size: int) -> int:
    """Delete one batch of history older than that; how many rows it was. Call again until there is none."""
    # Rows are numbered as they come, so the oldest are found without an index on the time.
    oldest = Heartbeat.objects.order_by("id").values("id")[:batch_size]
    deleted, _ = Heartbeat.objects.filter(id__in=oldest, received_at__lt=received_before).delete()
    return deleted
