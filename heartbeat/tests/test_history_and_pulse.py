"""Each heartbeat adds one row to the history and moves the pulse forward, never back."""

import threading
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections
from rest_framework.test import APIClient

from audit.models import Event
from conftest import RegisteredSite
from heartbeat.models import Heartbeat
from heartbeat.tests.calls import MICROSECOND, NOON, call, call_at
from sites.models import SitePulse


def test_a_heartbeat_stores_the_report_and_the_reply(api: APIClient, roma: RegisteredSite) -> None:
    api.post(f"{roma.path}/lock", {"reason": "unpaid"})
    answer = call(roma.site_id, roma.key, body={"version": "2.1", "uptime_seconds": 7}, address="198.51.100.4")
    row = api.get(f"{roma.path}/heartbeats").json()["results"]
    assert row == [
        {
            "received_at": answer.json()["server_time"],
            "ip": "198.51.100.4",
            "version": "2.1",
            "uptime_seconds": 7,
            "licensed": True,
            "locked": True,
        }
    ]


def test_a_heartbeat_moves_the_pulse(api: APIClient, roma: RegisteredSite) -> None:
    assert api.get(roma.path).json()["last_heartbeat"] is None
    answer = call(roma.site_id, roma.key, body={"version": "2.1", "uptime_seconds": 7}, address="198.51.100.4")
    site = api.get(roma.path).json()
    assert (site["status"], site["last_seen_at"]) == ("online", answer.json()["server_time"])
    assert (site["last_seen_ip"], site["version"], site["uptime_seconds"]) == ("198.51.100.4", "2.1", 7)
    assert site["last_heartbeat"]["received_at"] == answer.json()["server_time"]
    pulse = SitePulse.objects.get()
    assert (pulse.reply_licensed, pulse.reply_locked) == (True, False)


def test_the_pulse_stores_when_the_next_call_is_due(roma: RegisteredSite) -> None:
    answer = call_at(roma, NOON)
    due_at = SitePulse.objects.get().due_at
    assert due_at == NOON + timedelta(seconds=answer.next_heartbeat_seconds)


PULSE_OF_THE_NEWEST_CALL = (
    "last_seen_at",
    "last_seen_ip",
    "version",
    "uptime_seconds",
    "due_at",
    "reply_licensed",
    "reply_locked",
)


def test_a_call_recorded_late_is_stored_but_does_not_move_the_pulse_back(api: APIClient, roma: RegisteredSite) -> None:
    call_at(roma, NOON, version="2.0", uptime_seconds=500, ip="198.51.100.4")
    before = SitePulse.objects.values(*PULSE_OF_THE_NEWEST_CALL).get()
    api.post(f"{roma.path}/lock", {"reason": "unpaid"})
    api.patch(roma.path, {"is_active": False})
    call_at(roma, NOON - MICROSECOND, version="1.9", uptime_seconds=400, ip="198.51.100.9")
    assert SitePulse.objects.values(*PULSE_OF_THE_NEWEST_CALL).get() == before
    kept = Heartbeat.objects.of_site(uuid.UUID(roma.site_id)).newest_first().values_list("version", "uptime_seconds")
    assert list(kept) == [("2.0", 500), ("1.9", 400)]


@pytest.mark.parametrize("credentials", ["wrong key", "unknown id"])
def test_a_refused_heartbeat_writes_nothing(roma: RegisteredSite, credentials: str) -> None:
    site_id = roma.site_id if credentials == "wrong key" else str(uuid.uuid4())
    assert call(site_id, "psk_wrong").status_code == 401
    assert not Heartbeat.objects.exists()
    assert SitePulse.objects.get().last_seen_at is None


def call_at_once(site: RegisteredSite, key: str, times: int) -> list[int]:
    statuses = []

    def call_home() -> None:
        try:
            statuses.append(call(site.site_id, key).status_code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=call_home) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses


@pytest.mark.postgresql
@pytest.mark.skipif(connection.vendor != "postgresql", reason="needs real row locks")
@pytest.mark.django_db(transaction=True)
def test_heartbeats_of_one_site_at_the_same_moment_are_all_answered_and_stored(
    transactional_db: None, roma: RegisteredSite
) -> None:
    assert call_at_once(roma, roma.key, 12) == [200] * 12
    newest = Heartbeat.objects.order_by("-received_at").first()
    assert newest is not None
    assert Heartbeat.objects.count() == 12
    pulse = SitePulse.objects.get()
    assert (pulse.last_seen_at, pulse.uptime_seconds, pulse.window_calls) == (newest.received_at, 60, 12)


@pytest.mark.postgresql
@pytest.mark.skipif(connection.vendor != "postgresql", reason="needs real row locks")
@pytest.mark.django_db(transaction=True)
def test_first_uses_of_a_new_key_at_the_same_moment_retire_the_old_one_once(
    transactional_db: None, api: APIClient, roma: RegisteredSite
) -> None:
    new = api.post(f"{roma.path}/rotate-key").json()["secret_key"]
    assert call_at_once(roma, new, 12) == [200] * 12
    assert call(roma.site_id, roma.key).status_code == 401
    assert [event.action for event in Event.objects.newest_first()][:2] == ["site.key_retired", "site.key_rotated"]
    pulse = SitePulse.objects.get()
    assert (pulse.newest_key_uses, pulse.window_calls) == (2, 12)


@pytest.mark.postgresql
@pytest.mark.skipif(connection.vendor != "postgresql", reason="needs real row locks")
@pytest.mark.django_db(transaction=True)
def test_the_limit_holds_against_calls_at_the_same_moment(
    settings: Any, transactional_db: None, roma: RegisteredSite
) -> None:
    settings.HEARTBEATS_PER_MINUTE = 5
    assert sorted(call_at_once(roma, roma.key, 12)) == [200] * 5 + [429] * 7
    assert Heartbeat.objects.count() == 5
