"""Requests to erase the personal data of a site."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from sites.limits import MAX_REASON_LENGTH
from sites.models import Site


class ErasureRequest(models.Model):
    """One sysadmin has requested the erasure; another one has to confirm it before it expires.

    A request that is withdrawn or has expired is deleted: events say who made and who withdrew it. A confirmed one stays.
    """

    site = models.OneToOneField(Site, on_delete=models.PROTECT, primary_key=True, related_name="+")
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    reason = models.CharField(max_length=MAX_REASON_LENGTH)
    confirmed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    confirmed_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        permissions = [("erase_site", "Can request and confirm the erasure of a site's personal data")]
        constraints = [
            models.CheckConstraint(
                condition=Q(confirmed_by__isnull=True) | ~Q(confirmed_by=F("requested_by")),
                name="erasurerequest_confirmed_by_another",
            ),
            models.CheckConstraint(
                condition=Q(confirmed_by__isnull=True, confirmed_at__isnull=True)
                | Q(confirmed_by__isnull=False, confirmed_at__isnull=False, confirmed_at__lt=F("expires_at")),
                name="erasurerequest_confirmed_in_time",
            ),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("requested_at")), name="erasurerequest_ends_after_its_beginning"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="erasurerequest_has_reason"),
        ]

    def __str__(self) -> str:
        return f"erasure of {self.site_id}"

    @classmethod
    def open(cls, *, at: datetime) -> models.QuerySet["ErasureRequest"]:
        return cls.objects.filter(confirmed_at=None, expires_at__gt=at)
