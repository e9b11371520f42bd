"""The counters that stand in the database: exact across threads, and nobody can push anybody's out."""

import time

import pytest
from django.core.cache import caches
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.tests.side_by_side import side_by_side
from common.counters import SqlCounterCache

THREADS, CALLS = 16, 10


@pytest.fixture
def counters(db: None) -> SqlCounterCache:
    cache = caches["sign_in_counters"]
    assert isinstance(cache, SqlCounterCache)
    return cache


def rows() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM common_counter")
        return int(cursor.fetchone()[0])


def count_once(key: str) -> bool:
    """As a limit counts: make the counter, or add to it."""
    cache = caches["sign_in_counters"]
    made = bool(cache.add(key, 1, 60))
    if not made:
        cache.incr(key)
    return made


def count_often(key: str) -> int:
    return sum(count_once(key) for _ in range(CALLS))


@pytest.mark.django_db(transaction=True)
def test_sixteen_threads_count_exactly(transactional_db: None) -> None:
    made = side_by_side(*[lambda: count_often("calls")] * THREADS)
    assert caches["sign_in_counters"].get("calls") == THREADS * CALLS
    assert sum(made) == 1


@pytest.mark.django_db(transaction=True)
def test_of_sixteen_threads_that_make_a_lapsed_counter_anew_one_does(transactional_db: None) -> None:
    caches["sign_in_counters"].set("calls", 99, -1)
    made = side_by_side(*[lambda: count_once("calls")] * THREADS)
    assert sum(made) == 1
    assert caches["sign_in_counters"].get("calls") == THREADS


def test_a_counter_is_made_once(counters: SqlCounterCache) -> None:
    assert [counters.add("calls", 1, 60), counters.add("calls", 5, 60)] == [True, False]
    assert counters.get("calls") == 1


def test_a_counter_counts_up_and_down(counters: SqlCounterCache) -> None:
    counters.add("calls", 1, 60)
    assert [counters.incr("calls"), counters.incr("calls", 5), counters.decr("calls", 2)] == [2, 7, 5]


def test_what_was_never_made_cannot_be_counted(counters: SqlCounterCache) -> None:
    with pytest.raises(ValueError, match="no such counter"):
        counters.incr("calls")
    assert (counters.get("calls"), counters.get("calls", 7)) == (None, 7)


def test_a_counter_lapses(counters: SqlCounterCache) -> None:
    counters.add("calls", 5, 0.1)
    assert counters.get("calls") == 5
    time.sleep(0.15)
    assert (counters.get("calls"), counters.expires_at("calls")) == (None, None)
    with pytest.raises(ValueError, match="no such counter"):
        counters.incr("calls")
    assert counters.touch("calls", 60) is False
    assert counters.add("calls", 1, 60) is True


def test_counting_does_not_lengthen_a_counters_life(counters: SqlCounterCache) -> None:
    counters.add("calls", 1, 60)
    before = counters.expires_at("calls")
    counters.incr("calls")
    counters.add("calls", 1, 6000)
    assert counters.expires_at("calls") == before


def test_a_touched_counter_lives_longer(counters: SqlCounterCache) -> None:
    counters.add("calls", 1, 60)
    assert counters.touch("calls", 600) is True
    assert (counters.expires_at("calls") or 0) > time.time() + 590


def test_a_counter_without_an_end_stays(counters: SqlCounterCache) -> None:
    counters.set("calls", 3, None)
    counters.drop_expired()
    assert counters.get("calls") == 3


def test_a_deleted_counter_is_gone(counters: SqlCounterCache) -> None:
    counters.add("calls", 1, 60)
    assert [counters.delete("calls"), counters.delete("calls")] == [True, False]
    assert counters.get("calls") is None


def test_many_keys_never_push_out_a_live_one(counters: SqlCounterCache) -> None:
    counters.add("attacked", 9, 60)
    for number in range(1500):
        counters.add(f"varied {number}".replace(" ", "-"), 1, 60)
    assert counters.get("attacked") == 9
    assert rows() == 1501


def test_only_what_has_lapsed_is_dropped(counters: SqlCounterCache) -> None:
    counters.add("live", 1, 60)
    counters.set("lapsed", 1, -1)
    counters.drop_expired()
    assert (rows(), counters.get("live")) == (1, 1)


def test_lapsed_counters_are_dropped_by_the_way(counters: SqlCounterCache) -> None:
    for number in range(50):
        counters.set(f"lapsed-{number}", 1, -1)
    for number in range(2000):
        counters.add(f"live-{number}", 1, 60)
    assert rows() == 2000


def test_many_are_read_and_set_in_one_query_each(counters: SqlCounterCache) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert counters.set_many({"a": 1, "b": 2, "c": 3}, 60) == []
        counters.set_many({"b": 5}, -1)
        assert counters.get_many(["a", "b", "c", "d"]) == {"a": 1, "c": 3}
    assert len(queries) == 3
    assert (counters.get_many([]), counters.set_many({})) == ({}, [])
    counters.set_many({"b": 7, "a": 8}, 60)
    assert counters.get_many(["a", "b"]) == {"a": 8, "b": 7}
