"""How many heartbeats came in, of all sites together."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from django.core.cache import caches
from django.db.models import Count
from django.db.models.functions import TruncHour

from heartbeat.models import Heartbeat

HOUR = timedelta(hours=1)
SHOWN_HOURS = 24
# Heartbeats that began in an hour are written by then: a web process gives up on the database within seconds.
FINISHED_AFTER = timedelta(minutes=1)
REMEMBERED_FOR = timedelta(hours=SHOWN_HOURS + 1)


def heartbeats_by_hour(*, at: datetime) -> list[tuple[datetime, int]]:
    """The last 24 hours by UTC's clock, the running one included and last: when each began, and how many came in it.

    Hours that are over are counted once and then remembered in the cache `counters`. Whatever it holds, if anything, there is
    one query that counts, from the first hour on that nobody remembers.
    """
    running = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    hours = [running - number * HOUR for number in reversed(range(SHOWN_HOURS))]
    finished = [hour for hour in hours if hour + HOUR + FINISHED_AFTER <= at]
    known = remembered(finished)
    first_unknown = next(hour for hour in hours if hour not in known)
    counted = counted_by_hour(since=first_unknown, until=at)
    remember({hour: counted.get(hour, 0) for hour in finished if hour not in known})
    return [(hour, known[hour] if hour in known else counted.get(hour, 0)) for hour in hours]


def counted_by_hour(*, since: datetime, until: datetime) -> dict[datetime, int]:
    rows = Heartbeat.objects.filter(received_at__gte=since, received_at__lte=until)
    by_hour = rows.annotate(hour=TruncHour("received_at", tzinfo=UTC)).values("hour").annotate(number=Count("*"))
    return dict(by_hour.order_by().values_list("hour", "number"))


def oldest_heartbeat_at() -> datetime | None:
    """When the one came that was written first, of those that are kept."""
    return Heartbeat.objects.order_by("id").values_list("received_at", flat=True).first()


# --- What is remembered --------------------------------------------------------------------------------------------


def key_of(hour: datetime) -> str:
    return f"heartbeats-of-hour:{hour:%Y%m%d%H}"


def remembered(hours: Collection[datetime]) -> dict[datetime, int]:
    by_key = {key_of(hour): hour for hour in hours}
    return {by_key[key]: number for key, number in caches["counters"].get_many(by_key).items()}


def remember(numbers: dict[datetime, int]) -> None:
    if numbers:
        by_key = {key_of(hour): number for hour, number in numbers.items()}
        caches["counters"].set_many(by_key, timeout=REMEMBERED_FOR.total_seconds())


def forget_remembered_hours(*, at: datetime) -> None:
    """For who rewrites history, as the demo does."""
    caches["counters"].delete_many([key_of(at - number * HOUR) for number in range(SHOWN_HOURS + 1)])
