"""The events of a site, of an organization, of the list of sites as a whole, and of its saved views."""

import uuid

from django.db.models import TextChoices

from audit.services import Subject
from sites.models import Organization

SITE = "site"
ORGANIZATION = "organization"
SITE_LIST = "site_list"
SAVED_VIEW = "saved_view"


class SiteAction(TextChoices):
    REGISTERED = "site.registered"
    UPDATED = "site.updated"
    LOCKED = "site.locked"
    LOCK_REASON_CHANGED = "site.lock_reason_changed"
    UNLOCKED = "site.unlocked"
    EXTENDED = "site.extended"
    KEY_ROTATED = "site.key_rotated"
    KEY_RETIRED = "site.key_retired"
    DEREGISTERED = "site.deregistered"
    RESTORED = "site.restored"
    CONFIRMED = "site.confirmed"
    NOTE_ADDED = "site.note_added"
    CLONE_SUSPECTED = "site.clone_suspected"
    CLONE_DISMISSED = "site.clone_dismissed"
    TAGS_CHANGED = "site.tags_changed"
    # Recorded by the app `documents`.
    FILE_UPLOADED = "site.file_uploaded"
    FILE_DELETED = "site.file_deleted"
    # Recorded by the app `erasure`.
    ERASURE_REQUESTED = "site.erasure_requested"
    ERASURE_WITHDRAWN = "site.erasure_withdrawn"
    ERASED = "site.erased"
    # Recorded by the app `alerts`.
    LICENSE_NOTICE_SENT = "site.license_notice_sent"
    UNSUBSCRIBED = "site.unsubscribed"
    SUBSCRIBED = "site.subscribed"


# Each of these raises the site's revision by one; the others leave it as it is.
RAISE_THE_REVISION = frozenset(
    {
        SiteAction.UPDATED,
        SiteAction.LOCKED,
        SiteAction.LOCK_REASON_CHANGED,
        SiteAction.UNLOCKED,
        SiteAction.EXTENDED,
        SiteAction.KEY_ROTATED,
        SiteAction.DEREGISTERED,
        SiteAction.RESTORED,
        SiteAction.CONFIRMED,
    }
)


class OrganizationAction(TextChoices):
    CREATED = "organization.created"
    UPDATED = "organization.updated"


class SiteListAction(TextChoices):
    EXPORTED = "site_list.exported"


class SavedViewAction(TextChoices):
    """Of a view for everybody; what admins save for themselves leaves no event."""

    CREATED = "saved_view.created"
    CHANGED = "saved_view.changed"
    DELETED = "saved_view.deleted"


SITES = Subject(SITE_LIST, "all", "the list of sites")


def site_subject(site_id: uuid.UUID, name: str) -> Subject:
    return Subject(SITE, site_id, name)


def organization_subject(organization: Organization) -> Subject:
    return Subject(ORGANIZATION, organization.pk, organization.name)
