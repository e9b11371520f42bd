"""A fault of Redis never fails a request: without Redis the limits of heartbeats do not apply, and the fault is logged."""

import logging
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache

from common.tests.redis_caches import with_redis
from conftest import RegisteredSite

pytestmark = pytest.mark.slow  # waits for a Redis that hangs


@pytest.fixture(params=["refuses", "hangs"])
def _redis_that_does_not_answer(request: pytest.FixtureRequest, settings: Any, roma: RegisteredSite) -> Iterator[None]:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        if request.param == "hangs":
            silent.listen()
        settings.CACHES = with_redis(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        yield


@pytest.mark.usefixtures("_redis_that_does_not_answer")
def test_heartbeats_are_answered_all_the_same(roma: RegisteredSite, caplog: pytest.LogCaptureFixture) -> None:
    started = time.monotonic()
    assert roma.call_home("psk_wrong").status_code == 401
    assert roma.call_home().status_code == 200
    assert time.monotonic() - started < 3
    faults = [record for record in caplog.records if record.name == "portcullis.redis"]
    assert faults
    assert all(record.levelno >= logging.ERROR for record in faults)


@pytest.mark.usefixtures("_redis_that_does_not_answer")
def test_the_limit_does_not_apply_without_redis(settings: Any, roma: RegisteredSite) -> None:
    settings.HEARTBEAT_FAILURES_PER_MINUTE = 1
    assert [roma.call_home("psk_wrong").status_code for _ in range(4)] == [401] * 4


@pytest.mark.usefixtures("_redis_that_does_not_answer")
def test_signing_in_is_still_limited(client: Any, settings: Any) -> None:
    settings.LOGIN_FAILURES_PER_PAIR = 2
    body = {"username": "anna", "password": "wrong"}
    statuses = [client.post("/api/auth/login", body, content_type="application/json").status_code for _ in range(3)]
    assert statuses == [401, 401, 429]


@pytest.mark.usefixtures("_redis_that_does_not_answer")
def test_the_default_cache_finds_nothing_and_raises_nothing() -> None:
    cache.set("key", "a sentence", 60)
    cache.set_many({"a": "one", "b": "two"}, 60)
    cache.delete("key")
    cache.delete_many(["a", "b"])
    assert cache.get("key", "missing") == "missing"
    assert cache.get_many(["a", "b"]) == {}
    assert cache.get_or_set("key", lambda: "made", 60) == "made"
    assert "key" not in cache
    assert not cache.add("key", "a sentence", 60)
