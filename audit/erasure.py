"""Erasing the contents of events, so that the log still proves what happened when, and who did it.

What can name a person is emptied: the subject's name, the reason, the values before and after, the salt, and the address
if no admin acted. The rest and both hashes stay, so that the chains and the checkpoints remain as they were.

The erasure is itself an event. It lists each erased event with two hashes: the one that the event was recorded with, and one
over what is left of it. Triggers allow an event to be emptied only if a later `site.erased` about the same site lists it
(audit.triggers); an export of the list of sites may be listed by that of any site. `verify_audit` compares what is left with
the list, and wants two people named.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from audit.actors import Actor
from audit.chain import ERASED_EVENTS, emptied, events_listed_by, hash_of, recorded_erasures, requester_of
from audit.models import Event
from audit.services import Changes, Subject, record_event
from common.instants import format_instant

BATCH_SIZE = 500


def erase_events(
    events: Sequence[Event], *, action: str, subject: Subject, by: Actor, at: datetime, reason: str, changes: Changes
) -> Event:
    """Record an erasure, and empty the events, which the caller has locked; in the caller's transaction."""
    listed = {str(event.sequence): [event.hash, hash_of(emptied(event))] for event in events}
    recorded = {**changes, ERASED_EVENTS: (None, listed)}
    erasure = record_event(action, subject=subject, by=by, at=at, reason=reason, changes=recorded)
    numbers = [event.sequence for event in events]
    for first in range(0, len(numbers), BATCH_SIZE):
        # The trigger empties the other columns.
        Event.objects.filter(pk__in=numbers[first : first + BATCH_SIZE]).update(erasure=erasure)
    return erasure


def erasures_as_json() -> list[dict[str, Any]]:
    """The erasures on record: when, of what, by whom, and how many events."""
    return [
        {
            "event_id": str(event.id),
            "sequence": event.sequence,
            "at": format_instant(event.at),
            "subject_type": event.subject_type,
            "subject_id": event.subject_id,
            "requested_by": requester_of(event),
            "confirmed_by": event.actor_name,
            "events": len(events_listed_by(event)),
        }
        for event in recorded_erasures()
    ]
