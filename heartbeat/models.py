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


class AgentRunQuerySet(models.QuerySet["AgentRun"]):
    def of_site(self, site_id: uuid.UUID) -> "AgentRunQuerySet":
        return self.filter(site_id=site_id)

    def newest_first(self) -> "AgentRunQuerySet":
        return self.order_by("-first_seen_at", "-id")


class AgentRun(models.Model):
    """A run of a site's agent, from its start to its end: the API and the protocol call it a boot of an instance.

    `heartbeat.runs` writes it, and the heartbeat's statement. A site keeps its newest runs, see MAX_RUNS there.
    """

    id = models.BigAutoField(primary_key=True)
    # Without a constraint in the database, as in Heartbeat.
    site = models.ForeignKey(
        "sites.Site", on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="runs"
    )
    instance_id = models.UUIDField()
    boot_id = models.UUIDField()
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    ip = models.GenericIPAddressField(null=True)
    version = models.CharField(max_length=64)
    sequence = models.BigIntegerField()
    heartbeats = models.BigIntegerField(default=1)
    # The heartbeats of a site come in turns: a turn is an unbroken series of one run. Turns are numbered for each site: the
    # first, the last but one and the last of this run, and how many heartbeats it had sent before the last.
    first_turn = models.PositiveBigIntegerField(default=0, db_default=0)
    previous_turn = models.PositiveBigIntegerField(default=0, db_default=0)  # 0 if there is only one
    turn = models.PositiveBigIntegerField()
    heartbeats_before_turn = models.BigIntegerField(default=0)
    returns = models.PositiveIntegerField(default=0)  # turns but the first

    objects = AgentRunQuerySet.as_manager()

    class Meta:
        default_permissions = ()  # as the heartbeats
        constraints = [
            models.UniqueConstraint(fields=["site", "instance_id", "boot_id"], name="agentrun_unique"),
            models.CheckConstraint(
                condition=models.Q(sequence__gte=1, sequence__lt=2**53), name="agentrun_sequence_range"
            ),
            models.CheckConstraint(condition=models.Q(heartbeats__gte=1), name="agentrun_has_called"),
        ]

    def __str__(self) -> str:
        return f"{self.boot_id} of {self.site_id}"
