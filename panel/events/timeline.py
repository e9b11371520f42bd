"""Events as a person reads them: the action in words, who did it and where, what changed."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from django.utils.safestring import SafeString

from audit.models import Event
from common.instants import parse_instant
from panel.events.words import action_words, actor_url, source_words
from panel.widgets.times import moment, moment_to_the_second
from sites.events import SiteAction

FIELDS = {
    "name": "Name",
    "owner_name": "Owner",
    "contact_email": "E-mail",
    "contact_phone": "Phone",
    "timezone": "Time zone",
    "license_expires_at": "Licence ends",
    "is_active": "Active",
    "organization": "Organization",
    "organization_id": "Organization",
    "slug": "Slug",
    "lock_reason": "Lock reason",
    "tags": "Tags",
    "confirm_until_at": "Can be confirmed until",
    "requested_by": "Requested by",
    "requested_at": "Requested",
    "erased_events": "Erased events",
    "erased_heartbeats": "Erased heartbeats",
    "erased_keys": "Erased keys",
    "erased_notes": "Erased notes",
    "erased_tags": "Erased tags",
    "erased_share_links": "Erased links to the page",
    "erased_answers": "Erased stored answers",
    "erased_imports": "Erased imported files",
    "erased_views": "Erased saved views",
    "erased_session_entries": "Erased entries in sessions",
    "device_id": "Id at the location",
    "site_id": "Site",
    "hardware": "Hardware",
    "config_version": "Configuration, version",
    "command": "Command",
    "hint": "Code",
    "uses": "Uses",
    "expires_at": "Usable until",
    "note": "Note",
    "boot_ids": "Starts",
    "key_hint": "Key",
    "revision": "Revision",
    "instance_id": "Installation",
    "boot_id": "Start",
    "first_seen_at": "First call",
    "last_seen_at": "Last call",
    "ip": "Address",
    "version": "Version",
    "sequence": "Sequence",
    "heartbeats": "Heartbeats",
    "clone_suspected_at": "Clone suspected",
    "live_keys": "Keys in use",
    "exported_sites": "Exported sites",
    "exported_events": "Exported events",
    "filters": "Filters",
    "selected_sites": "Selected sites",
    "username": "User name",
    "email": "E-mail",
    "role": "Role",
    "has_password": "Has a password",
    "signs_in_with": "Signs in with",
    "access_request": "Request for access",
    "security_key": "Security key",
    "authenticator_app": "Authenticator app",
    "google_account": "Google account",
    "second_factor": "Second factor",
    "enrol_until_at": "New second factor until",
    "link_expires_at": "Link for a password until",
    "recovery_codes_left": "Recovery codes left",
    "browser": "Browser",
    "browsers": "Browsers",
    "program": "Program",
    "personal_token": "Token",
    "personal_tokens": "Tokens",
    "permissions": "Permissions",
    "api_sign_ins": "Sign-ins over the API",
    "state": "State",
    "endorsed_by": "Endorsed by",
    "listed_until": "In the public set until",
    "backup": "Backup",
    "backup_made_at": "Backup made at",
    "kind": "Kind",
    "address": "Address",
    "min_severity": "Told from severity",
    "kinds": "Told kinds",
    "is_enabled": "Enabled",
    "quiet_from": "Quiet from",
    "quiet_until": "Quiet until",
    "target_firmware": "Target firmware",
    "source": "Set by",
    "product": "Product",
    "channel": "Channel",
    "min_from": "Can be installed from",
    "size": "Bytes",
    "sha256": "SHA-256",
    "signed_by": "Signed by",
    "notes": "Notes",
    "withdrawn_at": "Withdrawn",
    "firmware": "Firmware",
    "waves": "Waves",
    "wave": "Wave",
    "devices": "Devices",
    "pilot_site": "Pilot location",
    "accepted_failures": "Accepted failures",
    "maintenance_window": "Maintenance window",
}
# Fields that are too long to show; a count is shown in their place.
COUNTED = {"erased_events"}
# Fields that the action's label already covers.
SAID_BY_THE_ACTION = frozenset({"is_locked", "deregistered_at", "retired_at"})
NOTHING = "–"
# Actions whose events hold facts alone, with nothing from before.
NEW = frozenset(
    {"token_created", "registered", "created", "exported", "command_sent", "enrolment_code_created", "share_created"}
)


class Change(NamedTuple):
    field: str
    before: str | SafeString
    after: str | SafeString


class Entry(NamedTuple):
    event: Event
    label: str
    who: str
    source: str
    changes: list[Change]

    @property
    def compares_two(self) -> bool:
        """Whether each of the changes is a pair of facts about two installations, and no value became another."""
        return self.event.action == SiteAction.CLONE_SUSPECTED

    @property
    def actor_url(self) -> str | None:
        return actor_url(self.event)

    @property
    def shows_only_values(self) -> bool:
        """Whether nothing was there before, so that each value stands alone."""
        return self.event.action.partition(".")[2] in NEW and all(change.before == NOTHING for change in self.changes)


def timeline(events: Iterable[Event]) -> list[Entry]:
    return [entry(event) for event in events]


def entry(event: Event) -> Entry:
    who = f"{event.actor_name} ({event.role})" if event.actor_name else ""
    changes = changes_of(event)
    if event.action == SiteAction.CLONE_SUSPECTED:
        # As in FIELDS: PostgreSQL keeps the fields of JSON in an order of its own.
        order = list(FIELDS.values())
        changes.sort(key=lambda change: order.index(change.field) if change.field in order else len(order))
    return Entry(event, action_words(event).label, who, source_words(event), changes)


def changes_of(event: Event) -> list[Change]:
    return [
        Change(label_of(field), readable(field, before), readable(field, after))
        for field, (before, after) in event.changes.items()
        if field not in SAID_BY_THE_ACTION and not (field == "lock_reason" and after and after == event.reason)
    ]


def label_of(field: str) -> str:
    return FIELDS.get(field) or field.replace("_", " ").capitalize()


def readable(field: str, value: Any) -> str | SafeString:
    """The value of a field, from the row itself or as an event holds it."""
    value = len(value) if field in COUNTED and value else from_event(field, value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or NOTHING
    if isinstance(value, datetime):
        return with_seconds(value)
    return NOTHING if value in (None, "") else str(value)


def from_event(field: str, value: Any) -> Any:
    """The value of an event's JSON as the model's field holds it."""
    if not (field.endswith("_at") and isinstance(value, str)):
        return value
    try:
        return parse_instant(value)
    except ValueError:
        return value


def with_seconds(at: datetime) -> SafeString:
    """With seconds if there are any, as two values are compared."""
    return moment(at) if at.second == 0 else moment_to_the_second(at)
