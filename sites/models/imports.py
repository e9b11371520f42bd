"""Uploaded files of sites."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q


class SiteImport(models.Model):
    """An uploaded file of sites: previewed, then applied at most once, by the admin who uploaded it.

    `rows` is the preview, a list of `sites.imports.preview.PreviewRow` as JSON. It is deleted when the import is applied:
    from then on the sites' events say what was done.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    admin = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_index=True)
    file_name = models.CharField(max_length=255)
    ignored_columns = models.JSONField(default=list)
    rows = models.JSONField(null=True)
    applied_at = models.DateTimeField(null=True)
    registered = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)

    class Meta:
        default_permissions = ()  # sites.import_site is asked for
        constraints = [
            models.CheckConstraint(
                condition=Q(applied_at__isnull=True, rows__isnull=False)
                | Q(applied_at__isnull=False, rows__isnull=True),
                name="siteimport_rows_until_applied",
            )
        ]

    def __str__(self) -> str:
        return self.file_name
