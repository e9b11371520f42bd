"""Which sites need somebody's attention, why and since when: the worst first, and how many there are.

What needs attention is said in `sites.querysets.attention_conditions`, for the list of sites too. Below it stands what will
need somebody soon.
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
from django.utils.html import format_html
from django.utils.safestring import SafeString

from panel.widgets.badges import badge
from panel.widgets.times import moment, moment_ago, moment_until
from sites.models import Site, SitePulse
from sites.querysets import (
    Attention,
    SiteQuerySet,
    SiteStatus,
    attention_conditions,
    barred_at,
    licensed_at,
    status_conditions,
)

SHOWN, SHOWN_SOON = 10, 4
ENDS_WITHIN = timedelta(days=7)
FIRST_CALL_WITHIN = timedelta(days=1)

# Each with its badge, the worst first.
NOW: Mapping[str, tuple[str, str]] = {
    "offline": ("offline", ""),
    "untold": ("locked", "not told yet"),
    "unpaid": ("expired", "still calling"),
    "late": ("late", ""),
}
SOON: Mapping[str, tuple[str, str]] = {
    "ending": ("ending", "ends soon"),
    "never_seen": ("never_seen", ""),
}
BADGES = {**NOW, **SOON}


class Found(NamedTuple):
    """One of the first of its kind; `total` is how many of that kind there are."""

    site_id: uuid.UUID
    kind: str
    since: datetime | None  # None of a site that never called: since its registration
    place: int
    total: int


@dataclass(frozen=True)
class Worry:
    """A line of the dashboard."""

    site: Site
    kind: str
    since: datetime
    why: SafeString | str

    @property
    def badge(self) -> SafeString:
        return badge(*BADGES[self.kind])

    @property
    def when(self) -> SafeString:
        return moment_until(self.since) if self.kind == "ending" else moment_ago(self.since)


@dataclass(frozen=True)
class Report:
    """`total` is how many sites the list of those that need attention holds."""

    now: Sequence[Worry]
    soon: Sequence[Worry]
    total: int

    @property
    def shown_total(self) -> str:
        return f"{self.total:,}"


def attention(*, at: datetime) -> Report:
    """Five statements. No kind crowds out the others."""
    found = [Found(*row) for rows in (silent(at), untold(at), unpaid(at), ending(at)) for row in rows]
    totals = {each.kind: each.total for each in found}
    now, soon = fairly_chosen(found, NOW, most=SHOWN), fairly_chosen(found, SOON, most=SHOWN_SOON)
    worries = in_words([*now, *soon], at=at)
    return Report(
        now=[each for each in worries if each.kind in NOW],
        soon=[each for each in worries if each.kind in SOON],
        total=sum(number for kind, number in totals.items() if kind in NOW),
    )


def fairly_chosen(found: Iterable[Found], kinds: Iterable[str], *, most: int) -> list[Found]:
    """In turn the first of each kind, the second of each and so on; those then in the order of the kinds."""
    by_kind: dict[str, list[Found]] = {kind: [] for kind in kinds}
    for each in found:
        if each.kind in by_kind:
            by_kind[each.kind].append(each)
    in_turn = [each for turn in zip_longest(*by_kind.values()) for each in turn if each]
    severity = list(by_kind)
    return sorted(in_turn[:most], key=lambda each: (severity.index(each.kind), each.place))


# --- The questions -------------------------------------------------------------------------------------------------


def silent(at: datetime) -> QuerySet[Any, Any]:
    """Offline, late or never seen, though it should call. One look at all pulses, which have no index on that."""
    is_in = status_conditions(at, pulse="")
    registered, never_called = Site.objects.live(), IsNull(OuterRef("due_at"), True)
    needs_nobody = [
        Site.objects.deregistered(),
        registered.filter(never_called, created_at__gte=at - FIRST_CALL_WITHIN),
        # One by one, since an index alone tells who is among them; of all in one the sites would have to be read.
        *(registered.filter(Q(reason)) for reason in barred_at(at).children),
    ]
    pulses = SitePulse.objects.exclude(is_in[SiteStatus.ONLINE])
    for sites in needs_nobody:
        pulses = pulses.exclude(Exists(sites.filter(pk=OuterRef("pk"))))
    kind = Case(
        When(is_in[SiteStatus.NEVER_SEEN], then=Value("never_seen")),
        When(is_in[SiteStatus.LATE], then=Value("late")),
        default=Value("offline"),
    )
    return first_of_each(pulses, kind=kind, since=F("due_at"))


def untold(at: datetime) -> QuerySet[Any, Any]:
    return first_of_each(for_the_reason(Attention.UNTOLD, at=at), kind=Value("untold"), since=F("locked_at"))


def unpaid(at: datetime) -> QuerySet[Any, Any]:
    return first_of_each(for_the_reason(Attention.UNPAID, at=at), kind=Value("unpaid"), since=F("license_expires_at"))


def for_the_reason(reason: str, *, at: datetime) -> SiteQuerySet:
    of_site, of_pulse = attention_conditions(at, pulse="")[reason]
    return with_pulse(Site.objects.live().filter(of_site), of_pulse)


def ending(at: datetime) -> QuerySet[Any, Any]:
    """Within days, of sites that nothing worse is true of."""
    sites = Site.objects.live().filter(licensed_at(at), license_expires_at__lte=at + ENDS_WITHIN, is_locked=False)
    is_new = GreaterThanOrEqual(OuterRef("created_at"), at - FIRST_CALL_WITHIN)
    calling = with_pulse(sites, Q(due_at__gte=at) | (Q(due_at=None) & Q(is_new)))
    return first_of_each(calling, kind=Value("ending"), since=F("license_expires_at"))


def with_pulse(sites: SiteQuerySet, condition: Q) -> SiteQuerySet:
    """Those few sites whose pulse is so. Each pulse is looked up; a join would be planned by a guess, and read all of them."""
    pulse = SitePulse.objects.filter(condition, pk=OuterRef("pk")).values("pk")[:1]
    return sites.alias(such_a_pulse=Subquery(pulse)).filter(such_a_pulse__isnull=False)


def first_of_each(rows: QuerySet[Any], *, kind: Any, since: Any) -> QuerySet[Any, Any]:
    """As many as can be shown, by time, each with how many there are of its kind."""
    ranked = rows.order_by().annotate(kind=kind, since=since)
    counted = ranked.annotate(
        place=Window(RowNumber(), partition_by=F("kind"), order_by=["since", "pk"]),
        total=Window(Count("*"), partition_by=F("kind")),
    )
    return counted.filter(place__lte=SHOWN).order_by("kind", "place").values_list("pk", *Found._fields[1:])


# --- The words -----------------------------------------------------------------------------------------------------


def in_words(chosen: list[Found], *, at: datetime) -> list[Worry]:
    sites = Site.objects.select_related("pulse").in_bulk([each.site_id for each in chosen])
    return [worry(each.kind, sites[each.site_id], since=each.since, at=at) for each in chosen]


def worry(kind: str, site: Site, *, since: datetime | None, at: datetime) -> Worry:
    since = since or site.created_at
    return Worry(site, kind, since, why(kind, site, since=since, at=at))


def why(kind: str, site: Site, *, since: datetime, at: datetime) -> SafeString | str:
    match kind:
        case "offline":
            heard = site.pulse.last_seen_at or since
            return format_html("Should have called, and did not; last heard {}.", moment_ago(heard))
        case "late":
            offline_at = since + settings.HEARTBEAT_GRACE
            return format_html("Should have called; offline from {} on.", moment(offline_at))
        case "untold":
            return format_html("Locked: {}. {}", site.lock_reason, when_told(site.pulse.due_at or at, at=at))
        case "unpaid":
            return "The licence ended, and the site calls on: it is still in use."
        case "ending":
            return format_html("The licence ends on {}.", moment(since))
        case _:
            return "Registered, and never called: is it installed?"


def when_told(due_at: datetime, *, at: datetime) -> SafeString:
    if due_at < at:
        return format_html("It does not know: silent since {}.", moment(due_at))
    return format_html("It will be told by {}.", moment(due_at))
