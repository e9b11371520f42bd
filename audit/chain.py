"""The hashes that show whether somebody has rewritten the audit log, past its triggers.

Each event holds the hash of the event before it about the same subject. A chain for each subject lets writers of different
subjects go on side by side. A checkpoint holds one hash over the events since the checkpoint before. Somebody who can write
to the database can also compute new hashes, so only checkpoints that are kept elsewhere show that everything was rewritten.
"""

import copy
import hashlib
import ipaddress
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC
from itertools import pairwise
from typing import Any, NamedTuple

from audit.models import Checkpoint, Event

HASHED_AS_THEY_ARE = (
    "action",
    "subject_type",
    "subject_id",
    "subject_name",
    "actor_id",
    "actor_name",
    "role",
    "source",
    "request_id",
    "reason",
    "changes",
    "previous_hash",
)
CHUNK_SIZE = 2000
ERASED = "[erased]"  # as in audit.triggers
# In the changes of an event that records an erasure: {number of the event: [its hash, hash of what is left of it]}.
ERASED_EVENTS = "erased_events"
# As in sites.events and audit.triggers: only the first erases, and only events about the same site, exports of the list, and
# events about these kinds of subjects, which belong to a site or name one.
ERASURE, EXPORT = "site.erased", "site_list.exported"
ERASED_WITH_ANY_SITE = ("device", "rollout")


@dataclass(frozen=True)
class Finding:
    """The first event, or checkpoint, that is not as it was written."""

    words: str
    sequence: int | None = None
    event_id: str | None = None


class Listed(NamedTuple):
    """The entry of an event in the erasure that lists it."""

    erasure: int
    subject: tuple[str, str]
    hash: str
    hash_of_rest: str


def hash_of(event: Event) -> str:
    """SHA-256, as 64 hexadecimal digits, over all columns but `sequence`, `hash` and `erasure`."""
    values: dict[str, Any] = {name: getattr(event, name) for name in HASHED_AS_THEY_ARE}
    values["id"] = str(event.id)
    values["at"] = event.at.astimezone(UTC).isoformat(timespec="microseconds")
    values["ip"] = str(ipaddress.ip_address(event.ip)) if event.ip else None
    # Events from before there were salts and tokens have none, nor has the model in the migrations of that time.
    for name in ("salt", "token_name"):
        if value := getattr(event, name, ""):
            values[name] = value
    return hashlib.sha256(json.dumps(values, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def emptied(event: Event) -> Event:
    """A copy without its contents, as the triggers leave it."""
    rest = copy.copy(event)
    rest.subject_name, rest.reason, rest.changes, rest.salt = ERASED, None, {}, ""
    rest.ip = event.ip if event.actor_id is not None else None
    return rest


def recorded_erasures() -> Iterator[Event]:
    erasures = Event.objects.filter(action=ERASURE, changes__has_key=ERASED_EVENTS)
    return erasures.order_by("sequence").iterator(CHUNK_SIZE)


def events_listed_by(erasure: Event) -> dict[int, tuple[str, str]]:
    """{number of the event: (its hash, hash of what is left of it)}; empty if somebody has changed the shape by hand."""
    try:
        _, listed = erasure.changes[ERASED_EVENTS]
        return {int(number): (str(whole), str(rest)) for number, (whole, rest) in listed.items()}
    except (TypeError, ValueError, AttributeError):
        return {}


def requester_of(erasure: Event) -> str | None:
    """None also if somebody has changed the shape by hand."""
    match erasure.changes.get("requested_by"):
        case [_, str(name)]:
            return name
    return None


def is_by_two_people(erasure: Event) -> bool:
    """Whether it names who requested and who confirmed it, and they differ."""
    return None not in (names := (requester_of(erasure), erasure.actor_name)) and names[0] != names[1]


def subject_of(event: Event) -> tuple[str, str]:
    return event.subject_type, event.subject_id


def checkpoint_hash(previous: str, hashes: Iterable[str]) -> str:
    digest = hashlib.sha256(previous.encode())
    for each in hashes:
        digest.update(each.encode())
    return digest.hexdigest()


def events_between(after: int, until: int) -> Iterator[str]:
    """The hashes of the events with `after < sequence <= until`, in their order."""
    events = Event.objects.filter(sequence__gt=after, sequence__lte=until).order_by("sequence")
    return events.values_list("hash", flat=True).iterator(CHUNK_SIZE)


def first_finding(kept: Iterable[dict[str, Any]] = ()) -> Finding | None:
    """None if every event is as it was written. `kept` are checkpoints that were kept elsewhere, as `as_json` gives them."""
    return first_wrong_event() or first_wrong_checkpoint() or first_that_differs(kept)


def first_wrong_event() -> Finding | None:
    newest: dict[tuple[str, str], str] = {}
    erased = {
        number: Listed(erasure.sequence, subject_of(erasure), *hashes)
        for erasure in recorded_erasures()
        for number, hashes in events_listed_by(erasure).items()
    }
    for event in Event.objects.order_by("sequence").iterator(CHUNK_SIZE):
        subject = subject_of(event)
        # The numbers begin at 1; no checkpoint covers another one.
        if event.sequence < 1:
            return finding_of(event, "was inserted by hand")
        if words := wrong_contents(event, erased.get(event.sequence)):
            return finding_of(event, words)
        if event.previous_hash != newest.get(subject, ""):
            return finding_of(event, "does not follow the event before it: an event was removed or inserted before it")
        newest[subject] = event.hash
    return None


def wrong_contents(event: Event, listed: Listed | None) -> str:
    """What is wrong with the columns of an event, in words, or ""."""
    if event.erasure_id is None:
        if listed:
            return f"has contents, although event number {listed.erasure} erased them"
        if event.hash != hash_of(event):
            return "was changed, or inserted by hand"
        is_right = event.action != ERASURE or is_by_two_people(event)
        return "" if is_right else "does not name two people, who requested and who confirmed the erasure"
    if not listed or listed.erasure != event.erasure_id:
        return "was emptied, but no event records its erasure"
    is_of_any_site = event.action == EXPORT or event.subject_type in ERASED_WITH_ANY_SITE
    if not is_of_any_site and subject_of(event) != listed.subject:
        return "was emptied by an erasure that is not about it"
    is_as_left = (event.hash, hash_of(event)) == (listed.hash, listed.hash_of_rest)
    return "" if is_as_left else "was changed after its erasure"


def finding_of(event: Event, words: str) -> Finding:
    return Finding(f"Event {event.id} (number {event.sequence}, {event}) {words}.", event.sequence, str(event.id))


def first_wrong_checkpoint() -> Finding | None:
    """A checkpoint also notices that the newest events of a subject were removed."""
    checkpoints = list(Checkpoint.objects.order_by("last_sequence"))
    beginning = Checkpoint(last_sequence=0, hash="")
    for before, checkpoint in pairwise([beginning, *checkpoints]):
        hashes = list(events_between(before.last_sequence, checkpoint.last_sequence))
        if len(hashes) != checkpoint.events or checkpoint_hash(before.hash, hashes) != checkpoint.hash:
            return Finding(
                f"The events with the numbers {before.last_sequence + 1} to {checkpoint.last_sequence} are not those of"
                f" the checkpoint of {checkpoint.at:%Y-%m-%d %H:%M} UTC: it has {checkpoint.events}, there are {len(hashes)}."
            )
    return None


def first_that_differs(kept: Iterable[dict[str, Any]]) -> Finding | None:
    stored = {checkpoint.last_sequence: as_json(checkpoint) for checkpoint in Checkpoint.objects.all()}
    for checkpoint in kept:
        if stored.get(checkpoint["last_sequence"]) != checkpoint:
            return Finding(
                f"The checkpoint of {checkpoint['at']} that was kept is not the one in the database:"
                f" events up to number {checkpoint['last_sequence']} were rewritten."
            )
    return None


def as_json(checkpoint: Checkpoint) -> dict[str, Any]:
    return {
        "at": checkpoint.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "last_sequence": checkpoint.last_sequence,
        "events": checkpoint.events,
        "hash": checkpoint.hash,
    }
