"""The history of heartbeats."""

import uuid

from django.db import models

from heartbeat.indexes import ArrivalIndex


class HeartbeatQuerySet(models.QuerySet["Heartbeat"]):
    def of_site(self, site_id: uuid.UUID) -> "HeartbeatQuerySet":
        return self.filter(site_id=site_id)

    def newest_first(self) -> "HeartbeatQuerySet":
        return self.order_by("-received_at", "-id")


class Heartbeat(models.Model):
    """One call of a site and the reply to it. Old rows are pruned."""

    id = models.BigAutoField(primary_key=True)
    # The database has no constraint: checking one would lock the site's row, and so write to it, at every heartbeat.
    # It is not needed, because sites are deregistered and never deleted.
    site = models.ForeignKey(
        "sites.Site", on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="heartbeats"
    )
    received_at = models.DateTimeField()
    # When the site's next call is due. If it is null, the next call is due after the site's usual pace.
    due_at = models.DateTimeField(null=True)
    ip = models.GenericIPAddressField(null=True)
    version = models.CharField(max_length=64)
    uptime_seconds = models.BigIntegerField()
    licensed = models.BooleanField()
    locked = models.BooleanField()

    objects = HeartbeatQuerySet.as_manager()

    class Meta:
        default_permissions = ("view",)
        indexes = [
            models.Index(fields=["site", "received_at"], name="heartbeat_of_site_by_time"),
            ArrivalIndex(fields=["received_at"], pages_per_range=32, autosummarize=True, name="heartbeat_by_arrival"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(uptime_seconds__gte=0, uptime_seconds__lt=2**53), name="heartbeat_uptime_range"
            ),
            models.CheckConstraint(
                condition=models.Q(due_at__isnull=True) | models.Q(due_at__gt=models.F("received_at")),
                name="heartbeat_due_after_received",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.site_id} at {self.received_at}"
