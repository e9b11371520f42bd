"""What was done to a site since somebody opened its form."""

from dataclasses import dataclass
from typing import Any

from audit.models import Event
from panel.events.timeline import Entry, from_event, timeline
from sites.events import SITE, SiteAction
from sites.models import Site

TOLD_AT_MOST = 50


@dataclass(frozen=True)
class ChangeOfField:
    """How the field stood when the form was opened, and the newest event that changed it."""

    opened: Any
    event: Event


@dataclass(frozen=True)
class Meanwhile:
    """`events`, newest first; `is_whole`: whether these are all of them."""

    events: list[Event]
    is_whole: bool

    @property
    def entries(self) -> list[Entry]:
        return timeline(self.events)

    def fields(self) -> dict[str, ChangeOfField]:
        changed: dict[str, ChangeOfField] = {}
        for event in self.events:
            for name, (before, _) in event.changes.items():
                newest = changed[name].event if name in changed else event
                changed[name] = ChangeOfField(from_event(name, before), newest)
        return changed


def changes_since(site: Site, opened: int) -> Meanwhile:
    """Each change of a site raises its revision by one and leaves one event; a key that retires by use does not raise it."""
    number = site.revision - opened
    events = Event.objects.of(SITE, site.pk).exclude(action=SiteAction.KEY_RETIRED).newest_first()
    newest = list(events[: min(number, TOLD_AT_MOST)]) if number > 0 else []
    return Meanwhile(newest, is_whole=len(newest) == number and opened > 0)
