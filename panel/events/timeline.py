"""What was done to a site, as a person reads it: the action in words, who and through which door, what changed."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from django.utils.safestring import SafeString

from audit.models import Event
from common.instants import parse_instant
from panel.widgets.times import moment, moment_to_the_second

# What an edit of one thing is that has a name of its own.
ACTIVATED, DEACTIVATED, EXPIRY_SET = "activated", "deactivated", "expiry_set"
ACTIONS: dict[str, str] = {
    Event.Action.REGISTERED: "Registered",
    Event.Action.UPDATED: "Edited",
    Event.Action.LOCKED: "Locked",
    Event.Action.LOCK_REASON_CHANGED: "Lock reason changed",
    Event.Action.UNLOCKED: "Unlocked",
    Event.Action.EXTENDED: "Licence extended",
    Event.Action.KEY_ROTATED: "Key rotated",
    Event.Action.KEY_RETIRED: "Older keys retired, as the site used the new one",
    Event.Action.DEREGISTERED: "Deregistered",
    Event.Action.RESTORED: "Restored",
    ACTIVATED: "Activated",
    DEACTIVATED: "Deactivated",
    EXPIRY_SET: "Licence end set",
}
SOURCES = {
    Event.Source.ADMIN: "in the panel",
    Event.Source.API: "over the API",
    Event.Source.COMMAND: "by a command",
    Event.Source.SYSTEM: "by the control plane itself",
}
FIELDS = {
    "name": "Name",
    "owner_name": "Owner",
    "contact_email": "E-mail",
    "timezone": "Time zone",
    "license_expires_at": "Licence ends",
    "is_active": "Active",
    "lock_reason": "Lock reason",
    "key_hint": "Key",
    "live_keys": "Keys in use",
}
# What the action's own name says already.
SAID_BY_THE_ACTION = frozenset({"is_locked", "deregistered_at"})
NOTHING = "–"


class Change(NamedTuple):
    field: str
    before: str | SafeString
    after: str | SafeString


class Entry(NamedTuple):
    event: Event
    words: str
    who: str
    door: str
    changes: list[Change]


def timeline(events: Iterable[Event]) -> list[Entry]:
    return [entry(event) for event in events]


def entry(event: Event) -> Entry:
    who = f"{event.actor_name} ({event.role})" if event.actor_name else ""
    return Entry(event, words_of(event), who, SOURCES[Event.Source(event.source)], changes_of(event))


def words_of(event: Event) -> str:
    return ACTIONS.get(kind_of(event)) or str(Event.Action(event.action).label)


def kind_of(event: Event) -> str:
    """Its action, or ACTIVATED, DEACTIVATED or EXPIRY_SET."""
    if event.action == Event.Action.UPDATED and list(event.changes) == ["is_active"]:
        return ACTIVATED if event.changes["is_active"][1] else DEACTIVATED
    if event.action == Event.Action.UPDATED and list(event.changes) == ["license_expires_at"]:
        return EXPIRY_SET
    return event.action


def changes_of(event: Event) -> list[Change]:
    return [
        Change(label_of(field), readable(field, before), readable(field, after))
        for field, (before, after) in event.changes.items()
        if field not in SAID_BY_THE_ACTION and not (field == "lock_reason" and after and after == event.reason)
    ]


def label_of(field: str) -> str:
    return FIELDS.get(field) or field.replace("_", " ").capitalize()


def readable(field: str, value: Any) -> str | SafeString:
    """The value of a site's field, from the site itself or as an event holds it."""
    value = from_event(field, value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or NOTHING
    if isinstance(value, datetime):
        return with_seconds(value)
    return NOTHING if value in (None, "") else str(value)


def from_event(field: str, value: Any) -> Any:
    """What an event's JSON says, as the site's field holds it."""
    if not (field.endswith("_at") and isinstance(value, str)):
        return value
    try:
        return parse_instant(value)
    except ValueError:
        return value


def with_seconds(at: datetime) -> SafeString:
    """The seconds count where one value is held against another."""
    return moment(at) if at.second == 0 else moment_to_the_second(at)
