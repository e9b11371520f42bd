"""The first page: how the sites are, what needs somebody, what happened, and how the control plane itself is."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from audit.models import Event
from heartbeat.hourly_counts import heartbeats_by_hour, oldest_heartbeat_at
from panel.dashboard.attention import attention
from panel.dashboard.charts import Chart, Count
from panel.dashboard.counts import SHOWN_WEEKS, calling, sites_by_licence, weeks_from
from panel.dashboard.health import findings
from panel.events.timeline import ACTIVATED, DEACTIVATED, EXPIRY_SET, kind_of
from panel.widgets.badges import badge
from sites.models import SiteStatus

SHOWN_EVENTS = 10
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
# What the event's subject did; the site's name follows.
DEEDS: dict[str, str] = {
    Event.Action.REGISTERED: "registered",
    Event.Action.UPDATED: "edited",
    Event.Action.LOCKED: "locked",
    Event.Action.LOCK_REASON_CHANGED: "changed the lock's reason of",
    Event.Action.UNLOCKED: "unlocked",
    Event.Action.EXTENDED: "extended the licence of",
    Event.Action.KEY_ROTATED: "made a new key for",
    Event.Action.KEY_RETIRED: "retired the old key of",
    Event.Action.DEREGISTERED: "deregistered",
    Event.Action.RESTORED: "restored",
    ACTIVATED: "activated",
    DEACTIVATED: "deactivated",
    EXPIRY_SET: "set the end of the licence of",
}
NOBODY = {Event.Source.SYSTEM: "The control plane", Event.Source.COMMAND: "A command"}


@dataclass(frozen=True)
class Tile:
    """A number that leads to the list of exactly those sites."""

    kind: str
    words: str
    number: int
    query: dict[str, str]

    @property
    def badge(self) -> SafeString:
        return badge(self.kind, self.words)

    @property
    def url(self) -> str:
        return f"{reverse('admin:sites_site_changelist')}?{urlencode(self.query)}"

    @property
    def shown(self) -> str:
        return f"{self.number:,}"


@dataclass(frozen=True)
class Deed:
    event: Event

    @property
    def actor(self) -> str:
        return self.event.actor_name or NOBODY.get(Event.Source(self.event.source), "Somebody")

    @property
    def words(self) -> str:
        return DEEDS[kind_of(self.event)]


def dashboard(request: HttpRequest, *, at: datetime) -> dict[str, Any]:
    """What the page's template needs; a fixed number of statements (decisions/0029)."""
    by_status, last_heard_at = calling(at=at)
    by_licence = sites_by_licence(at=at)
    return {
        "tiles": [*status_tiles(by_status), *licence_tiles(by_licence)],
        "sites": (sites := sum(by_status.values())),
        "shown_sites": f"{sites:,}",
        "attention": attention(at=at),
        "charts": [heartbeat_chart(heartbeats_by_hour(at=at)), licence_chart(by_licence, at=at)],
        "deeds": [Deed(event) for event in Event.objects.newest_first()[:SHOWN_EVENTS]],
        "findings": findings(newest=last_heard_at, oldest=oldest_heartbeat_at(), at=at),
        "zone": timezone.get_current_timezone_name(),
        "may_register": request.user.has_perm("sites.add_site"),
    }


# --- Numbers -------------------------------------------------------------------------------------------------------


def status_tiles(numbers: dict[str, int]) -> Iterator[Tile]:
    for status in (SiteStatus.ONLINE, SiteStatus.LATE, SiteStatus.OFFLINE, SiteStatus.NEVER_SEEN):
        yield Tile(status, str(status.label), numbers[status], {"status": status})


def licence_tiles(numbers: dict[str, int]) -> Iterator[Tile]:
    yield Tile("locked", "locked", numbers["locked"], {"is_locked__exact": "1"})
    yield Tile("expired", "expired or inactive", numbers["unlicensed"], {"licensed": "no"})
    yield Tile("ending", "ending within 30 days", numbers["ending"], {"licensed": "ending"})


# --- Charts --------------------------------------------------------------------------------------------------------


def heartbeat_chart(hours: list[tuple[datetime, int]]) -> Chart:
    counts = [Count(f"{timezone.localtime(hour):%H:%M}", hour_in_words(hour), number) for hour, number in hours]
    return Chart(
        name="heartbeats",
        title="Heartbeats of the last 24 hours",
        gist=gist(counts, none="None came in.", verb="came in"),
        noun="heartbeats",
        span=f"Hour ({timezone.get_current_timezone_name()})",
        counts=counts,
        labels_every=3,
        is_last_running=True,
    )


def hour_in_words(hour: datetime) -> str:
    return f"{timezone.localtime(hour):%a %d %b, %H:%M} to {timezone.localtime(hour + HOUR):%H:%M}"


def licence_chart(numbers: dict[str, int], *, at: datetime) -> Chart:
    counts = [
        Count(f"{begin:%d %b}", f"{begin:%d %b} to {end - DAY:%d %b %Y}", numbers[f"week-{number}"])
        for number, (begin, end) in enumerate(weeks_from(at))
    ]
    return Chart(
        name="licences",
        title=f"Licences ending in the next {SHOWN_WEEKS} weeks",
        gist=gist(counts, none="None ends.", verb="end"),
        noun="licences",
        span="Week",
        counts=counts,
        labels_every=2,
    )


def gist(counts: list[Count], *, none: str, verb: str) -> str:
    """What a glance at the bars would tell."""
    total = sum(count.number for count in counts)
    if not total:
        return none
    most = max(counts, key=lambda count: count.number)
    return f"{total:,} {verb}, the most from {most.full} ({most.number:,})."
