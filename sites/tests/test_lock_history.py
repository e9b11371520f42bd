"""What locks and unlocks leave behind."""

import pytest
from rest_framework.test import APIClient

from accounts.models import Admin
from conftest import Clock, RegisteredSite, SignIn
from sites.tests.conftest import actions, newest_event


def test_a_lock_is_dated_and_keeps_its_date_until_it_is_lifted(
    api: APIClient, roma: RegisteredSite, clock: Clock
) -> None:
    for reason in ("unpaid", "fraud"):
        clock.move(hours=1)
        assert api.post(f"{roma.path}/lock", {"reason": reason}).json()["locked_at"] == "2026-06-01T13:00:00Z"
    api.post(f"{roma.path}/unlock")
    clock.move(hours=1)
    assert api.post(f"{roma.path}/lock", {"reason": "again"}).json()["locked_at"] == "2026-06-01T15:00:00Z"
    assert actions() == ["registered", "locked", "lock_reason_changed", "unlocked", "locked"]


def test_a_reason_may_have_lines_and_is_trimmed(api: APIClient, roma: RegisteredSite) -> None:
    answer = api.post(f"{roma.path}/lock", {"reason": "  unpaid\ninvoices:\t118, 119 \n"})
    assert answer.json()["lock_reason"] == "unpaid\ninvoices:\t118, 119"


@pytest.mark.parametrize("note", [None, "", "  "])
def test_an_unlock_without_a_note_has_no_reason(api: APIClient, roma: RegisteredSite, note: str | None) -> None:
    api.post(f"{roma.path}/lock", {"reason": "unpaid"})
    assert api.post(f"{roma.path}/unlock", {"note": note}).status_code == 200
    event = newest_event()
    assert (event.action, event.reason) == ("site.unlocked", None)
    assert event.changes == {"is_locked": [True, False], "lock_reason": ["unpaid", None]}


def test_support_locks_in_its_own_name(ben: Admin, signed_in: SignIn, roma: RegisteredSite) -> None:
    signed_in(ben).post(f"{roma.path}/lock", {"reason": "unpaid"})
    event = newest_event()
    assert (event.actor_name, event.role, event.reason) == ("ben", "support", "unpaid")


def test_an_inactive_and_expired_site_can_be_locked_and_unlocked(api: APIClient, roma: RegisteredSite) -> None:
    api.patch(roma.path, {"is_active": False, "license_expires_at": "2001-01-01T00:00:00Z"})
    assert api.post(f"{roma.path}/lock", {"reason": "unpaid"}).json()["is_locked"] is True
    told = roma.call_home().json()
    assert (told["licensed"], told["locked"]) == (False, True)
    assert api.post(f"{roma.path}/unlock").json()["is_locked"] is False
