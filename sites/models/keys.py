"""The keys of sites."""

from django.db import models
from django.db.models import Q

from common.keys import PEPPER_ID_LENGTH
from sites.models.sites import Site
from sites.querysets import SiteKeyQuerySet


class SiteKey(models.Model):
    """A key of a site. A rotation gives the older keys an end; the second use of the new key revokes them."""

    id = models.BigAutoField(primary_key=True)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="keys")
    digest = models.CharField(max_length=64)
    # The id of the pepper that the digest was made with; null: made before this was recorded, and not used since.
    pepper = models.CharField(max_length=PEPPER_ID_LENGTH, null=True)  # noqa: DJ001
    hint = models.CharField(max_length=8)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    objects = SiteKeyQuerySet.as_manager()

    class Meta:
        default_permissions = ("view",)
        # To count the keys that are left on a former pepper.
        indexes = [models.Index(fields=["pepper"], name="sitekey_by_pepper", condition=Q(revoked_at=None))]
        constraints = [
            models.UniqueConstraint(fields=["digest"], name="sitekey_digest_unique"),
            models.UniqueConstraint(
                fields=["site"], condition=Q(expires_at=None, revoked_at=None), name="sitekey_one_newest"
            ),
            models.CheckConstraint(condition=Q(digest__length=64), name="sitekey_digest_length"),
        ]

    def __str__(self) -> str:
        return self.hint
