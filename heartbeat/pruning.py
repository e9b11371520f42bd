"""Forgetting old heartbeats."""

from datetime import datetime

from heartbeat.models import Heartbeat


def prune_heartbeats(*, received_before: datetime, batch_size: int) -> int:
    """Delete one batch of history older than that; how many rows it was. Call again until there is none."""
    oldest = Heartbeat.objects.order_by("id").values_list("id", "received_at")[:batch_size]
    expired = [row_id for row_id, received_at in oldest if received_at < received_before]
    deleted, _ = Heartbeat.objects.filter(id__in=expired).delete()
    return deleted
