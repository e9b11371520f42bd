"""The dashboard's attention items: which sites need attention now or soon, why and since when.

Which sites need attention now is defined by `sites.attention.attention_conditions`, which the list of sites uses too.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import Any, NamedTuple

from django.conf import settings
from django.db.models import Case, Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Value, When, Window
from django.db.models.functions import RowNumber
from django.db.models.lookups import GreaterThanOrEqual, IsNull
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from panel.dashboard.waiting_locks import WaitingLine, waiting_lines
from panel.sites.page.state import calls_a_day_text
from panel.widgets.badges import badge
from panel.widgets.times import moment, moment_ago, moment_until
from sites.attention import Attention, attention_conditions, with_pulse
from sites.call_rate import calling_too_often
from sites.models import Site, SitePulse
from sites.querysets import SiteQuerySet, licensed_at, without_service_at
from sites.status import SiteStatus, calls_with_wrong_key, status_conditions

MAX_NOW, MAX_SOON = 10, 4
ENDS_SOON = timedelta(days=7)
FIRST_HEARTBEAT_WITHIN = timedelta(days=1)  # of the registration

# The kinds of items, the most urgent first, each with the state and label of its badge.
KINDS_NOW: Mapping[str, tuple[str, str]] = {
    "offline": ("offline", ""),
    "wrong_key": ("warn", "wrong key"),
    "lock_overdue": ("locked", "not told yet"),
    "lock_not_applied": ("locked", "told, not applied"),
    "expired_in_use": ("expired", "expired, still in use"),
    "clone_suspected": ("warn", "clone suspected"),
    "late": ("late", ""),
}
KINDS_SOON: Mapping[str, tuple[str, str]] = {
    "ending": ("ending", "ends soon"),
    "too_often": ("warn", "calls too often"),
    "never_seen": ("never_seen", ""),
}
BADGES = {**KINDS_NOW, **KINDS_SOON}


class RankedSite(NamedTuple):
    """A site, its position among those of its kind, and how many there are of that kind."""

    site_id: uuid.UUID
    kind: str
    since: datetime | None  # None for a site without a heartbeat: since its registration
    position: int
    total: int


@dataclass(frozen=True)
class AttentionItem:
    """One line of the dashboard."""

    site: Site
    kind: str
    since: datetime
    reason: SafeString | str

    @property
    def badge(self) -> SafeString:
        return badge(*BADGES[self.kind])

    @property
    def when(self) -> SafeString:
        if self.kind == "too_often":
            return moment_ago(self.site.pulse.last_seen_at or self.since)
        if self.kind == "lock_not_applied":
            return moment_ago(self.site.pulse.delivered_at or self.since)
        return moment_until(self.since) if self.kind == "ending" else moment_ago(self.since)


@dataclass(frozen=True)
class AttentionItems:
    """The items that are shown; `total` is how many sites need attention now.

    `waiting` are about locks that the sites will be told of in time.
    """

    now: Sequence[AttentionItem]
    soon: Sequence[AttentionItem]
    waiting: Sequence[WaitingLine]
    total: int

    @property
    def waiting_badge(self) -> SafeString:
        return badge("none", "not told yet", shape_of="locked")

    @property
    def formatted_total(self) -> str:
        return f"{self.total:,}"


def attention_items(*, at: datetime) -> AttentionItems:
    """Six statements, whatever the number of sites, or nine if there are such locks."""
    queries = (overdue(at), locks(at), expired_in_use(at), ending(at))
    ranked = [RankedSite(*row) for query in queries for row in query]
    now = take_in_turn(ranked, KINDS_NOW, limit=MAX_NOW)
    soon = take_in_turn(ranked, KINDS_SOON, limit=MAX_SOON)
    sites = Site.objects.select_related("pulse").in_bulk([row.site_id for row in (*now, *soon)])
    totals = {row.kind: row.total for row in ranked}
    return AttentionItems(
        now=[item_of(row, sites[row.site_id], at=at) for row in now],
        soon=[item_of(row, sites[row.site_id], at=at) for row in soon],
        waiting=waiting_lines(at=at),
        total=sum(number for kind, number in totals.items() if kind in KINDS_NOW),
    )


def take_in_turn(ranked: Iterable[RankedSite], kinds: Iterable[str], *, limit: int) -> list[RankedSite]:
    """At most `limit` sites: the first of each kind, then the second of each and so on, so that each kind is shown.

    They are returned in the order of the kinds.
    """
    by_kind: dict[str, list[RankedSite]] = {kind: [] for kind in kinds}
    for row in ranked:
        if row.kind in by_kind:
            by_kind[row.kind].append(row)
    taken = [row for turn in zip_longest(*by_kind.values()) for row in turn if row][:limit]
    urgency = list(by_kind)
    return sorted(taken, key=lambda row: (urgency.index(row.kind), row.position))


# --- Queries -------------------------------------------------------------------------------------------------------


def overdue(at: datetime) -> QuerySet[Any, Any]:
    """Sites that are offline, late or never seen although heartbeats are expected, call with a
    wrong key, have a suspected clone, or call too often.

    Reads all pulses once.
    """
    conditions = status_conditions(at, pulse="")
    live, never_seen = Site.objects.live(), IsNull(OuterRef("due_at"), True)
    was_not_refused = IsNull(OuterRef("last_refused_at"), True)
    without_attention = [
        Site.objects.deregistered(),
        live.filter(never_seen, was_not_refused, created_at__gte=at - FIRST_HEARTBEAT_WITHIN),
        # One subquery for each reason, so that each uses an index alone; one for all of them would read the sites.
        *(live.filter(Q(reason)) for reason in without_service_at(at).children),
    ]
    _, clone_suspected = attention_conditions(at, pulse="")[Attention.CLONE_SUSPECTED]
    pulses = SitePulse.objects.filter(~conditions[SiteStatus.ONLINE] | clone_suspected | calling_too_often(at))
    for sites in without_attention:
        pulses = pulses.exclude(Exists(sites.filter(pk=OuterRef("pk"))))
    wrong_key = calls_with_wrong_key() & ~conditions[SiteStatus.ONLINE]
    kind = Case(
        When(wrong_key, then=Value("wrong_key")),
        When(conditions[SiteStatus.NEVER_SEEN], then=Value("never_seen")),
        When(conditions[SiteStatus.LATE], then=Value("late")),
        When(clone_suspected, then=Value("clone_suspected")),
        When(conditions[SiteStatus.ONLINE], then=Value("too_often")),
        default=Value("offline"),
    )
    since = Case(
        When(wrong_key, then=F("refused_since")),
        When(clone_suspected, then=F("clone_suspected_at")),
        default=F("due_at"),
    )
    return first_of_each_kind(pulses, kind=kind, since=since)


def locks(at: datetime) -> QuerySet[Any, Any]:
    """Locks that the site was not told of in time, and those that it was told of and has not applied."""
    conditions = attention_conditions(at, pulse="")
    kinds = (Attention.LOCK_OVERDUE, Attention.LOCK_NOT_APPLIED)
    kind = Case(*(When(conditions[kind][1], then=Value(kind.value)) for kind in kinds))
    pulse = SitePulse.objects.filter(pk=OuterRef("pk")).annotate(kind=kind).values("kind")[:1]
    locked = Site.objects.live().filter(is_locked=True).alias(lock_kind=Subquery(pulse)).filter(lock_kind__isnull=False)
    return first_of_each_kind(locked, kind=F("lock_kind"), since=F("locked_at"))


def expired_in_use(at: datetime) -> QuerySet[Any, Any]:
    sites = needing_attention_for(Attention.EXPIRED_IN_USE, at=at)
    return first_of_each_kind(sites, kind=Value("expired_in_use"), since=F("license_expires_at"))


def ending(at: datetime) -> QuerySet[Any, Any]:
    """Sites whose licence ends within days and that have no worse problem."""
    sites = Site.objects.live().filter(licensed_at(at), license_expires_at__lte=at + ENDS_SOON, is_locked=False)
    is_new = GreaterThanOrEqual(OuterRef("created_at"), at - FIRST_HEARTBEAT_WITHIN)
    is_well = Q(due_at__gte=at, clone_suspected_at=None) | (Q(due_at=None, last_refused_at=None) & Q(is_new))
    return first_of_each_kind(with_pulse(sites, is_well), kind=Value("ending"), since=F("license_expires_at"))


def needing_attention_for(reason: str, *, at: datetime) -> SiteQuerySet:
    site_condition, pulse_condition = attention_conditions(at, pulse="")[reason]
    return with_pulse(Site.objects.live().filter(site_condition), pulse_condition)


def first_of_each_kind(rows: QuerySet[Any], *, kind: Any, since: Any) -> QuerySet[Any, Any]:
    """The values of RankedSite for the earliest sites of each kind, as many as the page can show."""
    annotated = rows.order_by().annotate(kind=kind, since=since)
    ranked = annotated.annotate(
        position=Window(RowNumber(), partition_by=F("kind"), order_by=["since", "pk"]),
        total=Window(Count("*"), partition_by=F("kind")),
    )
    return ranked.filter(position__lte=MAX_NOW).order_by("kind", "position").values_list("pk", *RankedSite._fields[1:])


# --- Words ---------------------------------------------------------------------------------------------------------


def item_of(row: RankedSite, site: Site, *, at: datetime) -> AttentionItem:
    since = row.since or site.created_at
    return AttentionItem(site, row.kind, since, reason_for(row.kind, site, since=since, at=at))


def reason_for(kind: str, site: Site, *, since: datetime, at: datetime) -> SafeString | str:
    match kind:
        case "offline":
            return format_html("Missed its heartbeat; last seen {}.", moment_ago(site.pulse.last_seen_at or since))
        case "wrong_key":
            address = site.pulse.last_refused_ip or "an unknown address"
            return format_html("Calls with a wrong key since {}, from {}.", moment(since), address)
        case "late":
            offline_at = moment(since + settings.HEARTBEAT_GRACE)
            return format_html("Missed its heartbeat; will count as offline at {}.", offline_at)
        case "lock_overdue":
            due_at = moment(site.pulse.due_at or at)
            return format_html("Locked: {}. Next heartbeat overdue since {}.", site.lock_reason, due_at)
        case "lock_not_applied":
            url = f"{reverse('admin:sites_site_changelist')}?is_locked__exact=1&receipt=delivered"
            told = moment(site.pulse.delivered_at or since)
            return format_html(
                'Told of its lock {}, but <a href="{}">not applied</a>: {}.', told, url, site.lock_reason
            )
        case "expired_in_use":
            return "The licence has expired, but heartbeats still arrive."
        case "clone_suspected":
            url = reverse("admin:sites_site_clones", args=[site.pk])
            return format_html('Two installations seem to use its key: <a href="{}">compare them</a>.', url)
        case "too_often":
            return calls_a_day_text(site.pulse)
        case "ending":
            return format_html("Licence ends on {}.", moment(since))
        case _:
            return "Registered, but no heartbeat yet. Is it installed?"
