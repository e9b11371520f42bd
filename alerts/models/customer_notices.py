"""Mails to restaurants about the end of their licence. `alerts.customer_notices` writes these tables."""

import uuid

from django.db import models
from django.db.models import Q

from alerts.querysets import LicenseNoticeQuerySet

MAX_SUBJECT_LENGTH, MAX_TEXT_LENGTH = 150, 5_000
STAGES = (30, 14, 7, 1)  # days before the end


class NoticeTemplate(models.Model):
    """The vendor's words, and whether notices are sent. At most one row; without it they are not."""

    LICENSE = "license"

    name = models.CharField(max_length=16, primary_key=True, default=LICENSE)
    is_enabled = models.BooleanField(default=False)
    subject = models.CharField(max_length=MAX_SUBJECT_LENGTH)
    text = models.TextField(max_length=MAX_TEXT_LENGTH)
    revision = models.PositiveIntegerField(default=1)
    updated_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        permissions = [("manage_customer_notices", "Can change, turn on and turn off the notices to restaurants")]
        constraints = [
            models.CheckConstraint(condition=Q(name="license"), name="noticetemplate_one_row"),
            models.CheckConstraint(condition=~Q(subject="") & ~Q(text=""), name="noticetemplate_has_words"),
        ]

    def __str__(self) -> str:
        return self.subject


class LicenseNotice(models.Model):
    """One mail to the contact of a site. It has the same Message-ID in each attempt, made of `id`."""

    class State(models.TextChoices):
        WAITING = "waiting", "waiting"
        SENT = "sent", "sent"
        FAILED = "failed", "failed"
        DROPPED = "dropped", "not sent"  # it was not wanted any more

    sequence = models.BigAutoField(primary_key=True)
    id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    site = models.ForeignKey("sites.Site", on_delete=models.PROTECT, related_name="+", db_index=False)
    # The end of the licence as it was planned with; if it changes, the notice is dropped.
    license_expires_at = models.DateTimeField()
    stage = models.PositiveSmallIntegerField()
    # In the site's zone. The notice is sent on that day or not at all.
    day = models.DateField()
    state = models.CharField(max_length=16, choices=State.choices, default=State.WAITING)
    created_at = models.DateTimeField(db_index=True)
    next_attempt_at = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)
    ended_at = models.DateTimeField(null=True)
    # Why it was not sent.
    answer = models.CharField(max_length=300, blank=True, default="")

    objects = LicenseNoticeQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        indexes = [
            models.Index(fields=["next_attempt_at"], name="licensenotice_waiting", condition=Q(state="waiting")),
        ]
        constraints = [
            models.UniqueConstraint(fields=["site", "license_expires_at", "stage"], name="licensenotice_stage_once"),
            models.UniqueConstraint(fields=["site", "day"], name="licensenotice_one_a_day"),
            models.CheckConstraint(condition=Q(stage__in=STAGES), name="licensenotice_stage_known"),
            models.CheckConstraint(
                condition=Q(state="waiting", ended_at__isnull=True) | (~Q(state="waiting") & Q(ended_at__isnull=False)),
                name="licensenotice_ended_iff_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.stage} days: {self.site_id}"


class Unsubscription(models.Model):
    """Notices that an address does not want about a site. Another contact of that site gets them again."""

    id = models.BigAutoField(primary_key=True)
    site = models.ForeignKey("sites.Site", on_delete=models.PROTECT, related_name="+", db_index=False)
    # See `alerts.customer_notices.tokens.digest_of`.
    address_digest = models.CharField(max_length=64)
    at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["site", "address_digest"], name="unsubscription_once"),
        ]

    def __str__(self) -> str:
        return f"of {self.site_id}"
