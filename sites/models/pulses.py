"""What the newest heartbeat of each site reported."""

from django.db import models
from django.db.models import F, Q

from sites.limits import MAX_VERSION_LENGTH
from sites.models.sites import Site
from sites.receipts import AppliedState


class SitePulse(models.Model):
    """The newest heartbeat of a site, one narrow row for each. Only heartbeats write it.

    What changes has no index, and each page has free room (see the migration), so that updates on PostgreSQL are HOT.
    """

    site = models.OneToOneField(Site, on_delete=models.PROTECT, primary_key=True, related_name="pulse")
    last_seen_at = models.DateTimeField(null=True)
    last_seen_ip = models.GenericIPAddressField(null=True)
    version = models.CharField(max_length=MAX_VERSION_LENGTH, null=True)  # noqa: DJ001 - null: never reported
    uptime_seconds = models.BigIntegerField(null=True)
    due_at = models.DateTimeField(null=True)
    # The last reply to the site: it shows whether the site knows of a lock yet.
    reply_licensed = models.BooleanField(null=True)
    reply_locked = models.BooleanField(null=True)
    # The newest key that was used, and how often, up to two: the second use retires the older ones.
    newest_key_id = models.BigIntegerField(null=True)
    newest_key_uses = models.PositiveSmallIntegerField(default=0)
    # How many calls were answered since when, for the site's own limit.
    window_started_at = models.DateTimeField(null=True)
    window_calls = models.PositiveIntegerField(default=0)
    # About how many calls came in the last day, see `sites.call_rate`.
    recent_calls = models.FloatField(null=True)
    # Since when the replies say that the site is locked.
    reply_locked_since = models.DateTimeField(null=True)
    # The newest lease that went to an agent: its end, and the highest revision. An agent is a client that asks for a lease,
    # with a nonce.
    lease_expires_at = models.DateTimeField(null=True)
    lease_revision = models.PositiveIntegerField(null=True)
    # When `lease_revision` last rose; null if the agent reported nothing with that heartbeat: then no receipt is expected.
    delivered_at = models.DateTimeField(null=True)
    # The revision that the agent says it has applied, what it makes of it, and when it first reported that revision; see
    # `sites.receipts`.
    applied_revision = models.BigIntegerField(null=True)
    applied_state = models.CharField(max_length=16, choices=AppliedState.choices, null=True)  # noqa: DJ001 - null: never reported
    applied_at = models.DateTimeField(null=True)
    # The highest revision that the site says it holds. After a restore of an old backup it may be one that was never sent.
    held_revision = models.BigIntegerField(null=True)
    # The agent's installation and its run whose heartbeat came last, and the number of that heartbeat.
    instance_id = models.UUIDField(null=True)
    boot_id = models.UUIDField(null=True)
    sequence = models.BigIntegerField(null=True)
    # The newest call with a wrong key that named the site, see `heartbeat.refused_calls`, and the first one since a heartbeat.
    last_refused_at = models.DateTimeField(null=True)
    last_refused_ip = models.GenericIPAddressField(null=True)
    refused_since = models.DateTimeField(null=True)
    # Since when two installations seem to use the site's key; see `heartbeat.clones`.
    clone_suspected_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(
                condition=Q(last_seen_at__isnull=True, due_at__isnull=True)
                | Q(last_seen_at__isnull=False, due_at__isnull=False, due_at__gt=F("last_seen_at")),
                name="sitepulse_due_after_seen",
            ),
            models.CheckConstraint(
                condition=Q(instance_id__isnull=True, boot_id__isnull=True, sequence__isnull=True)
                | Q(instance_id__isnull=False, boot_id__isnull=False, sequence__isnull=False),
                name="sitepulse_boot_whole_or_none",
            ),
        ]

    def __str__(self) -> str:
        return f"pulse of {self.site_id}"
