"""The audit log. Triggers in the database refuse to change or delete its rows (see `audit.triggers`)."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Concat, StrIndex
from django.db.models.lookups import Exact


class EventQuerySet(models.QuerySet["Event"]):
    def of(self, subject_type: str, subject_id: uuid.UUID | int | str) -> "EventQuerySet":
        """Events about one subject, such as `of(SITE, site.pk)`."""
        return self.filter(subject_type=subject_type, subject_id=str(subject_id))

    def with_contents(self) -> "EventQuerySet":
        """Not erased."""
        return self.filter(erasure=None)

    def newest_first(self) -> "EventQuerySet":
        return self.order_by("-sequence")


class Event(models.Model):
    """Something that an admin, a command or the system did to a subject.

    An action is `<subject type>.<what was done>`, such as `site.locked`. Each app names its own subjects
    and actions, as `sites.events` does. Names are recorded as they were at that time. `sequence` is assigned while the
    changed row is locked, so for one subject it is the order of the changes. Times of several machines would not give that.
    """

    class Source(models.TextChoices):
        ADMIN = "admin"
        API = "api"
        COMMAND = "command"
        SYSTEM = "system"

    sequence = models.BigAutoField(primary_key=True)
    id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    at = models.DateTimeField()
    action = models.CharField(max_length=64)
    # No foreign key: a subject may be of any model, and an event outlives its subject.
    subject_type = models.CharField(max_length=32)
    subject_id = models.CharField(max_length=64)
    subject_name = models.CharField(max_length=200)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="events", db_index=False
    )
    actor_name = models.CharField(max_length=150, null=True)  # noqa: DJ001 - null without an actor, as in the API
    role = models.CharField(max_length=16, null=True)  # noqa: DJ001
    source = models.CharField(max_length=16, choices=Source.choices)
    # The personal access token with which the actor called, by its name and its last characters.
    token_name = models.CharField(max_length=120, null=True)  # noqa: DJ001
    ip = models.GenericIPAddressField(null=True)
    request_id = models.CharField(max_length=128, null=True)  # noqa: DJ001
    reason = models.CharField(max_length=500, null=True)  # noqa: DJ001
    changes = models.JSONField(default=dict)
    # See audit.chain. The first event about a subject has no previous hash. Rows that SQL has inserted by hand have none.
    previous_hash = models.CharField(max_length=64, default="", db_default="", editable=False)
    # Random, and part of the hash: after an erasure nobody can find out the contents by hashing guesses.
    salt = models.CharField(max_length=32, default="", db_default="", editable=False)
    hash = models.CharField(max_length=64, default="", db_default="", editable=False)
    # The event that records the erasure of this one's contents; see audit.erasure.
    erasure = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="+", db_index=False)

    objects = EventQuerySet.as_manager()

    class Meta:
        default_permissions = ("view",)
        indexes = [
            models.Index(fields=["subject_type", "subject_id", "-sequence"], name="event_of_subject_newest_first"),
            models.Index(fields=["actor", "-sequence"], name="event_by_actor_newest_first"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(actor__isnull=True, actor_name__isnull=True, role__isnull=True)
                | Q(actor__isnull=False, actor_name__isnull=False, role__isnull=False),
                name="event_actor_named",
            ),
            models.CheckConstraint(
                # Not `startswith`: SQLite's LIKE ignores case and reads an underscore as any character.
                condition=Exact(StrIndex(F("action"), Concat(F("subject_type"), Value("."))), 1),
                name="event_action_in_namespace_of_subject",
            ),
            models.UniqueConstraint(
                fields=["subject_type", "subject_id", "previous_hash"],
                condition=~Q(hash=""),
                name="event_has_one_successor",
            ),
            models.CheckConstraint(condition=~Q(subject_type="") & ~Q(subject_id=""), name="event_subject_identified"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.subject_name}"

    @property
    def short_action(self) -> str:
        """The action without its namespace, such as `locked`."""
        return self.action.partition(".")[2]


class Checkpoint(models.Model):
    """A hash over the events since the checkpoint before, up to the one with the number `last_sequence`."""

    at = models.DateTimeField()
    last_sequence = models.BigIntegerField(unique=True)
    events = models.PositiveIntegerField()
    hash = models.CharField(max_length=64)

    class Meta:
        default_permissions = ()
        constraints = [models.CheckConstraint(condition=Q(last_sequence__gt=0), name="checkpoint_covers_events")]

    def __str__(self) -> str:
        return f"up to {self.last_sequence}"
