"""A site that calls with a wrong key is seen: when it was last refused, since when, and from where."""

import threading
import time
import uuid
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from conftest import Clock, RegisteredSite
from heartbeat.refused_calls import MAX_WAITING, RefusedCall, RefusedCalls, refused_calls
from sites.models import Site, SitePulse
from sites.status import calls_with_wrong_key

REPORT = {"version": "1.0.0", "uptime_seconds": 60}
REFUSED = ("last_refused_at", "refused_since", "last_refused_ip")


def call_with_wrong_key(site_id: str, *, ip: str = "192.0.2.7") -> None:
    headers = {"X-Site-ID": site_id, "X-Site-Key": "psk_" + "a" * 45}
    answer = APIClient().post("/api/heartbeat", REPORT, format="json", headers=headers, REMOTE_ADDR=ip)
    assert answer.json()["code"] == "invalid_site_credentials"


def stored() -> Any:
    return SitePulse.objects.values_list(*REFUSED).get()


def test_the_api_says_when_a_site_was_last_refused(api: APIClient, roma: RegisteredSite, clock: Clock) -> None:
    assert api.get(roma.path).json()["last_refused_at"] is None
    call_with_wrong_key(roma.site_id)
    refused_calls.write()
    assert api.get(roma.path).json()["last_refused_at"] == "2026-06-01T12:00:00Z"
    assert stored() == (clock(), clock(), "192.0.2.7")


def test_it_is_written_at_most_once_a_minute(roma: RegisteredSite, clock: Clock) -> None:
    first = clock()
    for _ in range(3):
        call_with_wrong_key(roma.site_id)
        refused_calls.write()
        clock.move(seconds=19)
    assert stored() == (first, first, "192.0.2.7")
    clock.move(seconds=3)
    call_with_wrong_key(roma.site_id, ip="2001:db8::7")
    refused_calls.write()
    assert stored() == (clock(), first, "2001:db8::7")


def test_two_processes_write_it_once_a_minute_too(roma: RegisteredSite, clock: Clock) -> None:
    first = clock()
    for _ in range(2):
        process = RefusedCalls()
        process.note(RefusedCall(uuid.UUID(roma.site_id), "192.0.2.7", clock()))
        process.write()
        clock.move(seconds=30)
    assert stored() == (first, first, "192.0.2.7")


def test_a_heartbeat_ends_the_time_of_wrong_keys(roma: RegisteredSite, clock: Clock) -> None:
    def site() -> Site:
        return Site.objects.select_related("pulse").get()

    call_with_wrong_key(roma.site_id)
    refused_calls.write()
    assert site().refused_since == clock()
    roma.call_home()  # at the same time
    assert site().refused_since is None
    assert not SitePulse.objects.filter(calls_with_wrong_key()).exists()
    clock.move(minutes=5)
    call_with_wrong_key(roma.site_id)
    refused_calls.write()
    assert site().refused_since == clock()


def test_a_clock_that_was_set_back_does_not_stop_the_notes(roma: RegisteredSite, clock: Clock) -> None:
    clock.move(days=400)
    call_with_wrong_key(roma.site_id)
    refused_calls.write()
    clock.move(days=-400)
    call_with_wrong_key(roma.site_id)
    refused_calls.write()
    assert stored()[0] == clock()


@pytest.mark.parametrize("site_id", [str(uuid.UUID(int=7)), "no id", ""])
def test_nothing_is_written_for_a_site_that_does_not_exist(roma: RegisteredSite, site_id: str) -> None:
    call_with_wrong_key(site_id)
    refused_calls.write()
    assert stored() == (None, None, None)


def test_the_request_itself_does_the_same_for_a_known_and_an_unknown_site(
    roma: RegisteredSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "common.counters.random.randrange", lambda _: 1
    )  # no request cleans up, which is left to chance
    statements = []
    for site_id in (str(uuid.uuid4()), roma.site_id, str(uuid.uuid4())):
        with CaptureQueriesContext(connection) as queries:
            call_with_wrong_key(site_id)
        statements.append([" ".join(query["sql"].split()[:2]) for query in queries])
    assert statements[1] == statements[2]  # the first creates the counter of its address
    assert not any(statement.startswith("UPDATE") and "site" in statement for statement in statements[1])


def test_a_flood_costs_one_query_a_second(roma: RegisteredSite, django_assert_num_queries: Any) -> None:
    process = RefusedCalls()
    for _ in range(10 * MAX_WAITING):
        process.note(RefusedCall(uuid.uuid4(), "192.0.2.7", timezone.now()))
    assert len(process.waiting) == MAX_WAITING
    with django_assert_num_queries(1 + 2):  # the transaction, within that of the test, is two
        process.write()


def test_a_call_that_could_not_be_written_is_noted_again(roma: RegisteredSite, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(calls: object) -> None:
        raise OperationalError("database is locked")

    process, call = RefusedCalls(), RefusedCall(uuid.UUID(roma.site_id), "192.0.2.7", timezone.now())
    process.note(call)
    with monkeypatch.context() as patched:
        patched.setattr("heartbeat.refused_calls.record_refused_calls", fail)
        with pytest.raises(OperationalError):
            process.write()
    process.note(call)
    process.write()
    assert stored()[0] == call.at


def test_an_address_over_its_limit_is_not_noted(
    roma: RegisteredSite, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.HEARTBEAT_FAILURES_PER_MINUTE = 1
    # The limit counts by the minute, and a new one could begin between the calls.
    monkeypatch.setattr("django_ratelimit.core.time", SimpleNamespace(time=lambda: 1_800_000_000))
    call_with_wrong_key(str(uuid.uuid4()))
    headers = {"X-Site-ID": roma.site_id, "X-Site-Key": "wrong"}
    answer = APIClient().post("/api/heartbeat", REPORT, format="json", headers=headers, REMOTE_ADDR="192.0.2.7")
    assert answer.status_code == 429
    refused_calls.write()
    assert stored() == (None, None, None)


@pytest.mark.django_db(transaction=True)
def test_the_thread_writes_it_within_a_second(roma: RegisteredSite) -> None:
    process = RefusedCalls()
    process.start()
    process.note(RefusedCall(uuid.UUID(roma.site_id), "192.0.2.7", timezone.now() - timedelta(seconds=1)))
    deadline = time.monotonic() + 10
    while stored()[0] is None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert stored()[2] == "192.0.2.7"
    assert [thread.name for thread in threading.enumerate()].count("refused-calls") == 1
