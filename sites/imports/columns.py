"""The columns of a CSV file of sites: the API's names, in the API's order, but for those that were added later."""

from sites.services import EDITABLE

IDENTITY = "site_id"
# A file names organizations by their slugs.
ORGANIZATION = "organization"
# Where each exported column is found, as a lookup of the ORM on `Site.objects.with_status(…).with_licensed(…)`.
LOOKUPS = {
    "site_id": "site_id",
    "name": "name",
    "owner_name": "owner_name",
    "contact_email": "contact_email",
    "timezone": "timezone",
    "is_active": "is_active",
    "is_locked": "is_locked",
    "lock_reason": "lock_reason",
    "locked_at": "locked_at",
    "license_expires_at": "license_expires_at",
    "licensed": "licensed",
    "status": "status",
    "last_seen_at": "pulse__last_seen_at",
    "last_seen_ip": "pulse__last_seen_ip",
    "version": "pulse__version",
    "uptime_seconds": "pulse__uptime_seconds",
    "due_at": "pulse__due_at",
    "created_at": "created_at",
    "updated_at": "updated_at",
    "last_refused_at": "pulse__last_refused_at",
    "clone_suspected_at": "pulse__clone_suspected_at",
    "deregistered_at": "deregistered_at",  # not in the API, where a deregistered site is unknown
    # Last, because programs may read the older columns by their position.
    "contact_phone": "contact_phone",
    ORGANIZATION: "organization__slug",
}
# The end of a key is of no use in a file that is passed on; the others are for those who look after the agents.
NOT_EXPORTED = {
    "key_hint",
    "lock_known_since",
    "agent",
    "delivered_revision",
    "applied_revision",
    "applied_state",
    "applied_at",
    "organization_id",
}
EXPORTED = tuple(LOOKUPS)
IMPORTED = (IDENTITY, *(name for name in EDITABLE if name != "organization_id"), ORGANIZATION)
IGNORED = frozenset({*EXPORTED, *NOT_EXPORTED} - {*IMPORTED})
