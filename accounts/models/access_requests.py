"""Requests of people who want to become admins."""

import uuid

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from accounts.access_requests.querysets import AccessRequestQuerySet
from accounts.roles import Role


class AccessRequestState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"


class AccessRequest(models.Model):
    """Somebody asks to become an admin: with a Google account, or with an e-mail address and a password.

    Only Google proves an address. Whether a person owns the address that they typed is for the sysadmin to find out;
    so that a stranger's request does not stand in the owner's way, a few may wait for one such address, in places 1 to PLACES
    (see `access_requests.places`).
    `email` is in lower case.
    """

    PLACES = 3
    State = AccessRequestState

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=150)
    email = models.EmailField("e-mail")
    google_subject = models.CharField(max_length=255, blank=True)
    # A hash; erased once the request is decided.
    password = models.CharField(max_length=128, blank=True)
    # By which the same address with the same password is recognized, also after the decision; see `access_requests.hashes`.
    password_digest = models.CharField(max_length=64, blank=True)
    place = models.PositiveSmallIntegerField(default=1)
    # How many requests with a password for the same address found no place or gave theirs up, to this one or before.
    crowded_out = models.PositiveIntegerField(default=0)
    reason = models.CharField(max_length=500, blank=True)
    address = models.GenericIPAddressField(null=True)
    created_at = models.DateTimeField()
    state = models.CharField(max_length=16, choices=State.choices, default=State.WAITING)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey("accounts.Admin", null=True, on_delete=models.PROTECT, related_name="+")
    role = models.CharField("granted role", max_length=16, choices=Role.choices, blank=True)
    note = models.CharField(max_length=500, blank=True)

    objects = AccessRequestQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = "request for access", "requests for access"
        default_permissions = ("view",)
        permissions = [("decide_accessrequest", "Can approve and reject requests for access")]
        indexes = [
            models.Index(fields=["state", "-created_at"], name="accessrequest_of_state"),
            models.Index(fields=["email", "state"], name="accessrequest_of_email"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=AccessRequestState.values), name="accessrequest_state_known"),
            models.CheckConstraint(
                condition=(Q(state="waiting") & Q(decided_at=None))
                | (~Q(state="waiting") & Q(decided_at__isnull=False)),
                name="accessrequest_decided_iff_not_waiting",
            ),
            models.CheckConstraint(
                condition=(Q(state="approved") & Q(role__in=Role.values)) | (~Q(state="approved") & Q(role="")),
                name="accessrequest_role_iff_approved",
            ),
            models.CheckConstraint(
                condition=(Q(state="waiting", google_subject="") & ~Q(password=""))
                | (~Q(state="waiting", google_subject="") & Q(password="")),
                name="accessrequest_password_iff_waiting_without_google",
            ),
            models.CheckConstraint(
                condition=(Q(google_subject="") & ~Q(password_digest=""))
                | (~Q(google_subject="") & Q(password_digest="")),
                name="accessrequest_google_account_or_password",
            ),
            models.CheckConstraint(condition=Q(place__gte=1, place__lte=3), name="accessrequest_place_known"),
            models.UniqueConstraint(
                "google_subject",
                condition=Q(state="waiting") & ~Q(google_subject=""),
                name="accessrequest_one_waiting_for_google_account",
            ),
            models.UniqueConstraint(
                "password_digest",
                condition=Q(state="waiting") & ~Q(password_digest=""),
                name="accessrequest_one_waiting_for_password",
            ),
            models.UniqueConstraint(
                Lower("email"),
                "place",
                condition=Q(state="waiting", google_subject=""),
                name="accessrequest_place_taken_once",
            ),
        ]

    def __str__(self) -> str:
        return f"request of {self.email}"

    @property
    def is_waiting(self) -> bool:
        return self.state == AccessRequestState.WAITING

    @property
    def is_email_verified(self) -> bool:
        """Google tells only addresses that it has verified; one that was typed is not verified."""
        return bool(self.google_subject)
