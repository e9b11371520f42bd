"""Chains of restaurants."""

import uuid

from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.lookups import Exact
from django.utils.timezone import now

from sites.limits import MAX_NAME_LENGTH, MAX_SLUG_LENGTH
from sites.querysets import OrganizationQuerySet

SLUG_CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789-"


class Organization(models.Model):
    """A chain, to which any number of sites belong. Only `sites.services` writes it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=MAX_NAME_LENGTH)
    # By which people and files name it: two chains may have the same name.
    slug = models.CharField(max_length=MAX_SLUG_LENGTH)
    created_at = models.DateTimeField(default=now)
    updated_at = models.DateTimeField(default=now)
    # Counts the changes, for ETags and forms.
    revision = models.PositiveIntegerField(default=1)
    # Name and slug in folded case, as that of a site.
    search_text = models.TextField(editable=False)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        default_permissions = ("add", "change", "view")
        constraints = [
            models.UniqueConstraint(fields=["slug"], name="organization_slug_unique"),
            # What is left of it without these characters; a pattern would need a function that plain SQLite lacks.
            models.CheckConstraint(
                condition=Exact(
                    Func(F("slug"), Value(SLUG_CHARACTERS), function="RTRIM", output_field=models.CharField()),
                    Value(""),
                ),
                name="organization_slug_characters",
            ),
            models.CheckConstraint(
                condition=Q(slug__length__gte=1, slug__length__lte=MAX_SLUG_LENGTH), name="organization_slug_length"
            ),
            models.CheckConstraint(condition=~Q(slug__startswith="-"), name="organization_slug_no_hyphen_first"),
            models.CheckConstraint(condition=~Q(name=""), name="organization_name_not_empty"),
            models.CheckConstraint(condition=~Q(search_text=""), name="organization_searchable"),
            models.CheckConstraint(condition=Q(revision__gte=1), name="organization_revision_positive"),
        ]

    def __str__(self) -> str:
        return self.name
