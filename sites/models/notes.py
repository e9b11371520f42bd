"""Notes and tags, by which admins tell colleagues something about a site."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Trim

from sites.limits import MAX_NOTE_LENGTH, MAX_TAG_LENGTH
from sites.models.sites import Site
from sites.querysets import SiteNoteQuerySet


class SiteNote(models.Model):
    """What an admin noted about a site. A trigger refuses to change it; only an erasure deletes it (decision 88)."""

    id = models.BigAutoField(primary_key=True)
    # Of the form that added it, so that a form that is sent twice adds one note.
    note_id = models.UUIDField()
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="notes", db_index=False)
    at = models.DateTimeField()
    admin = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    admin_name = models.CharField(max_length=150)
    text = models.CharField(max_length=MAX_NOTE_LENGTH)

    objects = SiteNoteQuerySet.as_manager()

    class Meta:
        default_permissions = ("add",)
        indexes = [models.Index(fields=["site", "-id"], name="sitenote_of_site_newest_first")]
        constraints = [
            models.UniqueConstraint(fields=["note_id"], name="sitenote_once"),
            models.CheckConstraint(
                condition=Q(text__length__gte=1, text__length__lte=MAX_NOTE_LENGTH), name="sitenote_text_length"
            ),
            models.CheckConstraint(condition=~Q(admin_name=""), name="sitenote_admin_named"),
        ]

    def __str__(self) -> str:
        return f"note of {self.admin_name}"


class SiteTag(models.Model):
    """A word by which admins find a group of sites, such as "pilot". A tag exists as long as a site has it (decision 92)."""

    id = models.BigAutoField(primary_key=True)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="tags")
    name = models.CharField(max_length=MAX_TAG_LENGTH)

    class Meta:
        default_permissions = ()
        ordering = ("name",)
        constraints = [
            # By name first: the index finds the sites of a tag, and which tags there are.
            models.UniqueConstraint(fields=["name", "site"], name="sitetag_once_for_a_site"),
            models.CheckConstraint(
                condition=Q(name__length__gte=1, name__length__lte=MAX_TAG_LENGTH), name="sitetag_length"
            ),
            models.CheckConstraint(condition=Q(name=Lower("name")), name="sitetag_lower_case"),
            models.CheckConstraint(condition=Q(name=Trim("name")), name="sitetag_trimmed"),
        ]

    def __str__(self) -> str:
        return self.name
