"""Saved views of the list of sites."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from sites.limits import MAX_VIEW_NAME_LENGTH, MAX_VIEW_QUERY_LENGTH
from sites.querysets import SavedViewQuerySet


class SavedView(models.Model):
    """Filters, search, order and columns of the list of sites under a name: of one admin, or without an owner for everybody."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=MAX_VIEW_NAME_LENGTH)
    # The query of the list's URL, as `panel.sites.saved_views.queries` writes it.
    query = models.CharField(max_length=MAX_VIEW_QUERY_LENGTH, blank=True)

    objects = SavedViewQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        permissions = [("share_savedview", "Can save and change views of the list of sites for everybody")]
        constraints = [
            models.UniqueConstraint(fields=["owner", "name"], name="savedview_name_once_for_an_owner"),
            models.UniqueConstraint(
                fields=["name"], condition=Q(owner__isnull=True), name="savedview_name_once_for_everybody"
            ),
            models.CheckConstraint(
                condition=Q(name__length__gte=1, name__length__lte=MAX_VIEW_NAME_LENGTH), name="savedview_name_length"
            ),
            models.CheckConstraint(
                condition=Q(query__length__lte=MAX_VIEW_QUERY_LENGTH), name="savedview_query_length"
            ),
        ]

    def __str__(self) -> str:
        return self.name
