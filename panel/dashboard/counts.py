"""How many sites are in each state: a few statements, whatever the number of sites (decisions/0029)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Case, Count, Exists, Max, OuterRef, Q, QuerySet, Subquery, Value, When

from panel.widgets.weeks import weeks_from
from sites.models import Site, SitePulse
from sites.status import newest_possible_pulse, status_conditions

CHART_WEEKS = 12


class StatusCounts(NamedTuple):
    """The number of live sites in each status, and when the last heartbeat of any site came, by the present clock."""

    by_status: dict[str, int]
    last_heartbeat_at: datetime | None
    ahead: int  # live sites whose last heartbeat is in the future, because the clock was ahead


def status_counts(*, at: datetime) -> StatusCounts:
    """Read all pulses once: they have no index on what heartbeats change.

    Subtracting the deregistered sites afterwards is cheaper than joining each pulse with its site.
    """
    conditions = status_conditions(at, pulse="")
    is_ahead = Q(last_seen_at__gt=newest_possible_pulse(at))
    numbers = {str(status): Count("pk", filter=condition) for status, condition in conditions.items()}
    every_site = SitePulse.objects.aggregate(
        **numbers, ahead=Count("pk", filter=is_ahead), last_heartbeat_at=Max("last_seen_at", filter=~is_ahead)
    )
    pulse = SitePulse.objects.filter(pk=OuterRef("pk"))
    status = Case(*(When(condition, then=Value(str(status))) for status, condition in conditions.items()))
    deregistered = Site.objects.deregistered().annotate(
        status=Subquery(pulse.annotate(status=status).values("status")[:1]), ahead=Exists(pulse.filter(is_ahead))
    )
    subtracted = deregistered.order_by().values_list("status", "ahead").annotate(number=Count("*"))
    for name, ahead, number in subtracted:
        every_site[name] -= number
        every_site["ahead"] -= number * ahead
    return StatusCounts(
        {str(status): every_site[status] for status in conditions}, every_site["last_heartbeat_at"], every_site["ahead"]
    )


def license_counts(*, at: datetime) -> dict[str, int]:
    """The number of live sites by the state of their licence, in one statement that reads ranges of indexes.

    The keys are `locked`, `inactive`, `expired`, `unlicensed` (inactive or expired), `ending`, and `week-0` to `week-11` for
    the week in which the licence ends.
    """
    live = Site.objects.live()
    active = live.filter(is_active=True)
    numbers = count_each(
        {
            "locked": live.filter(is_locked=True),
            "inactive": live.filter(is_active=False),
            "expired": active.filter(license_expires_at__lte=at),
            "ending": live.ending(at=at),
            **{
                f"week-{number}": active.filter(license_expires_at__gt=max(at, begin), license_expires_at__lte=end)
                for number, (begin, end) in enumerate(weeks_from(at, number=CHART_WEEKS))
            },
        }
    )
    return numbers | {"unlicensed": numbers["inactive"] + numbers["expired"]}


def count_each(querysets: Mapping[str, QuerySet[Any]]) -> dict[str, int]:
    """The size of each queryset, by one UNION ALL in which each arm uses its own index."""
    first, *others = (
        rows.order_by().annotate(counted_as=Value(name)).values("counted_as").annotate(number=Count("*"))
        for name, rows in querysets.items()
    )
    return {row["counted_as"]: row["number"] for row in first.union(*others, all=True)}
