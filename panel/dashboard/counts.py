"""How many sites are how: a few statements, whatever the number of sites (decisions/0029)."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import Case, Count, Max, OuterRef, QuerySet, Subquery, Value, When
from django.utils import timezone

from sites.models import Site, SitePulse
from sites.querysets import status_conditions

WEEK = timedelta(days=7)
SHOWN_WEEKS = 12


class Calling(NamedTuple):
    """How many live sites are in each status, and when the last heartbeat came, of whatever site."""

    by_status: dict[str, int]
    last_heard_at: datetime | None


def calling(*, at: datetime) -> Calling:
    """Heartbeats move the pulses, which therefore have no index: they are read once, for all that is asked of them here.

    To take the deregistered off afterwards is cheaper than to ask of each pulse whether its site is live.
    """
    conditions = status_conditions(at, pulse="")
    numbers = {str(status): Count("pk", filter=of) for status, of in conditions.items()}
    every = SitePulse.objects.aggregate(**numbers, last_heard_at=Max("last_seen_at"))
    last_heard_at = every.pop("last_heard_at")
    pulse = SitePulse.objects.filter(pk=OuterRef("pk")).annotate(
        status=Case(*(When(of, then=Value(str(status))) for status, of in conditions.items()))
    )
    deregistered = Site.objects.deregistered().annotate(status=Subquery(pulse.values("status")[:1]))
    gone = dict(deregistered.order_by().values_list("status").annotate(number=Count("*")))
    return Calling({status: number - gone.get(status, 0) for status, number in every.items()}, last_heard_at)


def sites_by_licence(*, at: datetime) -> dict[str, int]:
    """`locked`, `unlicensed`, `ending`, and `week-0` to `week-11` in which licences end: ranges of indexes, one statement."""
    live = Site.objects.live()
    active = live.filter(is_active=True)
    numbers = counted(
        {
            "locked": live.filter(is_locked=True),
            "inactive": live.filter(is_active=False),
            "expired": active.filter(license_expires_at__lte=at),
            "ending": live.ending(at=at),
            **{
                f"week-{number}": active.filter(license_expires_at__gt=max(at, begin), license_expires_at__lte=end)
                for number, (begin, end) in enumerate(weeks_from(at))
            },
        }
    )
    return numbers | {"unlicensed": numbers["inactive"] + numbers["expired"]}


def weeks_from(at: datetime) -> list[tuple[datetime, datetime]]:
    """From Monday to Monday by the viewer's calendar, the running week first."""
    today = timezone.localtime(at).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    monday = today - timedelta(days=today.weekday())
    # Adding days to a local time keeps the hour, also across the change of the clocks.
    return [(monday + number * WEEK, monday + (number + 1) * WEEK) for number in range(SHOWN_WEEKS)]


def counted(questions: Mapping[str, QuerySet[Any]]) -> dict[str, int]:
    """The size of each, in one statement: each arm of it chooses an index of its own."""
    first, *others = (
        rows.order_by().annotate(question=Value(name)).values("question").annotate(number=Count("*"))
        for name, rows in questions.items()
    )
    return {row["question"]: row["number"] for row in first.union(*others, all=True)}
