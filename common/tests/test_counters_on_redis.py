"""With a REDIS_URL the limits of heartbeats are counted in Redis, across all machines."""

import os
from typing import Any

import pytest
from django.core.cache import caches
from django.db import connection

from accounts.tests.side_by_side import side_by_side
from common.tests.redis_caches import with_redis
from conftest import RegisteredSite

URL = os.environ.get("TEST_REDIS_URL", "")

pytestmark = pytest.mark.skipif(not URL, reason="TEST_REDIS_URL is not set: run it under scripts/with_services.py")


@pytest.fixture(autouse=True)
def _redis(settings: Any, db: None) -> None:
    settings.CACHES = with_redis(URL)


def rows() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT key FROM common_counter")
        return [row[0] for row in cursor.fetchall()]


def test_sixteen_threads_count_exactly() -> None:
    caches["counters"].add("calls", 0, 60)
    side_by_side(*[lambda: [caches["counters"].incr("calls") for _ in range(10)]] * 16)
    assert caches["counters"].get("calls") == 160


def test_a_flood_is_refused_and_the_site_is_answered(settings: Any, roma: RegisteredSite) -> None:
    settings.HEARTBEAT_FAILURES_PER_MINUTE = 3
    statuses = [roma.call_home("psk_wrong").status_code for _ in range(8)]
    assert statuses[:3] == [401] * 3
    assert statuses[-1] == 429
    assert roma.call_home().status_code == 200
    assert rows() == []
    assert caches["counters"].keys("*")


def test_guesses_at_passwords_are_counted_in_the_database_all_the_same(client: Any) -> None:
    body = {"username": "nobody", "password": "x"}
    client.post("/api/auth/login", body, content_type="application/json")
    assert sum(":login:" in counter for counter in rows()) == 2
    assert caches["counters"].keys("*") == []
