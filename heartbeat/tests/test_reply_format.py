"""The exact format of the reply: installed local backends rely on these names."""

import re

import pytest
from rest_framework.test import APIClient

from conftest import RegisteredSite
from heartbeat.tests.calls import REPORT, call

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")


def test_the_answer_has_these_fields_and_types_and_no_others(roma: RegisteredSite) -> None:
    answer = call(roma.site_id, roma.key)
    assert (answer.status_code, answer["Content-Type"], answer["Cache-Control"]) == (
        200,
        "application/json",
        "no-store",
    )
    reply = answer.json()
    assert list(reply) == [
        "licensed",
        "locked",
        "lock_reason",
        "expires_at",
        "server_time",
        "next_heartbeat_seconds",
        "lease",
        "doorbell",
    ]
    assert (reply["licensed"], reply["locked"], reply["lock_reason"]) == (True, False, None)
    assert INSTANT.fullmatch(reply["expires_at"])
    assert INSTANT.fullmatch(reply["server_time"])
    assert type(reply["next_heartbeat_seconds"]) is int


def test_the_reason_of_a_lock_is_text(api: APIClient, roma: RegisteredSite) -> None:
    api.post(f"{roma.path}/lock", {"reason": "offene Rechnung №7"})
    reply = call(roma.site_id, roma.key).json()
    assert (reply["locked"], reply["lock_reason"]) == (True, "offene Rechnung №7")


def test_a_whole_second_is_written_without_a_fraction(api: APIClient, roma: RegisteredSite) -> None:
    api.patch(roma.path, {"license_expires_at": "2099-12-31T02:00:00+02:00"})
    assert call(roma.site_id, roma.key).json()["expires_at"] == "2099-12-31T00:00:00Z"


@pytest.mark.parametrize("path", ["/api/heartbeat", "/api/heartbeat/", "/api/v1/heartbeat", "/api/v1/heartbeat/"])
def test_every_form_of_the_path_gets_the_same_answer(roma: RegisteredSite, path: str) -> None:
    headers = {"X-Site-ID": roma.site_id, "X-Site-Key": roma.key, "Accept": "text/html"}
    answer = APIClient().post(path, REPORT, format="json", headers=headers)
    assert (answer.status_code, answer["Content-Type"], answer.json()["licensed"]) == (200, "application/json", True)


def test_only_post_is_allowed(roma: RegisteredSite) -> None:
    for method in ("get", "put", "patch", "delete", "options"):
        answer = getattr(APIClient(), method)("/api/heartbeat")
        assert (answer.status_code, answer["Allow"], answer.json()["code"]) == (405, "POST", "method_not_allowed")
