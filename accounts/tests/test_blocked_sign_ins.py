"""The failure that uses up a limit leaves one event, so that a flood of attempts leaves no flood of events."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.errors import TooManyLoginAttempts
from accounts.events import ADMIN
from accounts.login_guard import LoginGuard
from accounts.models import Admin
from accounts.tests.factors import after_password, app_of
from accounts.tests.side_by_side import side_by_side
from accounts.tests.tokens import ADDRESS, login
from audit.models import Event

pytestmark = pytest.mark.usefixtures("anna")


def fail(times: int, username: str = "anna", *, address: str = ADDRESS) -> None:
    for _ in range(times):
        assert login(username, "wrong", address=address).status_code in (401, 429)


def test_the_failure_that_uses_up_the_limit_is_an_event_about_the_admin(anna: Admin) -> None:
    fail(9)
    assert not Event.objects.exists()
    fail(1, "ANNA")
    (event,) = Event.objects.of(ADMIN, anna.pk)
    assert (event.action, event.subject_name, event.source) == ("admin.sign_in_blocked", "anna", "system")
    assert (event.actor, event.ip, event.changes) == (None, ADDRESS, {})
    assert event.reason == "Too many failed attempts with this user name from this address"


def test_a_flood_leaves_one_event_for_each_limit_and_window(settings: Any) -> None:
    fail(60)
    assert Event.objects.count() == 1
    for number in range(60):
        fail(1, f"user{number}")
    assert [event.reason for event in Event.objects.order_by("sequence")] == [
        "Too many failed attempts with this user name from this address",
        "Too many failed attempts from this address",
    ]
    fail(20, address="198.51.100.4")
    assert Event.objects.count() == 3


def test_failures_past_the_limit_that_ran_side_by_side_leave_no_more_events(settings: Any) -> None:
    settings.LOGIN_FAILURES_PER_PAIR = 3
    guard = LoginGuard("anna", ADDRESS)
    for _ in range(3):
        guard.count_failure()
    for _ in range(3):
        with pytest.raises(TooManyLoginAttempts):
            guard.count_failure()
    assert Event.objects.count() == 1


def test_a_name_that_no_admin_has_is_not_recorded() -> None:
    fail(10, "correct horse")
    (event,) = Event.objects.all()
    assert (event.subject_type, event.subject_id, event.subject_name) == (ADMIN, "unknown", "an unknown name")
    assert "horse" not in str(Event.objects.values().get())


def test_known_and_unknown_names_take_the_same_statements(monkeypatch: pytest.MonkeyPatch) -> None:
    # One in this many counters also deletes what has expired, which would be one statement more.
    monkeypatch.setattr("common.counters.ADDS_PER_CLEAN_UP", 10**12)

    def statements(username: str) -> list[str]:
        fail(9, username)
        with CaptureQueriesContext(connection) as queries:
            fail(1, username)
        return [query["sql"].split(" WHERE ")[0].split(" VALUES ")[0] for query in queries]

    known, unknown = statements("anna"), statements("nemo")
    assert any("audit_event" in sql for sql in known)
    assert [sql for sql in known if "accounts_" in sql or "audit_" in sql] == [
        sql for sql in unknown if "accounts_" in sql or "audit_" in sql
    ]
    assert len(known) == len(unknown)


def test_wrong_codes_after_the_right_password_are_named(anna: Admin, settings: Any) -> None:
    settings.LOGIN_CODE_FAILURES = 3
    app = app_of(anna)
    browser = after_password()
    for _ in range(3):
        browser.post("/admin/login/second-factor/", {"code": app.wrong_code(), "answer": ""})
    event = Event.objects.newest_first()[0]
    assert (event.action, event.reason) == (
        "admin.sign_in_blocked",
        "Too many wrong codes after the right password",
    )


@pytest.mark.postgresql
@pytest.mark.skipif(connection.vendor != "postgresql", reason="needs real concurrency")
def test_of_failures_at_once_one_leaves_the_event(transactional_db: None, settings: Any) -> None:
    settings.LOGIN_FAILURES_PER_PAIR = 4
    side_by_side(*[lambda: login("anna", "wrong").status_code for _ in range(8)])
    assert Event.objects.filter(action="admin.sign_in_blocked").count() == 1
