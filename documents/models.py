"""What belongs to a site besides its licence: files, and links to its page for the restaurant's owner."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from documents.files.querysets import SiteFileQuerySet
from documents.shares.querysets import ShareLinkQuerySet
from sites.models import Site


class FileKind(models.TextChoices):
    CONTRACT = "contract", "Contract"
    PHOTO = "photo", "Photo"
    OTHER = "other", "Other"


# Of the name of a picture's preview in the storage, after the picture's own name.
PREVIEW_SUFFIX = ".preview"


class SiteFile(models.Model):
    """A file of a site. Its bytes are in the default storage, under `stored_as`."""

    Kind = FileKind

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="files")
    kind = models.CharField(max_length=16, choices=FileKind.choices)
    name = models.CharField(max_length=200)
    content_type = models.CharField(max_length=64)
    # Of the bytes that are stored.
    size = models.PositiveIntegerField("size in bytes")
    sha256 = models.CharField(max_length=64)
    stored_as = models.CharField(max_length=200, unique=True)
    uploaded_at = models.DateTimeField()
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    # From then on it is not served; a job removes its bytes, then the row.
    deleted_at = models.DateTimeField(null=True, db_index=True)

    objects = SiteFileQuerySet.as_manager()

    class Meta:
        default_permissions = ("add", "delete", "view")
        verbose_name = "file"
        indexes = [models.Index(fields=["site", "-uploaded_at"], name="sitefile_of_site")]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=FileKind.values), name="sitefile_kind_known"),
            models.CheckConstraint(condition=~Q(name=""), name="sitefile_named"),
            models.CheckConstraint(condition=Q(size__gt=0), name="sitefile_not_empty"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_picture(self) -> bool:
        return self.content_type.startswith("image/")

    @property
    def preview_stored_as(self) -> str:
        """The name of the small JPEG that belongs to a picture."""
        return self.stored_as + PREVIEW_SUFFIX

    @property
    def names_in_storage(self) -> list[str]:
        return [self.stored_as, self.preview_stored_as] if self.is_picture else [self.stored_as]

    @property
    def type_words(self) -> str:
        """As people say it, such as "PDF"."""
        return {"application/pdf": "PDF", "text/plain": "text"}.get(
            self.content_type, self.content_type.removeprefix("image/").upper()
        )


class ShareLink(models.Model):
    """A link to the page of a site for the restaurant's owner. The table holds the digest of its token."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="share_links")
    digest = models.CharField(max_length=64, unique=True)
    note = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()
    # Null: the control plane made it, for a licence notice.
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    expires_at = models.DateTimeField(db_index=True)
    revoked_at = models.DateTimeField(null=True)
    # At most one minute behind.
    last_opened_at = models.DateTimeField(null=True)

    objects = ShareLinkQuerySet.as_manager()

    class Meta:
        default_permissions = ("add", "delete", "view")
        indexes = [models.Index(fields=["site", "-created_at"], name="sharelink_of_site")]
        constraints = [
            models.CheckConstraint(condition=Q(digest__length=64), name="sharelink_digest_length"),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")), name="sharelink_ends_after_its_beginning"
            ),
        ]

    def __str__(self) -> str:
        return f"link to {self.site_id}"
