"""The history of a device: its events and the changes of its status, merged, in pages."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.utils.safestring import SafeString

from audit.models import Event
from fleet.devices.events import DEVICE
from fleet.heartbeats.models import DeviceStatusChange
from panel.events.timeline import Entry, entry
from panel.widgets.badges import badge

ENTRIES_ON_A_PAGE = 25
# Each page reads all entries before it.
MAX_PAGES = 40


class TimelineItem(NamedTuple):
    """An event or a change of the status; `key` is unique on the page."""

    at: datetime
    key: str
    event_entry: Entry | None = None
    status: SafeString | str = ""


@dataclass(frozen=True)
class Timeline:
    items: list[TimelineItem]
    page: int
    has_older: bool

    @property
    def newer(self) -> int:
        return self.page - 1

    @property
    def older(self) -> int:
        return self.page + 1


def timeline_of(device_id: UUID, *, page: str) -> Timeline:
    """The newest first. Two statements. A page that is no number is the first."""
    number = min(max(int(page), 1), MAX_PAGES) if page.isascii() and page.isdecimal() and len(page) < 5 else 1
    stop = number * ENTRIES_ON_A_PAGE
    events = Event.objects.of(DEVICE, device_id).newest_first()[: stop + 1]
    changes = DeviceStatusChange.objects.filter(device=device_id).order_by("-at", "-id")[: stop + 1]
    found = [(event.at, event.pk, event) for event in events] + [(each.at, each.pk, each) for each in changes]
    found.sort(key=lambda item: item[:2], reverse=True)
    shown = [item_of(row) for _, _, row in found[stop - ENTRIES_ON_A_PAGE : stop]]
    return Timeline(shown, number, has_older=len(found) > stop and number < MAX_PAGES)


def item_of(row: Event | DeviceStatusChange) -> TimelineItem:
    if isinstance(row, Event):
        return TimelineItem(row.at, f"event-{row.pk}", event_entry=entry(row))
    return TimelineItem(row.at, f"status-{row.pk}", status=badge(row.status))
