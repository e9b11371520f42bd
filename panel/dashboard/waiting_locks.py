"""Locks that the sites will be told of in time, one line for each time that somebody locked sites.

A lock whose site has missed the heartbeat that would have told it needs attention (`sites.attention`); the line counts it as
overdue.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Prefetch, Q, prefetch_related_objects
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit.models import Event
from panel.events.words import actor_words
from panel.widgets.times import moment_near
from sites.attention import not_told_of_lock, with_pulse
from sites.events import SITE, SiteAction
from sites.models import Site, SitePulse
from sites.querysets import SiteQuerySet

# Locks of one admin with one reason belong together if they follow each other within this time, as those of one operation do.
MOST_BETWEEN = timedelta(minutes=2)
# How many of the newest locks are read; a line that may have more says so.
MAX_LOCKS = 300
MAX_GROUPS = 5
NOT_TOLD = "told_of_lock=no"


@dataclass(frozen=True)
class LockGroup:
    """Sites that one admin locked at a time, for one reason, the newest first.

    Of these `waiting` will be told by their next heartbeat, and `overdue` have missed it. With `is_cut` there may be more.
    """

    actor: str
    reason: str
    sites: Sequence[Any]
    waiting: Sequence[Any]
    overdue: Sequence[Any]
    is_cut: bool

    @property
    def key(self) -> str:
        return str(self.sites[0].pk)

    def sentence(self, *, at: datetime) -> SafeString:
        """As in "12 sites locked by anna at 20:14 CET; 10 not told yet, the last one due by 02:10 CET; 2 overdue."."""
        by = f"by {self.actor} " if self.actor else ""
        locked = moment_near(self.sites[-1].locked_at, now=at)
        due = moment_near(max(site.pulse.due_at for site in self.waiting), now=at)
        reason = format_html(' <span class="quiet">{}</span>', self.reason) if self.reason else ""
        if len(self.sites) == 1:
            (site,) = self.sites
            link = format_html('<a href="{}">{}</a>', reverse("admin:sites_site_change", args=[site.pk]), site.name)
            return format_html("{} locked {}at {}, not told yet, due by {}.{}", link, by, locked, due, reason)
        more = "+" if self.is_cut else ""
        total, not_told = f"{len(self.sites):,}{more}", f"{len(self.waiting):,}{more} not told yet"
        last = "the last one due by" if len(self.waiting) > 1 else "due by"
        overdue = f"; {len(self.overdue):,} overdue" if self.overdue else ""
        link = format_html('<a href="{}">{}</a>', not_told_url(), not_told)
        return format_html(
            "{} sites locked {}at {}; {}, {} {}{}.{}", total, by, locked, link, last, due, overdue, reason
        )


@dataclass(frozen=True)
class WaitingLine:
    key: str
    sentence: SafeString


def not_told_url() -> str:
    return f"{reverse('admin:sites_site_changelist')}?{NOT_TOLD}"


def waiting_lines(*, at: datetime) -> list[WaitingLine]:
    """A line for each group, the newest first: one statement, and three more if there are such locks."""
    waiting = newest(with_pulse(live_locks(), not_told_of_lock(pulse="") & Q(due_at__gte=at)))
    if not waiting:
        return []
    since = waiting[-1].locked_at - MOST_BETWEEN
    recent = with_pulse(live_locks().filter(locked_at__gte=since), Q(last_seen_at__isnull=False))
    others = newest(recent.exclude(pk__in=[site.pk for site in waiting]))
    sites = sorted((*waiting, *others), key=lambda site: site.locked_at, reverse=True)
    prefetch_related_objects(sites, Prefetch("pulse", SitePulse.objects.only("due_at", "reply_locked")))
    groups = groups_of(sites, at=at, is_cut=MAX_LOCKS in (len(waiting), len(others)))
    lines = [WaitingLine(group.key, group.sentence(at=at)) for group in groups[:MAX_GROUPS]]
    if len(groups) > MAX_GROUPS:
        more = format_html('<a href="{}">{} more like these</a>', not_told_url(), len(groups) - MAX_GROUPS)
        lines.append(WaitingLine("more", more))
    return lines


def live_locks() -> SiteQuerySet:
    sites: SiteQuerySet = Site.objects.live().filter(is_locked=True)
    return sites


def newest(sites: SiteQuerySet) -> list[Any]:
    return list(sites.only("name", "locked_at", "lock_reason").order_by("-locked_at", "pk")[:MAX_LOCKS])


def groups_of(sites: Sequence[Any], *, at: datetime, is_cut: bool) -> list[LockGroup]:
    """Those in which a site waits. `sites` with the newest lock first."""
    locks = newest_locks(sites)
    groups: list[tuple[str, list[Any]]] = []
    open_groups: dict[tuple[str, str], list[Any]] = {}
    for site in sites:
        event = locks.get(str(site.pk))
        actor = actor_words(event) if event else ""
        kind = (actor, site.lock_reason)
        group = open_groups.get(kind)
        if group is None or group[-1].locked_at - site.locked_at > MOST_BETWEEN:
            group = open_groups[kind] = []
            groups.append((actor, group))
        group.append(site)
    oldest = sites[-1].locked_at
    found = [
        lock_group(actor, members, locks, at=at, is_cut=is_cut and members[-1].locked_at - oldest <= MOST_BETWEEN)
        for actor, members in groups
    ]
    return [group for group in found if group.waiting]


def lock_group(
    actor: str, sites: Sequence[Any], locks: Mapping[str, Event], *, at: datetime, is_cut: bool
) -> LockGroup:
    not_told = [site for site in sites if not site.pulse.reply_locked]
    # The reason of a lock may have been changed since, by somebody else.
    is_theirs = all(str(site.pk) in locks and locks[str(site.pk)].reason == site.lock_reason for site in sites)
    return LockGroup(
        actor=actor,
        reason=sites[0].lock_reason if is_theirs else "",
        sites=sites,
        waiting=[site for site in not_told if site.pulse.due_at >= at],
        overdue=[site for site in not_told if site.pulse.due_at < at],
        is_cut=is_cut,
    )


def newest_locks(sites: Sequence[Site]) -> Mapping[str, Event]:
    """The event of the newest lock of each site, by the site's id as events hold it."""
    if not sites:
        return {}
    events = (
        Event.objects.filter(subject_type=SITE, subject_id__in=[str(site.pk) for site in sites])
        .filter(action=SiteAction.LOCKED, at__gte=sites[-1].locked_at)
        .only("subject_id", "actor_name", "source", "reason")
        .order_by("sequence")
    )
    return {event.subject_id: event for event in events}
