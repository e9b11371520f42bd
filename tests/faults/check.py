"""Whether an acknowledged change was lost or a wrong verdict given: compares the records with each other and the database."""

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.faults.records import Change, Heartbeat, Records, Verdict

INITIAL = {"lock_reason": None, "is_active": True}
ACTIONS = {
    "lock_reason": ("site.locked", "site.unlocked", "site.lock_reason_changed"),
    "is_active": ("site.updated",),
    "days": ("site.extended",),
}


@dataclass
class Stored:
    """What the database holds at the end: `events` by site and action, `heartbeats` by number, `names` of all sites."""

    sites: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: Counter[tuple[str, str]] = field(default_factory=Counter)
    heartbeats: Counter[int] = field(default_factory=Counter)
    names: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Finding:
    """`at` is when the request was answered, so that the finding belongs to the fault of that time."""

    at: float
    text: str


class History:
    """The changes of one field of one site, by one writer who sends the next only when the one before is acknowledged."""

    def __init__(self, initial: Any, changes: Iterable[Change]) -> None:
        self.changes = list(changes)
        self.initial = initial
        self.began = [change.first_sent_at for change in self.changes]
        self.ended = [
            change.acknowledged_at if change.acknowledged_at is not None else float("inf") for change in self.changes
        ]

    def possible_values(self, asked_at: float, answered_at: float) -> list[Any]:
        """The value that held when the request was sent, and those of changes that were under way during it."""
        finished = bisect_right(self.ended, asked_at)
        before = self.changes[finished - 1].value if finished else self.initial
        return [before, *(change.value for change in self.changes[finished : bisect_left(self.began, answered_at)])]


def histories(changes: Iterable[Change]) -> dict[tuple[str, str], History]:
    by_field: dict[tuple[str, str], list[Change]] = defaultdict(list)
    for change in changes:
        by_field[change.site_id, change.field].append(change)
    return {key: History(INITIAL.get(key[1]), of_field) for key, of_field in by_field.items()}


def wrong_verdicts(changes: Iterable[Change], verdicts: Iterable[Verdict]) -> list[Finding]:
    """Verdicts that no order of the requests explains."""
    by_field = histories(changes)
    found = []
    for verdict in verdicts:
        history = by_field.get((verdict.site_id, verdict.field)) or History(INITIAL[verdict.field], [])
        possible = history.possible_values(verdict.asked_at, verdict.answered_at)
        if verdict.value not in possible:
            text = f"site {verdict.site_id}: {verdict.field} was answered as {verdict.value!r}, must be in {possible!r}"
            found.append(Finding(verdict.answered_at, text))
    return found


def lost_changes(changes: Iterable[Change], stored: Stored) -> list[Finding]:
    """Fields whose stored value, or whose number of events, differs from what was acknowledged."""
    found = []
    for (site_id, name), history in histories(change for change in changes if change.field in INITIAL).items():
        last = history.changes[-1]
        possible = history.possible_values(last.acknowledged_at or last.first_sent_at, float("inf"))
        value = stored.sites.get(site_id, {}).get(name, "no such site")
        if value not in possible:
            found.append(Finding(last.first_sent_at, f"site {site_id}: {name} is {value!r}, must be in {possible!r}"))
        found += lost_events(site_id, name, history.changes, stored)
    return found


def lost_events(site_id: str, name: str, changes: list[Change], stored: Stored) -> list[Finding]:
    acknowledged = sum(change.acknowledged_at is not None for change in changes)
    events = sum(stored.events[site_id, action] for action in ACTIONS[name])
    if acknowledged <= events <= len(changes):
        return []
    text = f"site {site_id}: {events} events of {name} for {acknowledged} acknowledged changes, {len(changes)} sent"
    return [Finding(changes[-1].first_sent_at, text)]


def lost_extensions(changes: Iterable[Change], first_ends: Mapping[str, datetime], stored: Stored) -> list[Finding]:
    """Licences whose end is not the sum of the acknowledged extensions: a retry must not extend twice."""
    found = []
    for (site_id, name), history in histories(change for change in changes if change.field == "days").items():
        total = sum(change.value for change in history.changes if change.acknowledged_at is not None)
        unsure = sum(change.value for change in history.changes if change.acknowledged_at is None)
        first, end = first_ends[site_id], stored.sites[site_id]["license_expires_at"]
        if not first + timedelta(days=total) <= end <= first + timedelta(days=total + unsure):
            text = f"site {site_id}: the licence ends {end}, must be {total} days after {first}"
            found.append(Finding(history.began[-1], text))
        found += lost_events(site_id, name, history.changes, stored)
    return found


def lost_registrations(changes: Iterable[Change], stored: Stored) -> list[Finding]:
    """Names that were registered: exactly one site each, or at most one if it was not acknowledged."""
    return [
        Finding(change.first_sent_at, f"{stored.names[change.value]} sites have the name {change.value}")
        for change in changes
        if change.field == "name" and stored.names[change.value] not in ((1,) if change.acknowledged_at else (0, 1))
    ]


def lost_heartbeats(heartbeats: Iterable[Heartbeat], stored: Stored) -> list[Finding]:
    return [
        Finding(beat.answered_at, f"site {beat.site_id}: heartbeat {beat.number} is {count} times in the history")
        for beat in heartbeats
        if (count := stored.heartbeats[beat.number]) != 1
    ]


def all_lost(records: Records, first_ends: Mapping[str, datetime], stored: Stored) -> list[Finding]:
    return [
        *lost_changes(records.changes, stored),
        *lost_extensions(records.changes, first_ends, stored),
        *lost_registrations(records.changes, stored),
        *lost_heartbeats(records.heartbeats, stored),
    ]
