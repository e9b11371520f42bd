"""One site, as it stands."""

from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from conftest import Clock, RegisteredSite


def test_a_site_that_never_called_has_no_last_heartbeat(api: APIClient, roma: RegisteredSite) -> None:
    site = api.get(roma.path).json()
    assert (site["status"], site["last_heartbeat"], site["due_at"]) == ("never_seen", None, None)


def test_the_last_heartbeat_stands_as_it_was_received(api: APIClient, roma: RegisteredSite, clock: Clock) -> None:
    roma.call_home(version="1.0.0", uptime_seconds=1)
    clock.move(hours=6)
    told = roma.call_home(version="2.1.0-rc1", uptime_seconds=2**53 - 1)
    site = api.get(roma.path).json()
    assert site["last_heartbeat"] == {
        "received_at": "2026-06-01T18:00:00Z",
        "ip": "127.0.0.1",
        "version": "2.1.0-rc1",
        "uptime_seconds": 2**53 - 1,
        "licensed": True,
        "locked": False,
    }
    assert (site["version"], site["uptime_seconds"], site["last_seen_ip"]) == ("2.1.0-rc1", 2**53 - 1, "127.0.0.1")
    assert site["last_seen_at"] == "2026-06-01T18:00:00Z"
    due = clock.move(seconds=told.json()["next_heartbeat_seconds"])
    assert site["due_at"] == due.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_the_last_heartbeat_tells_what_was_told_then(api: APIClient, roma: RegisteredSite) -> None:
    roma.call_home()
    api.post(f"{roma.path}/lock", {"reason": "unpaid"})
    site = api.get(roma.path).json()
    assert (site["is_locked"], site["last_heartbeat"]["locked"]) == (True, False)


def test_a_list_names_no_last_heartbeat(api: APIClient, roma: RegisteredSite) -> None:
    assert "last_heartbeat" not in api.get("/api/sites").json()["results"][0]


def test_licensed_and_locked_are_independent(api: APIClient, roma: RegisteredSite, clock: Clock) -> None:
    for active in (True, False):
        for reason in (None, "unpaid"):
            api.patch(roma.path, {"is_active": active})
            api.post(f"{roma.path}/lock", {"reason": reason}) if reason else api.post(f"{roma.path}/unlock")
            site = api.get(roma.path).json()
            assert (site["licensed"], site["is_locked"], site["lock_reason"]) == (active, reason is not None, reason)


def test_the_id_may_be_written_in_capitals(api: APIClient, roma: RegisteredSite) -> None:
    assert api.get(f"/api/sites/{roma.site_id.upper()}").json()["site_id"] == roma.site_id


def test_a_detail_costs_two_queries(api: APIClient, roma: RegisteredSite) -> None:
    roma.call_home()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert api.get(roma.path).status_code == 200
    assert len(queries) == 2, [query["sql"] for query in queries]
