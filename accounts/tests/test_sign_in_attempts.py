"""Sign-ins that succeed and fail are recorded, but a flood of them is not, and no password ever is."""

import json
import logging
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Admin, SignInAttempt
from accounts.prune import prune_sign_ins
from accounts.services import sign_in_attempts
from accounts.tests.factors import SECOND, App, SoftKey, after_password, app_of, browser, register_key, sign_in_with
from accounts.tests.factors import signed_in as signed_in_browser
from accounts.tests.tokens import ADDRESS, login
from conftest import PASSWORD


@pytest.fixture
def app(anna: Admin) -> App:
    return app_of(anna)


def recorded() -> list[tuple[Any, ...]]:
    rows = SignInAttempt.objects.order_by("pk")
    return list(rows.values_list("username", "admin__username", "address", "source", "outcome"))


def test_a_success_through_the_api_is_recorded(anna: Admin) -> None:
    assert login("ANNA").status_code == 200
    assert recorded() == [("ANNA", "anna", ADDRESS, "api", "signed_in")]
    assert SignInAttempt.objects.get().at > timezone.now() - timedelta(minutes=1)


def test_a_success_in_the_panel_is_recorded(anna: Admin) -> None:
    assert browser().post("/admin/login/", {"username": "anna", "password": PASSWORD}).status_code == 302
    assert recorded() == [("anna", "anna", ADDRESS, "panel", "signed_in")]


@pytest.mark.parametrize("source", ["api", "panel"])
def test_failures_are_recorded_with_their_kind(anna: Admin, ben: Admin, source: str) -> None:
    Admin.objects.filter(pk=ben.pk).update(is_active=False)
    for username, password in (("anna", "wrong"), ("nobody", "wrong"), ("ben", PASSWORD)):
        if source == "api":
            login(username, password)
        else:
            browser().post("/admin/login/", {"username": username, "password": password})
    assert recorded() == [
        ("anna", "anna", ADDRESS, source, "wrong_password"),
        ("nobody", None, ADDRESS, source, "unknown_name"),
        ("ben", "ben", ADDRESS, source, "disabled"),
    ]


def test_a_right_password_with_a_wrong_code_through_the_api_is_logged_and_recorded(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    login(otp=app.wrong_code())
    assert "anna gave the right password and a wrong second factor" in caplog.messages
    login()
    login(otp=app.fresh_code())
    assert [row[-1] for row in recorded()] == ["wrong_code", "code_missing", "signed_in"]


def test_a_right_password_with_a_wrong_code_in_the_panel_is_logged_and_recorded(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    client = after_password()
    client.post(SECOND, {"code": app.wrong_code()})
    assert caplog.messages.count("anna gave the right password and a wrong second factor") == 1
    client.post(SECOND, {"code": app.fresh_code()})
    assert [row[-2:] for row in recorded()] == [
        ("panel", "code_asked"),
        ("panel", "wrong_code"),
        ("panel", "signed_in"),
    ]


def test_a_security_key_that_lies_is_recorded(anna: Admin) -> None:
    key = SoftKey()
    register_key(signed_in_browser(), key)
    sign_in_with(after_password(), key, challenge="forged")
    assert recorded()[-1][-1] == "wrong_code"


def test_a_right_sign_in_that_must_do_a_step_first_is_not_called_a_success(anna: Admin, settings: Any) -> None:
    settings.REQUIRE_TWO_FACTOR = True
    assert login().status_code == 403
    assert recorded()[-1][-1] == "step_required"


def test_no_password_is_recorded(anna: Admin) -> None:
    secret = "the secret of a tired person!"
    login("anna", secret)
    login(secret, "x")
    login()
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM accounts_signinattempt")
        stored = str(cursor.fetchall())
    assert secret not in stored
    assert PASSWORD not in stored
    assert [row[0] for row in recorded()] == ["anna", "(not a user name)", "anna"]


def test_a_flood_from_one_address_is_recorded_in_part(anna: Admin, settings: Any) -> None:
    settings.LOGIN_FAILURES_PER_PAIR = settings.LOGIN_FAILURES_PER_ADDRESS = 1000
    for _ in range(sign_in_attempts.PER_ADDRESS_AND_MINUTE + 10):
        login("anna", "wrong")
    assert len(recorded()) == sign_in_attempts.PER_ADDRESS_AND_MINUTE
    login("anna", "wrong", address="198.51.100.4")
    assert len(recorded()) == sign_in_attempts.PER_ADDRESS_AND_MINUTE + 1


def test_a_flood_from_many_addresses_is_recorded_in_part(anna: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in_attempts, "PER_MINUTE", 5)
    for number in range(10):
        login("anna", "wrong", address=f"198.51.100.{number}")
    assert len(recorded()) == 5


def test_a_flood_of_wrong_passwords_does_not_hide_a_right_one(anna: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in_attempts, "PER_ADDRESS_AND_MINUTE", 3)
    for _ in range(5):
        login("anna", "wrong")
    login()
    assert [row[-1] for row in recorded()] == ["wrong_password"] * 3 + ["signed_in"]


def test_attempts_are_pruned_by_age_and_by_number(anna: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now()
    for days in (91, 89, 3, 2, 1):
        sign_in_attempts.record_attempt(
            "signed_in", username="anna", admin=anna, source="api", address=None, at=now - timedelta(days=days)
        )
    assert prune_sign_ins(at=now)["sign_in_attempts"] == 1
    monkeypatch.setattr("accounts.prune.ATTEMPTS_KEPT", 3)
    assert prune_sign_ins(at=now)["sign_in_attempts"] == 1
    assert SignInAttempt.objects.earliest("at").at == now - timedelta(days=3)


@pytest.mark.parametrize("wrong", [{"source": "door"}, {"outcome": "guessed"}])
def test_the_table_refuses_what_it_does_not_know(anna: Admin, wrong: dict[str, str]) -> None:
    right = {"at": timezone.now(), "username": "anna", "admin": anna, "source": "api", "outcome": "signed_in"}
    SignInAttempt.objects.create(**right)
    with pytest.raises(IntegrityError), transaction.atomic():
        SignInAttempt.objects.create(**right | wrong)


def test_people_see_their_own_latest_attempts(anna: Admin, ben: Admin, client: Client) -> None:
    login("anna", "wrong", address="198.51.100.4")
    login("ben", "wrong", address="198.51.100.5")
    client.force_login(anna)
    page = client.get("/admin/account/").content.decode()
    assert "Wrong password" in page
    assert "198.51.100.4" in page
    assert "198.51.100.5" not in page


def test_a_sysadmin_sees_the_attempts_of_an_admin_on_their_page(anna: Admin, ben: Admin, client: Client) -> None:
    login("ben", "wrong", address="198.51.100.5")
    client.force_login(anna)
    page = client.get(f"/admin/accounts/admin/{ben.pk}/change/").content.decode()
    assert "Latest sign-ins" in page
    assert "198.51.100.5" in page
    client.force_login(ben)
    assert "Latest sign-ins" not in client.get(f"/admin/accounts/admin/{anna.pk}/change/").content.decode()


def test_a_sysadmin_lists_and_filters_all_attempts(anna: Admin, ben: Admin, client: Client) -> None:
    login("anna", "wrong", address="198.51.100.4")
    login("nobody", "wrong", address="198.51.100.5")
    client.force_login(anna)
    page = "/admin/accounts/signinattempt/"
    assert [found in client.get(page).content.decode() for found in ("198.51.100.4", "198.51.100.5")] == [True, True]
    filtered = client.get(page, {"outcome__exact": "unknown_name"}).content.decode()
    assert [found in filtered for found in ("198.51.100.4", "198.51.100.5")] == [False, True]
    of_anna = client.get(page, {"admin": anna.pk}).content.decode()
    assert [found in of_anna for found in ("198.51.100.4", "198.51.100.5")] == [True, False]
    searched = client.get(page, {"q": "198.51.100.4"}).content.decode()
    assert "198.51.100.5" not in searched
    client.force_login(ben)
    assert client.get(page).status_code == 403


def test_every_kind_of_failure_runs_the_same_statements(app: App, ben: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("common.counters.ADDS_PER_CLEAN_UP", 10**9)  # one of many additions deletes expired counters

    def statements(username: str, password: str) -> int:
        for _ in range(2):  # the second time all counters are there
            with CaptureQueriesContext(connection) as queries:
                assert login(username, password, otp=app.wrong_code()).status_code == 401
        return len(queries)

    assert statements("ben", "wrong") == statements("nobody", "wrong")
    # A wrong code is counted for the admin as well: a counter takes two statements.
    assert statements("anna", PASSWORD) == statements("anna", "wrong") + 2


def test_the_record_of_an_attempt_survives_its_failure(anna: Admin) -> None:
    answer = login("anna", "wrong")
    assert json.loads(answer.content)["code"] == "invalid_credentials"
    assert SignInAttempt.objects.count() == 1
