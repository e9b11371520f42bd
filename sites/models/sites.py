"""The restaurants."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.timezone import now

from sites.limits import MAX_EMAIL_LENGTH, MAX_NAME_LENGTH, MAX_PHONE_LENGTH, MAX_REASON_LENGTH, MAX_ZONE_LENGTH
from sites.models.organizations import Organization
from sites.querysets import SiteQuerySet
from sites.receipts import ReceiptStage


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
    # The index `site_by_organization` finds the sites of one.
    organization = models.ForeignKey(
        Organization, null=True, blank=True, on_delete=models.PROTECT, related_name="sites", db_index=False
    )
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
            # On PostgreSQL by name in alphabetical order: see the migration.
            models.Index(
                fields=["organization", "name", "site_id"],
                name="site_by_organization",
                condition=Q(deregistered_at=None),
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
