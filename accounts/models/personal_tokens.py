"""Tokens with which an admin's scripts call the API."""

import uuid
from datetime import datetime, timedelta

from django.db import models
from django.db.models import F, Q


class PersonalTokenQuerySet(models.QuerySet["PersonalToken"]):
    def live(self, *, at: datetime) -> "PersonalTokenQuerySet":
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=at), revoked_at=None)

    def ending_soon(self, *, at: datetime) -> "PersonalTokenQuerySet":
        return self.live(at=at).filter(expires_at__lte=at + PersonalToken.ENDS_SOON)

    def newest_first(self) -> "PersonalTokenQuerySet":
        return self.order_by("-created_at", "-id")


class PersonalToken(models.Model):
    """A personal access token. It may do what it was made for, as far as its owner may do that at the same moment."""

    # Its owner is told that long before it ends.
    ENDS_SOON = timedelta(days=7)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    admin = models.ForeignKey("accounts.Admin", on_delete=models.PROTECT, related_name="personal_tokens")
    name = models.CharField(max_length=100)
    digest = models.CharField(max_length=64, unique=True)
    hint = models.CharField(max_length=8)
    # Names of permissions, sorted.
    permissions = models.JSONField(default=list)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    # At most one minute behind.
    last_used_at = models.DateTimeField(null=True)
    last_used_from = models.GenericIPAddressField(null=True)
    # When its owner was told that it ends soon.
    warned_at = models.DateTimeField(null=True)

    objects = PersonalTokenQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(condition=~Q(name=""), name="personaltoken_named"),
            models.CheckConstraint(
                condition=Q(expires_at=None) | Q(expires_at__gt=F("created_at")),
                name="personaltoken_ends_after_its_beginning",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def label(self) -> str:
        """The name, and the end of the token: two tokens may have one name."""
        return f"{self.name} {self.hint}"

    def ends_soon(self, *, at: datetime) -> bool:
        """Whether it ends within ENDS_SOON; not if it has ended."""
        return self.expires_at is not None and at < self.expires_at <= at + self.ENDS_SOON
