"""The number of heartbeats in each hour, of all sites together."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from django.core.cache import caches
from django.db.models import Count
from django.db.models.functions import TruncHour

from heartbeat.models import Heartbeat

HOUR = timedelta(hours=1)
SHOWN_HOURS = 24
# By then all heartbeats of the hour are committed: a web process gives up on the database within seconds.
FINISHED_AFTER = timedelta(minutes=1)
CACHED_FOR = timedelta(hours=SHOWN_HOURS + 1)
# The newest hour in the cache, in seconds since 1970. If it is not over yet, the clock was ahead when it was counted.
NEWEST_HOUR = "heartbeats-of-hour:newest"
FORGOTTEN_HOURS = 14 * 24


def heartbeats_by_hour(*, at: datetime) -> list[tuple[datetime, int]]:
    """The start of each of the last 24 hours in UTC, the present one last, and the number of heartbeats in it.

    An hour that is over is counted once and then cached in `counters`. One query counts from the first hour that is not in
    the cache.
    """
    this_hour = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    hours = [this_hour - number * HOUR for number in reversed(range(SHOWN_HOURS))]
    finished = [hour for hour in hours if hour + HOUR + FINISHED_AFTER <= at]
    cached = cached_counts(finished)
    first_uncached = next(hour for hour in hours if hour not in cached)
    counted = counted_by_hour(since=first_uncached, until=at)
    cache_counts({hour: counted.get(hour, 0) for hour in finished if hour not in cached})
    return [(hour, cached[hour] if hour in cached else counted.get(hour, 0)) for hour in hours]


def counted_by_hour(*, since: datetime, until: datetime) -> dict[datetime, int]:
    rows = Heartbeat.objects.filter(received_at__gte=since, received_at__lte=until)
    by_hour = rows.annotate(hour=TruncHour("received_at", tzinfo=UTC)).values("hour").annotate(number=Count("*"))
    return dict(by_hour.order_by().values_list("hour", "number"))


def oldest_heartbeat_at() -> datetime | None:
    """When the oldest heartbeat was received that is still stored, in the order of writing."""
    return Heartbeat.objects.order_by("id").values_list("received_at", flat=True).first()


# --- The cached counts ---------------------------------------------------------------------------------------------


def cache_key(hour: datetime) -> str:
    return f"heartbeats-of-hour:{hour:%Y%m%d%H}"


def cached_counts(finished: Sequence[datetime]) -> dict[datetime, int]:
    by_key = {cache_key(hour): hour for hour in finished}
    found = caches["counters"].get_many([*by_key, NEWEST_HOUR])
    newest = found.pop(NEWEST_HOUR, 0)
    if newest > finished[-1].timestamp():
        forget_hours_ahead(finished[-1], newest=datetime.fromtimestamp(newest, tz=UTC))
    return {by_key[key]: number for key, number in found.items()}


def cache_counts(numbers: dict[datetime, int]) -> None:
    if numbers:
        by_key = {cache_key(hour): number for hour, number in numbers.items()}
        by_key[NEWEST_HOUR] = int(max(numbers).timestamp())
        caches["counters"].set_many(by_key, timeout=CACHED_FOR.total_seconds())


def forget_hours_ahead(last: datetime, *, newest: datetime) -> None:
    """Delete the counts of hours after `last`, up to `newest`, at most two weeks of them."""
    hours = min((newest - last) // HOUR, FORGOTTEN_HOURS)
    caches["counters"].delete_many([cache_key(newest - number * HOUR) for number in range(hours)])
    caches["counters"].set(NEWEST_HOUR, int(last.timestamp()), timeout=CACHED_FOR.total_seconds())


def forget_cached_hours(*, at: datetime) -> None:
    """For code that rewrites the history, such as the demo."""
    caches["counters"].delete_many([cache_key(at - number * HOUR) for number in range(SHOWN_HOURS + 1)])
