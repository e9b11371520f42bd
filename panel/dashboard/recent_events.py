"""The dashboard's recent activity, the newest first, each line a sentence of actor, action and subject.

What one actor did to many subjects at a time is one line.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

from django.urls import reverse

from accounts.events import ADMIN
from audit.models import Event
from panel.events.filters import ActionFilter, ActorFilter, SourceFilter, SubjectTypeFilter
from panel.events.words import action_words, actor_words, specific_action
from panel.widgets.period_filter import PeriodFilter
from sites.events import SITE

RECENT_LINES = 10
# How many events are read, and how many if these make too few lines, as after an operation on many sites.
EVENTS_READ, MOST_EVENTS_READ = 50, 300
# Events belong to one line if they follow each other within this time.
MOST_BETWEEN = timedelta(minutes=2)
NAMED_SUBJECTS = 3
PLURALS = {SITE: "sites", ADMIN: "admins"}


@dataclass
class RecentLine:
    """Events of one actor with one action and reason, the newest first."""

    events: list[Event]
    is_cut: bool = False  # older events may belong to it too

    def __post_init__(self) -> None:
        self.subject_ids = {event.subject_id for event in self.events}

    def add(self, event: Event) -> None:
        self.events.append(event)
        self.subject_ids.add(event.subject_id)

    @property
    def event(self) -> Event:
        return self.events[0]

    @property
    def actor(self) -> str:
        return actor_words(self.event)

    @property
    def action(self) -> str:
        return action_words(self.event).phrase

    @property
    def count(self) -> str:
        """As in "12 sites" or "100+ sites"; empty for a single event."""
        if len(self.events) == 1:
            return ""
        plural = PLURALS.get(self.event.subject_type, "subjects")
        return f"{len(self.events)}{'+' if self.is_cut else ''} {plural}"

    @property
    def named(self) -> str:
        """As in "Alte Post, Krone, Lamm and 9 more"."""
        names = ", ".join(event.subject_name for event in self.events[:NAMED_SUBJECTS])
        left = len(self.events) - NAMED_SUBJECTS
        return f"{names} and {'others' if self.is_cut else f'{left} more'}" if left > 0 or self.is_cut else names

    @property
    def events_url(self) -> str:
        """The list of events, with the same actor, action, source and time."""
        end = self.events[0].at + timedelta(microseconds=1)  # which the filter excludes
        query = {
            SubjectTypeFilter.parameter_name: self.event.subject_type,
            ActionFilter.parameter_name: self.event.action,
            SourceFilter.parameter_name: self.event.source,
            PeriodFilter.BEGIN: self.events[-1].at.isoformat(),
            PeriodFilter.END: end.isoformat(),
        }
        if self.event.actor_id:
            query[ActorFilter.parameter_name] = str(self.event.actor_id)
        return f"{reverse('admin:audit_event_changelist')}?{urlencode(query)}"


def recent_lines() -> list[RecentLine]:
    """One statement, or two if the newest events are of few operations."""
    lines = in_lines(newest_events(EVENTS_READ), limit=EVENTS_READ)
    if len(lines) <= RECENT_LINES and lines and lines[-1].is_cut:
        lines = in_lines(newest_events(MOST_EVENTS_READ), limit=MOST_EVENTS_READ)
    return lines[:RECENT_LINES]


def newest_events(limit: int) -> list[Event]:
    return list(Event.objects.newest_first().defer("previous_hash", "salt", "hash")[:limit])


def in_lines(events: Sequence[Event], *, limit: int) -> list[RecentLine]:
    """`limit` is how many events were asked for: with fewer, there are no others."""
    lines: list[RecentLine] = []
    for event in events:
        if lines and belongs_to(lines[-1], event):
            lines[-1].add(event)
        else:
            lines.append(RecentLine([event]))
    if lines and len(events) == limit:
        lines[-1].is_cut = True
    return lines


def belongs_to(line: RecentLine, event: Event) -> bool:
    """Whether the event is another subject of the same operation; a second event of one subject is a line of its own."""
    last = line.events[-1]
    return (
        (last.actor_id, last.source, last.subject_type) == (event.actor_id, event.source, event.subject_type)
        and (specific_action(last), last.reason) == (specific_action(event), event.reason)
        and last.at - event.at <= MOST_BETWEEN
        and event.subject_id not in line.subject_ids
    )
