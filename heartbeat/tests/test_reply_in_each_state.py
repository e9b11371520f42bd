"""The reply to a site in each of its states. Its status code is always 200."""

from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from common.instants import format_instant
from conftest import Register, RegisteredSite
from heartbeat.tests.calls import MICROSECOND, NOON, call, call_at

PAST = "2020-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("facts", "reason", "licensed", "locked"),
    [
        ({}, None, True, False),
        ({"is_active": False}, None, False, False),
        ({"license_expires_at": PAST}, None, False, False),
        ({}, "unpaid", True, True),
        ({"license_expires_at": PAST}, "unpaid", False, True),
        ({"is_active": False}, "unpaid", False, True),
    ],
    ids=["active", "inactive", "expired", "locked", "locked and expired", "locked and inactive"],
)
def test_the_reply_has_the_state_of_the_site(
    api: APIClient, roma: RegisteredSite, facts: dict[str, Any], reason: str | None, licensed: bool, locked: bool
) -> None:
    assert api.patch(roma.path, facts).status_code == 200
    if reason:
        assert api.post(f"{roma.path}/lock", {"reason": reason}).status_code == 200
    answer = call(roma.site_id, roma.key)
    reply = answer.json()
    assert (answer.status_code, reply["licensed"], reply["locked"], reply["lock_reason"]) == (
        200,
        licensed,
        locked,
        reason,
    )
    if "license_expires_at" in facts:
        assert reply["expires_at"] == PAST


def test_a_site_that_is_unlocked_gets_the_new_state_with_its_next_call(api: APIClient, roma: RegisteredSite) -> None:
    api.patch(roma.path, {"is_active": False})
    api.post(f"{roma.path}/lock", {"reason": "unpaid"})
    call(roma.site_id, roma.key)
    api.patch(roma.path, {"is_active": True})
    api.post(f"{roma.path}/unlock")
    reply = call(roma.site_id, roma.key).json()
    assert (reply["licensed"], reply["locked"], reply["lock_reason"]) == (True, False, None)


@pytest.mark.parametrize(
    ("offset", "licensed"),
    [(-MICROSECOND, True), (timedelta(0), False), (MICROSECOND, False)],
    ids=["a microsecond before", "at the end", "a microsecond after"],
)
def test_a_licence_ends_exactly_at_its_end(register: Register, offset: timedelta, licensed: bool) -> None:
    site = register(license_expires_at=format_instant(NOON))
    assert call_at(site, NOON + offset).licensed is licensed
