"""Channels, and what is to be told on them. `alerts.channels.services` and `alerts.outbox` write them."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from alerts.kinds import Severity
from alerts.models.incidents import Incident
from alerts.querysets import AlertChannelQuerySet, DeliveryQuerySet

MAX_CHANNEL_NAME_LENGTH = 100


class AlertChannel(models.Model):
    """Where incidents are told. The address and the signing secret are sealed, see `alerts.channels.secrets`."""

    class Kind(models.TextChoices):
        EMAIL = "email", "e-mail"
        SLACK = "slack", "Slack"
        PAGERDUTY = "pagerduty", "PagerDuty"
        WEBHOOK = "webhook", "webhook"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=MAX_CHANNEL_NAME_LENGTH)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    # Of an admin's own notices by e-mail: then the admin's address is used, and `sealed_address` is empty.
    owner = models.OneToOneField(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="alert_channel"
    )
    sealed_address = models.BinaryField()
    # The address as it may be shown.
    shown_address = models.CharField(max_length=2_000, blank=True)
    sealed_signing_secret = models.BinaryField(null=True)
    min_severity = models.CharField(max_length=16, choices=Severity.choices, default=Severity.INFO)
    kinds = models.JSONField(null=True)  # null: all
    is_enabled = models.BooleanField(default=True)
    disabled_reason = models.CharField(max_length=300, blank=True, default="")
    quiet_from = models.TimeField(null=True)
    quiet_until = models.TimeField(null=True)
    timezone = models.CharField(max_length=64, default="UTC")
    created_at = models.DateTimeField()
    revision = models.PositiveIntegerField(default=1)
    # How many messages in a row failed at their first attempt, since when, and until when no other attempt is made.
    failures = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True)
    paused_until = models.DateTimeField(null=True)
    # The worker that delivers to this channel at present, and until when it has it.
    lease_holder = models.CharField(max_length=128, blank=True, default="")
    lease_until = models.DateTimeField(null=True)

    objects = AlertChannelQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        permissions = [("manage_channels", "Can see, change and test the channels of alerts")]
        constraints = [
            models.UniqueConstraint(fields=["name"], name="alertchannel_name_once"),
            models.CheckConstraint(condition=~Q(name=""), name="alertchannel_named"),
            models.CheckConstraint(
                condition=Q(kind__in=["email", "slack", "pagerduty", "webhook"]), name="alertchannel_kind_known"
            ),
            models.CheckConstraint(condition=Q(min_severity__in=Severity.values), name="alertchannel_severity_known"),
            models.CheckConstraint(
                condition=Q(lease_holder="", lease_until__isnull=True)
                | (~Q(lease_holder="") & Q(lease_until__isnull=False)),
                name="alertchannel_lease_held_until",
            ),
            models.CheckConstraint(
                condition=Q(quiet_from__isnull=True, quiet_until__isnull=True)
                | Q(quiet_from__isnull=False, quiet_until__isnull=False) & ~Q(quiet_from=F("quiet_until")),
                name="alertchannel_quiet_from_and_until",
            ),
            models.CheckConstraint(
                condition=Q(kind="webhook", sealed_signing_secret__isnull=False)
                | (~Q(kind="webhook") & Q(sealed_signing_secret__isnull=True)),
                name="alertchannel_webhook_iff_secret",
            ),
            models.CheckConstraint(
                condition=Q(owner__isnull=True) | Q(kind="email"), name="alertchannel_of_an_admin_is_email"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Delivery(models.Model):
    """A message for one channel, stored with the change that it tells. `id` is the same for each attempt."""

    class Type(models.TextChoices):
        OPENED = "incident.opened", "opened"
        REMINDED = "incident.reminded", "reminded"
        ACKNOWLEDGED = "incident.acknowledged", "acknowledged"
        RESOLVED = "incident.resolved", "resolved"
        TEST = "test", "test"

    class State(models.TextChoices):
        WAITING = "waiting", "waiting"
        DELIVERED = "delivered", "delivered"
        FAILED = "failed", "failed"

    sequence = models.BigAutoField(primary_key=True)
    id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    channel = models.ForeignKey(AlertChannel, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    incident = models.ForeignKey(Incident, null=True, on_delete=models.CASCADE, related_name="deliveries")
    type = models.CharField(max_length=32, choices=Type.choices)
    # The incident as it was, as the API shows it; empty for a test.
    payload = models.JSONField(default=dict)
    state = models.CharField(max_length=16, choices=State.choices, default=State.WAITING)
    created_at = models.DateTimeField()
    # After that moment a fault of the network is final.
    give_up_at = models.DateTimeField()
    next_attempt_at = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)
    ended_at = models.DateTimeField(null=True)
    # The answer to the newest attempt.
    status = models.PositiveIntegerField(null=True)
    answer = models.CharField(max_length=300, blank=True, default="")

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        indexes = [
            models.Index(fields=["channel", "-sequence"], name="delivery_of_channel"),
            models.Index(fields=["channel", "sequence"], name="delivery_waiting", condition=Q(state="waiting")),
            models.Index(fields=["created_at"], name="delivery_by_age"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "delivered", "failed"]), name="delivery_state_known"
            ),
            models.CheckConstraint(
                condition=Q(state="waiting", ended_at__isnull=True) | (~Q(state="waiting") & Q(ended_at__isnull=False)),
                name="delivery_ended_iff_time",
            ),
            models.CheckConstraint(
                condition=Q(type="test", incident__isnull=True) | (~Q(type="test") & Q(incident__isnull=False)),
                name="delivery_of_incident_or_test",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} to {self.channel_id}"


class DeliveryAttempt(models.Model):
    """One attempt to deliver a message, and the answer."""

    id = models.BigAutoField(primary_key=True)
    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="attempts_made")
    at = models.DateTimeField()
    duration_ms = models.PositiveIntegerField()
    status = models.PositiveIntegerField(null=True)  # of HTTP or SMTP; null without an answer
    answer = models.CharField(max_length=300, blank=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.delivery_id} at {self.at}"
