"""The number of heartbeats in each hour, the time of the oldest one, and the plans of these queries."""

import hashlib
import os
import socket
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.cache import caches
from django.db import connection
from django.test.utils import CaptureQueriesContext

from common.tests.redis_caches import with_redis
from config.cache_settings import DATABASE_COUNTERS
from conftest import RegisteredSite
from heartbeat.availability import availability, heartbeat_slots, outages
from heartbeat.hourly_counts import heartbeats_by_hour, oldest_heartbeat_at
from heartbeat.models import Heartbeat
from heartbeat.tests.calls import MICROSECOND, call_at
from heartbeat.tests.histories import HOUR, MINUTE
from sites.models import Site

HALF_PAST = datetime(2030, 6, 1, 12, 30, tzinfo=UTC)
NOON = HALF_PAST - 30 * MINUTE


def numbers(at: datetime = HALF_PAST) -> list[int]:
    return [number for _, number in heartbeats_by_hour(at=at)]


def history_queries(at: datetime) -> list[str]:
    with CaptureQueriesContext(connection) as queries:
        heartbeats_by_hour(at=at)
    return [query["sql"] for query in queries if "heartbeat_heartbeat" in query["sql"]]


def test_the_last_24_hours_are_counted_and_the_present_one_is_last(roma: RegisteredSite) -> None:
    for at in (NOON, NOON - MICROSECOND, NOON + 30 * MINUTE, NOON - 23 * HOUR, NOON - 23 * HOUR - MICROSECOND):
        call_at(roma, at)
    counts = heartbeats_by_hour(at=HALF_PAST)
    assert [hour for hour, _ in counts] == [NOON - number * HOUR for number in range(23, -1, -1)]
    assert [number for _, number in counts] == [1] + [0] * 21 + [1, 2]


def test_a_heartbeat_with_a_time_in_the_future_is_not_counted_yet(roma: RegisteredSite) -> None:
    call_at(roma, HALF_PAST + MICROSECOND)
    assert sum(numbers()) == 0


def test_the_time_zone_of_the_given_moment_makes_no_difference(roma: RegisteredSite) -> None:
    call_at(roma, NOON)
    there = HALF_PAST.astimezone(datetime.strptime("+0530", "%z").tzinfo)
    assert heartbeats_by_hour(at=there) == heartbeats_by_hour(at=HALF_PAST)


def test_without_heartbeats_every_hour_has_none(db: None) -> None:
    assert numbers() == [0] * 24


def test_an_hour_that_is_over_is_counted_once(roma: RegisteredSite) -> None:
    call_at(roma, NOON - HOUR)
    assert numbers()[-2:] == [1, 0]
    Heartbeat.objects.all().delete()  # so that the result shows the cached count
    call_at(roma, NOON)
    assert numbers()[-2:] == [1, 1]


def test_an_hour_counts_as_over_a_minute_after_its_end(roma: RegisteredSite) -> None:
    assert numbers(NOON + MINUTE - MICROSECOND)[-2:] == [0, 0]
    call_at(roma, NOON - MICROSECOND)  # committed a moment late
    assert numbers(NOON + MINUTE)[-2:] == [1, 0]
    call_at(roma, NOON - MICROSECOND)
    assert numbers(NOON + MINUTE)[-2:] == [1, 0]


def test_one_query_counts_whatever_is_cached(roma: RegisteredSite) -> None:
    (everything,) = history_queries(HALF_PAST)
    (one_hour,) = history_queries(HALF_PAST)
    assert "2030-05-31 13:00" in everything
    assert "2030-06-01 12:00" in one_hour
    (two_hours,) = history_queries(HALF_PAST + HOUR)
    assert "2030-06-01 12:00" in two_hours


def test_cached_counts_are_read_and_written_in_one_query_each(settings: Any, db: None) -> None:
    settings.CACHES = {**settings.CACHES, "counters": DATABASE_COUNTERS}
    with CaptureQueriesContext(connection) as queries:
        heartbeats_by_hour(at=HALF_PAST)
    assert len(queries) == 3
    with CaptureQueriesContext(connection) as queries:
        heartbeats_by_hour(at=HALF_PAST)
    assert len(queries) == 2


def test_an_hour_missing_in_the_cache_is_counted_again(roma: RegisteredSite) -> None:
    for hour in range(24):
        call_at(roma, NOON - hour * HOUR)
    assert numbers() == [1] * 24
    caches["counters"].delete(f"heartbeats-of-hour:{NOON - 5 * HOUR:%Y%m%d%H}")
    assert numbers() == [1] * 24


@pytest.mark.parametrize("ahead", [3 * HOUR, timedelta(days=365)])
def test_hours_counted_by_a_clock_that_was_ahead_are_counted_again(roma: RegisteredSite, ahead: timedelta) -> None:
    heartbeats_by_hour(at=NOON + ahead)
    heartbeats_by_hour(at=NOON)  # the clock was set right
    for number in (1, 2, 3):
        call_at(roma, NOON + ahead - number * HOUR)
    assert numbers(NOON + ahead)[-5:] == [0, 1, 1, 1, 0]


@pytest.mark.skipif("TEST_REDIS_URL" not in os.environ, reason="run it under scripts/with_services.py")
def test_counts_are_cached_in_redis_too(settings: Any, roma: RegisteredSite) -> None:
    settings.CACHES = with_redis(os.environ["TEST_REDIS_URL"])
    call_at(roma, NOON - HOUR)
    assert numbers()[-2:] == [1, 0]
    with CaptureQueriesContext(connection) as queries:
        assert numbers()[-2:] == [1, 0]
    (query,) = queries
    assert "2030-06-01 12:00" in query["sql"]


def test_if_redis_is_down_every_hour_is_counted_again(settings: Any, roma: RegisteredSite) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # it does not listen
        settings.CACHES = with_redis(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        call_at(roma, NOON - HOUR)
        assert numbers()[-2:] == [1, 0]
        call_at(roma, NOON - HOUR)
        assert numbers()[-2:] == [2, 0]


# Many rows, because PostgreSQL reads a small table without an index.
MANY_HEARTBEATS = """
INSERT INTO heartbeat_heartbeat (site_id, received_at, due_at, version, uptime_seconds, licensed, locked)
SELECT md5(mod(n, 2000)::text)::uuid, %(at)s - (200000 - n) * interval '12 seconds',
       %(at)s - (200000 - n) * interval '12 seconds' + interval '6 hours', '1', 1, true, false
  FROM generate_series(%(first)s, %(first)s + 49999) n"""


@pytest.fixture
def many_heartbeats(roma: RegisteredSite) -> None:
    """28 days with 300 an hour, summarized and analyzed as the database does by itself within about a minute."""
    with connection.cursor() as cursor:
        for first in range(1, 200_000, 50_000):
            cursor.execute(MANY_HEARTBEATS, {"at": HALF_PAST, "first": first})
        cursor.execute("SELECT brin_summarize_new_values('heartbeat_by_arrival')")
        cursor.execute("ANALYZE heartbeat_heartbeat")


def plan_of(query: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN " + query)
        return "\n".join(row[0] for row in cursor.fetchall())


def scans_of_history(queries: CaptureQueriesContext) -> str:
    return "\n".join(plan_of(query["sql"]) for query in queries if "heartbeat_heartbeat" in query["sql"])


@pytest.mark.postgresql
@pytest.mark.skipif(connection.vendor != "postgresql", reason="tests PostgreSQL's plans")
@pytest.mark.usefixtures("many_heartbeats")
def test_counting_does_not_read_the_whole_history() -> None:
    with CaptureQueriesContext(connection) as queries:
        assert numbers()[:-1] == [300] * 23
        assert sum(numbers()) == 23 * 300 + 151
        assert oldest_heartbeat_at() == HALF_PAST - 199_999 * timedelta(seconds=12)
    plans = scans_of_history(queries)
    assert plans.count("heartbeat_by_arrival") == 2
    assert plans.count("heartbeat_heartbeat_pkey") == 1
    assert "Seq Scan" not in plans


@pytest.mark.postgresql
@pytest.mark.skipif(connection.vendor != "postgresql", reason="tests PostgreSQL's plans")
@pytest.mark.usefixtures("many_heartbeats")
def test_slots_and_availability_do_not_read_the_whole_history() -> None:
    site = Site.objects.get()
    sites = [Site(site_id=uuid.UUID(hashlib.md5(str(n).encode()).hexdigest()), created_at=NOON) for n in range(50)]
    with CaptureQueriesContext(connection) as queries:
        heartbeat_slots([site, *sites], at=HALF_PAST)
        heartbeat_slots([site], at=HALF_PAST, slots=90, length=timedelta(days=1))
        availability(site, at=HALF_PAST)
        outages(site.pk, since=NOON - 90 * 24 * HOUR, at=HALF_PAST)
    assert len(queries) == 4
    plans = scans_of_history(queries)
    assert plans.count("heartbeat_of_site_by_time") >= 4
    assert "Seq Scan on heartbeat_heartbeat" not in plans


@pytest.mark.skipif(connection.vendor != "sqlite", reason="tests SQLite's plans")
def test_sqlite_uses_the_indexes_too(roma: RegisteredSite) -> None:
    site = Site.objects.get()
    with CaptureQueriesContext(connection) as queries:
        heartbeat_slots([site], at=HALF_PAST)
        availability(site, at=HALF_PAST)
        outages(site.pk, since=NOON, at=HALF_PAST)
        heartbeats_by_hour(at=HALF_PAST)
    of_history = [query["sql"] for query in queries if "heartbeat_heartbeat" in query["sql"]]
    assert len(of_history) == 4
    for query in of_history:
        with connection.cursor() as cursor:
            steps = [row[3] for row in cursor.execute(f"EXPLAIN QUERY PLAN {query}").fetchall()]
        is_count = "django_datetime_trunc" in query
        by_index = "heartbeat_by_arrival (received_at" if is_count else "heartbeat_of_site_by_time (site_id=?"
        assert any(by_index in step for step in steps)
        assert "SCAN heartbeat_heartbeat" not in steps


def test_the_oldest_heartbeat_is_the_one_that_was_written_first(roma: RegisteredSite) -> None:
    assert oldest_heartbeat_at() is None
    call_at(roma, NOON - HOUR)
    call_at(roma, NOON)
    assert oldest_heartbeat_at() == NOON - HOUR
