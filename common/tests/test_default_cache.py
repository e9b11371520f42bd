"""The cache `default` keeps what a library gives it, with Redis and without."""

import os
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.cache import cache, caches
from django.db import connection
from django.test.utils import CaptureQueriesContext

from common.counters import SqlCounterCache
from common.tests.redis_caches import with_redis

REDIS_URL = os.environ.get("TEST_REDIS_URL", "")
VALUES = ["a sentence", b"bytes", 7, 2.5, None, ["a", {"b": 1}], datetime(2026, 6, 1, tzinfo=UTC)]

needs_redis = pytest.mark.skipif(not REDIS_URL, reason="TEST_REDIS_URL is not set: run under scripts/with_services.py")


@pytest.fixture(params=["local memory", pytest.param("redis", marks=needs_redis)], autouse=True)
def _caches(request: pytest.FixtureRequest, settings: Any, db: None) -> None:
    if request.param == "redis":
        settings.CACHES = with_redis(REDIS_URL)


@pytest.mark.parametrize("value", VALUES, ids=str)
def test_any_value_can_be_kept(value: Any) -> None:
    cache.set("key", value, 60)
    assert cache.get("key", "missing") == value


def test_many_values_can_be_kept_and_forgotten() -> None:
    cache.set_many({"a": "one", "b": "two"}, 60)
    assert cache.get_many(["a", "b", "c"]) == {"a": "one", "b": "two"}
    cache.delete_many(["a"])
    assert cache.get_many(["a", "b"]) == {"b": "two"}


def test_a_value_is_added_once_and_made_once() -> None:
    assert [cache.add("key", "first", 60), cache.add("key", "second", 60)] == [True, False]
    assert cache.get_or_set("key", "third", 60) == "first"
    assert cache.get_or_set("other", lambda: "made", 60) == "made"


def test_the_counters_are_another_cache() -> None:
    cache.set("key", "a sentence", 60)
    assert caches["counters"].get("key") is None
    assert caches["sign_in_counters"].get("key") is None


def test_a_value_costs_no_statement() -> None:
    with CaptureQueriesContext(connection) as queries:
        cache.set("key", "a sentence", 60)
        cache.get("key")
    assert len(queries) == 0


def test_sign_ins_are_counted_in_the_database() -> None:
    assert isinstance(caches["sign_in_counters"], SqlCounterCache)
