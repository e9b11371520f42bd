"""What was done. Rows are added and never changed: the database itself refuses (see the migrations)."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q


class EventQuerySet(models.QuerySet["Event"]):
    def of_site(self, site_id: uuid.UUID) -> "EventQuerySet":
        return self.filter(site_id=site_id)

    def newest_first(self) -> "EventQuerySet":
        return self.order_by("-sequence")


class Event(models.Model):
    """Something an admin or the system did.

    Names stand here as they were then. `sequence` is drawn while the changed row is locked, so that for one site it is the
    order in which the changes took effect; clocks of several machines would not give that.
    """

    class Action(models.TextChoices):
        REGISTERED = "registered"
        UPDATED = "updated"
        LOCKED = "locked"
        LOCK_REASON_CHANGED = "lock_reason_changed"
        UNLOCKED = "unlocked"
        EXTENDED = "extended"
        KEY_ROTATED = "key_rotated"
        KEY_RETIRED = "key_retired"
        DEREGISTERED = "deregistered"
        RESTORED = "restored"

    class Source(models.TextChoices):
        ADMIN = "admin"
        API = "api"
        COMMAND = "command"
        SYSTEM = "system"

    sequence = models.BigAutoField(primary_key=True)
    id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    at = models.DateTimeField()
    action = models.CharField(max_length=32, choices=Action.choices)
    # No foreign key: this room lies below the one of the sites, and an event outlives what it speaks of.
    site_id = models.UUIDField()
    site_name = models.CharField(max_length=200)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="events", db_index=True
    )
    actor_name = models.CharField(max_length=150, null=True)  # noqa: DJ001 - null is "nobody", as in the API
    role = models.CharField(max_length=16, null=True)  # noqa: DJ001
    source = models.CharField(max_length=16, choices=Source.choices)
    ip = models.GenericIPAddressField(null=True)
    request_id = models.CharField(max_length=128, null=True)  # noqa: DJ001
    reason = models.CharField(max_length=500, null=True)  # noqa: DJ001
    changes = models.JSONField(default=dict)

    objects = EventQuerySet.as_manager()

    class Meta:
        default_permissions = ("view",)
        indexes = [models.Index(fields=["site_id", "-sequence"], name="event_of_site_newest_first")]
        constraints = [
            models.CheckConstraint(
                condition=Q(actor__isnull=True, actor_name__isnull=True, role__isnull=True)
                | Q(actor__isnull=False, actor_name__isnull=False, role__isnull=False),
                name="event_actor_named",
            )
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.site_name}"
