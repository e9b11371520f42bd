"""Sites, their keys, and what their newest heartbeat reported."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Length, Lower, Trim
from django.utils.timezone import now

from sites.keys import PEPPER_ID_LENGTH
from sites.limits import (
    MAX_EMAIL_LENGTH,
    MAX_NAME_LENGTH,
    MAX_NOTE_LENGTH,
    MAX_PHONE_LENGTH,
    MAX_REASON_LENGTH,
    MAX_TAG_LENGTH,
    MAX_VERSION_LENGTH,
    MAX_VIEW_NAME_LENGTH,
    MAX_VIEW_QUERY_LENGTH,
    MAX_ZONE_LENGTH,
)
from sites.querysets import SavedViewQuerySet, SiteKeyQuerySet, SiteNoteQuerySet, SiteQuerySet
from sites.receipts import AppliedState, ReceiptStage

models.CharField.register_lookup(Length)


class Site(models.Model):
    """A restaurant. Only `sites.services` and `sites.erasure` write it.

    Heartbeats write SitePulse, so that the two never overwrite each other.
    """

    site_id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=MAX_NAME_LENGTH)
    owner_name = models.CharField(max_length=MAX_NAME_LENGTH)
    contact_email = models.EmailField("contact e-mail", max_length=MAX_EMAIL_LENGTH)
    contact_phone = models.CharField("phone", max_length=MAX_PHONE_LENGTH, blank=True, default="", db_default="")
    timezone = models.CharField("time zone", max_length=MAX_ZONE_LENGTH, default="UTC")
    is_active = models.BooleanField("active", default=True)
    is_locked = models.BooleanField("locked", default=False)
    lock_reason = models.CharField(max_length=MAX_REASON_LENGTH, null=True, blank=True)  # noqa: DJ001 - null: not locked
    locked_at = models.DateTimeField(null=True, blank=True)
    license_expires_at = models.DateTimeField()
    deregistered_at = models.DateTimeField(null=True, blank=True)
    # Since then the row holds no personal data; see the app `erasure`. Such a site is never restored.
    erased_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(default=now)
    updated_at = models.DateTimeField(default=now)
    # Counts the changes by admins. ETags and forms compare it, because two changes may have the same time.
    revision = models.PositiveIntegerField(default=1)
    # The newest decision that the site's agent held and that a change or a confirmation here took the place of.
    overruled_revision = models.PositiveIntegerField(null=True)
    # Name, owner, e-mail, phone and id in folded case: SQLite, and some collations of PostgreSQL, fold only ASCII.
    search_text = models.TextField(editable=False)

    # Of a site that a service returns: what the call changed, {field: (before, after)}.
    just_changed: Mapping[str, tuple[Any, Any]] = {}

    objects = SiteQuerySet.as_manager()

    class Meta:
        default_permissions = ("add", "change", "view")
        permissions = [
            ("lock_site", "Can lock a site"),
            ("unlock_site", "Can unlock a site"),
            ("extend_license", "Can extend a licence"),
            ("rotate_site_key", "Can rotate a site's key"),
            ("deregister_site", "Can deregister a site"),
            ("restore_site", "Can restore a deregistered site"),
            ("set_license_expiry", "Can set the end of a licence to any date"),
            ("deactivate_site", "Can deactivate a site and activate it again"),
            ("export_site", "Can export sites"),
            ("import_site", "Can import sites"),
            ("dismiss_clone", "Can dismiss the suspicion that a site's key is used twice"),
            ("tag_site", "Can add and remove tags of a site"),
        ]
        indexes = [
            models.Index(fields=["name", "site_id"], name="site_by_name", condition=Q(deregistered_at=None)),
            models.Index(fields=["created_at", "site_id"], name="site_by_age", condition=Q(deregistered_at=None)),
            models.Index(
                fields=["license_expires_at", "site_id"], name="site_by_expiry", condition=Q(deregistered_at=None)
            ),
            models.Index(
                fields=["timezone", "name", "site_id"], name="site_by_zone", condition=Q(deregistered_at=None)
            ),
            # For counts, and for what few sites have.
            models.Index(fields=["is_active", "is_locked"], name="site_flags", condition=Q(deregistered_at=None)),
            models.Index(
                fields=["license_expires_at"],
                name="site_active_by_expiry",
                condition=Q(deregistered_at=None, is_active=True),
            ),
            models.Index(fields=["site_id"], name="site_locked", condition=Q(deregistered_at=None, is_locked=True)),
            models.Index(fields=["site_id"], name="site_inactive", condition=Q(deregistered_at=None, is_active=False)),
            models.Index(fields=["site_id"], name="site_deregistered", condition=Q(deregistered_at__isnull=False)),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(is_locked=True, lock_reason__isnull=False, locked_at__isnull=False)
                | Q(is_locked=False, lock_reason__isnull=True, locked_at__isnull=True),
                name="site_locked_iff_reason",
            ),
            models.CheckConstraint(
                condition=Q(lock_reason__isnull=True)
                | Q(lock_reason__length__gte=1, lock_reason__length__lte=MAX_REASON_LENGTH),
                name="site_lock_reason_length",
            ),
            models.CheckConstraint(condition=~Q(name=""), name="site_name_not_empty"),
            models.CheckConstraint(condition=~Q(owner_name=""), name="site_owner_not_empty"),
            models.CheckConstraint(condition=~Q(contact_email=""), name="site_email_not_empty"),
            models.CheckConstraint(condition=~Q(timezone=""), name="site_timezone_not_empty"),
            models.CheckConstraint(condition=~Q(search_text=""), name="site_searchable"),
            models.CheckConstraint(condition=Q(revision__gte=1), name="site_revision_positive"),
            models.CheckConstraint(
                condition=Q(erased_at__isnull=True) | Q(deregistered_at__isnull=False),
                name="site_erased_stays_deregistered",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def lock_known_since(self) -> datetime | None:
        """Since when the replies to the heartbeats say that the site is locked; null before the first of these."""
        since = self.pulse.reply_locked_since
        if self.locked_at is None or not self.pulse.reply_locked or since is None:
            return None
        # A site that was unlocked and locked again between two heartbeats has known it all the time.
        return max(since, self.locked_at)

    @property
    def refused_since(self) -> datetime | None:
        """Since when a local backend calls with a wrong key; null if its last call was a heartbeat, or it never called."""
        pulse = self.pulse
        if pulse.last_refused_at is None or (pulse.last_seen_at and pulse.last_seen_at >= pulse.last_refused_at):
            return None
        return pulse.refused_since

    @property
    def receipt_stage(self) -> ReceiptStage:
        """`sites.receipts.receipt_conditions` for one site."""
        pulse = self.pulse
        if pulse.applied_revision is None:
            return ReceiptStage.UNREPORTED
        if pulse.lease_revision is None or pulse.lease_revision < self.revision:
            return ReceiptStage.REQUESTED
        is_applied = self.revision <= pulse.applied_revision <= pulse.lease_revision
        return ReceiptStage.APPLIED if is_applied else ReceiptStage.DELIVERED

    @property
    def clone_suspected_at(self) -> datetime | None:
        return self.pulse.clone_suspected_at

    @property
    def agent(self) -> "AgentState | None":
        """What the site's agent holds; null if the local backend has never asked for a lease."""
        pulse = self.pulse
        if pulse.lease_expires_at is None and pulse.held_revision is None:
            return None
        return AgentState(
            lease_expires_at=pulse.lease_expires_at,
            lease_revision=pulse.lease_revision if pulse.lease_expires_at else None,
            held_revision=pulse.held_revision,
            holds_newer_decision=self.holds_newer_decision,
        )

    @property
    def holds_newer_decision(self) -> bool:
        """Whether the agent holds a lease of a revision that this database never gave it, as after a restore of an old backup.

        The site's own revision may be as high by then: changes since the restore count on from the backup's. The registration,
        revision 1, is in each backup that has the site.
        """
        pulse = self.pulse
        known = max(pulse.lease_revision or 1, self.overruled_revision or 1)
        return pulse.held_revision is not None and pulse.held_revision > known


@dataclass(frozen=True)
class AgentState:
    """The newest lease that the agent asked for, and the newest revision for which it says that it holds a lease.

    After a restore of an old backup the agent may hold a newer decision than the database. It keeps to that, and refuses
    leases of a lower revision.
    """

    lease_expires_at: datetime | None
    lease_revision: int | None
    held_revision: int | None
    holds_newer_decision: bool


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


class SitePulse(models.Model):
    """The newest heartbeat of a site, one narrow row for each. Only heartbeats write it.

    What changes has no index, and each page has free room (see the migration), so that updates on PostgreSQL are HOT.
    """

    site = models.OneToOneField(Site, on_delete=models.PROTECT, primary_key=True, related_name="pulse")
    last_seen_at = models.DateTimeField(null=True)
    last_seen_ip = models.GenericIPAddressField(null=True)
    version = models.CharField(max_length=MAX_VERSION_LENGTH, null=True)  # noqa: DJ001 - null: never reported
    uptime_seconds = models.BigIntegerField(null=True)
    due_at = models.DateTimeField(null=True)
    # The last reply to the site: it shows whether the site knows of a lock yet.
    reply_licensed = models.BooleanField(null=True)
    reply_locked = models.BooleanField(null=True)
    # The newest key that was used, and how often, up to two: the second use retires the older ones.
    newest_key_id = models.BigIntegerField(null=True)
    newest_key_uses = models.PositiveSmallIntegerField(default=0)
    # How many calls were answered since when, for the site's own limit.
    window_started_at = models.DateTimeField(null=True)
    window_calls = models.PositiveIntegerField(default=0)
    # About how many calls came in the last day, see `sites.call_rate`.
    recent_calls = models.FloatField(null=True)
    # Since when the replies say that the site is locked.
    reply_locked_since = models.DateTimeField(null=True)
    # The newest lease that went to an agent: its end, and the highest revision. An agent is a client that asks for a lease,
    # with a nonce.
    lease_expires_at = models.DateTimeField(null=True)
    lease_revision = models.PositiveIntegerField(null=True)
    # When `lease_revision` last rose; null if the agent reported nothing with that heartbeat: then no receipt is expected.
    delivered_at = models.DateTimeField(null=True)
    # The revision that the agent says it has applied, what it makes of it, and when it first reported that revision; see
    # `sites.receipts`.
    applied_revision = models.BigIntegerField(null=True)
    applied_state = models.CharField(max_length=16, choices=AppliedState.choices, null=True)  # noqa: DJ001 - null: never reported
    applied_at = models.DateTimeField(null=True)
    # The highest revision that the site says it holds. After a restore of an old backup it may be one that was never sent.
    held_revision = models.BigIntegerField(null=True)
    # The agent's installation and its run whose heartbeat came last, and the number of that heartbeat.
    instance_id = models.UUIDField(null=True)
    boot_id = models.UUIDField(null=True)
    sequence = models.BigIntegerField(null=True)
    # The newest call with a wrong key that named the site, see `heartbeat.refused_calls`, and the first one since a heartbeat.
    last_refused_at = models.DateTimeField(null=True)
    last_refused_ip = models.GenericIPAddressField(null=True)
    refused_since = models.DateTimeField(null=True)
    # Since when two installations seem to use the site's key; see `heartbeat.clones`.
    clone_suspected_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(
                condition=Q(last_seen_at__isnull=True, due_at__isnull=True)
                | Q(last_seen_at__isnull=False, due_at__isnull=False, due_at__gt=F("last_seen_at")),
                name="sitepulse_due_after_seen",
            ),
            models.CheckConstraint(
                condition=Q(instance_id__isnull=True, boot_id__isnull=True, sequence__isnull=True)
                | Q(instance_id__isnull=False, boot_id__isnull=False, sequence__isnull=False),
                name="sitepulse_boot_whole_or_none",
            ),
        ]

    def __str__(self) -> str:
        return f"pulse of {self.site_id}"


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
