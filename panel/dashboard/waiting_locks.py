"""Locks that the sites will be told of in time, one line for each time that somebody locked sites.

A lock whose site has missed the heartbeat that would have told it is no longer among them: it needs attention
(`sites.attention`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit.models import Event
from panel.events.words import actor_words
from panel.widgets.times import moment_near
from sites.events import SITE, SiteAction
from sites.models import Site

# Locks of one admin belong together if they follow each other within this time, as the sites of one operation do.
MOST_BETWEEN = timedelta(minutes=2)
MAX_LOCKS, MAX_GROUPS = 1_000, 5


@dataclass(frozen=True)
class LockGroup:
    """Sites that one admin locked at a time, the newest first; `not_told` are those of them that do not know of it yet."""

    actor: str
    sites: Sequence[Any]
    not_told: Sequence[Any]

    @property
    def locked_at(self) -> datetime:
        at: datetime = self.sites[-1].locked_at
        return at

    @property
    def due_at(self) -> datetime:
        return max(site.pulse.due_at for site in self.not_told)

    @property
    def subject(self) -> SafeString:
        if len(self.sites) == 1:
            (site,) = self.sites
            return format_html('<a href="{}">{}</a>', reverse("admin:sites_site_change", args=[site.pk]), site.name)
        url = f"{reverse('admin:sites_site_changelist')}?told_of_lock=no"
        return format_html('<a href="{}">{} sites</a>', url, f"{len(self.sites):,}")

    @property
    def reason(self) -> str:
        reasons = {site.lock_reason for site in self.sites}
        return reasons.pop() if len(reasons) == 1 else ""

    def sentence(self, *, at: datetime) -> SafeString:
        """As in "12 sites locked by anna at 20:14 CET; 12 not told yet, the last one due by 02:10 CET."."""
        by = f"by {self.actor} " if self.actor else ""
        locked, due = moment_near(self.locked_at, now=at), moment_near(self.due_at, now=at)
        count = f"; {len(self.not_told):,} not told yet, " if len(self.sites) > 1 else ", not told yet, "
        last = "the last one due by" if len(self.not_told) > 1 else "due by"
        reason = format_html(' <span class="quiet">{}</span>', self.reason) if self.reason else ""
        return format_html("{} locked {}at {}{}{} {}.{}", self.subject, by, locked, count, last, due, reason)


def waiting_locks(*, at: datetime) -> list[SafeString]:
    """A sentence for each group, the newest first; one statement, and a second one if there are recent locks."""
    # A site that was locked longer ago has been told, or is overdue.
    since = at - 2 * settings.HEARTBEAT_INTERVAL
    locked: Any = Site.objects.live().filter(is_locked=True, locked_at__gte=since, pulse__last_seen_at__isnull=False)
    newest = list(
        locked.select_related("pulse")
        .only("name", "locked_at", "lock_reason", *(f"pulse__{name}" for name in ("due_at", "reply_locked")))
        .order_by("-locked_at", "pk")[:MAX_LOCKS]
    )
    if not any(is_waiting(site, at=at) for site in newest):
        return []
    groups = [
        LockGroup(actor, sites, [site for site in sites if not site.pulse.reply_locked])
        for actor, sites in in_groups(newest, actors_of(newest, since=since))
        if any(is_waiting(site, at=at) for site in sites)
    ]
    return [group.sentence(at=at) for group in groups[:MAX_GROUPS]]


def is_waiting(site: Site, *, at: datetime) -> bool:
    return not site.pulse.reply_locked and site.pulse.due_at is not None and site.pulse.due_at >= at


def actors_of(sites: Sequence[Site], *, since: datetime) -> Mapping[str, str]:
    """The name of the actor of the newest lock of each site, by the site's id as events hold it."""
    events = (
        Event.objects.filter(subject_type=SITE, subject_id__in=[str(site.pk) for site in sites])
        .filter(action=SiteAction.LOCKED, at__gte=since)
        .only("subject_id", "actor_name", "source")
        .order_by("sequence")
    )
    return {event.subject_id: actor_words(event) for event in events}


def in_groups(sites: Sequence[Any], actors: Mapping[str, str]) -> list[tuple[str, list[Any]]]:
    """`sites` with the newest lock first. Each group in the same order, the groups in the order of their newest locks."""
    groups: list[tuple[str, list[Any]]] = []
    open_groups: dict[str, list[Any]] = {}
    for site in sites:
        actor = actors.get(str(site.pk), "")
        group = open_groups.get(actor)
        if group is None or group[-1].locked_at - site.locked_at > MOST_BETWEEN:
            group = open_groups[actor] = []
            groups.append((actor, group))
        group.append(site)
    return groups
