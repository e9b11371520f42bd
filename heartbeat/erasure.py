"""The part of an erasure for heartbeats."""

import uuid

from heartbeat.models import AgentRun, Heartbeat

BATCH_SIZE = 5000  # so that no statement takes as long as the database allows


def delete_heartbeats(site_id: uuid.UUID) -> int:
    """Delete the whole history of a site and the runs of its agent, in the caller's transaction; how many heartbeats."""
    AgentRun.objects.of_site(site_id).delete()
    total = 0
    while True:
        some = Heartbeat.objects.of_site(site_id).values("id")[:BATCH_SIZE]
        deleted, _ = Heartbeat.objects.filter(id__in=some).delete()
        if not deleted:
            return total
        total += deleted
