"""The API's login asks for the code too, and says nothing about which part was wrong."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import Admin, TokenFamily
from accounts.tests.factors import App, SoftKey, app_of, register_key, signed_in
from accounts.tests.test_login import REFUSED
from accounts.tests.tokens import is_unauthenticated, login, me, pair, refresh
from conftest import PASSWORD

pytestmark = pytest.mark.any_database


@pytest.fixture
def app(anna: Admin) -> App:
    return app_of(anna)


def test_password_and_code_get_tokens(app: App) -> None:
    answer = login(otp=app.fresh_code())
    assert answer.status_code == 200
    assert me(answer.json()["access"]).status_code == 200


def test_a_recovery_code_is_taken_once(app: App) -> None:
    code = app.recovery_codes[0]
    assert [login(otp=code).status_code for _ in range(2)] == [200, 401]


def test_missing_wrong_and_used_codes_are_answered_like_a_wrong_password(app: App) -> None:
    used = app.fresh_code()
    assert login(otp=used).status_code == 200
    TokenFamily.objects.all().delete()
    for more in ({}, {"otp": app.wrong_code()}, {"otp": used}, {"otp": "x"}, {"otp": "0000-0000-0000"}):
        answer = login(**more)
        assert (answer.status_code, answer.json()) == (401, REFUSED)
        assert answer["WWW-Authenticate"].startswith("Bearer")
    assert not TokenFamily.objects.exists()


def test_a_right_code_with_a_wrong_password_is_not_used_up(app: App) -> None:
    code = app.fresh_code()
    assert login(password="wrong", otp=code).status_code == 401
    assert login(otp=code).status_code == 200


def test_guesses_at_the_code_are_counted(app: App, settings: Any) -> None:
    settings.LOGIN_CODE_FAILURES_BEFORE_NEW_PASSWORD = 1000
    for _ in range(10):
        assert login(otp=app.wrong_code()).status_code == 401
    answer = login(otp=app.fresh_code())
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_login_attempts")
    assert login(otp=app.fresh_code(), address="198.51.100.4").status_code == 200


def test_missing_codes_are_counted(app: App) -> None:
    assert [login().status_code for _ in range(11)] == [401] * 10 + [429]


def test_an_admin_with_security_keys_alone_signs_in_by_recovery_codes(anna: Admin) -> None:
    client = signed_in()
    codes = register_key(client, SoftKey()).context["codes"]
    assert login().status_code == 401
    assert login(otp="123456").status_code == 401
    assert login(otp=codes[0]).status_code == 200


def test_adding_the_first_factor_ends_what_a_password_alone_signed_in(anna: Admin) -> None:
    tokens = pair()
    app_of(anna)
    assert is_unauthenticated(me(tokens["access"]))
    assert is_unauthenticated(refresh(tokens["refresh"]))


def test_codes_are_limited_for_each_admin_whatever_the_address(app: App, settings: Any) -> None:
    settings.LOGIN_CODE_FAILURES = 12
    for guess in range(12):
        assert login(otp=app.wrong_code(), address=f"198.51.100.{guess}").status_code == 401
    answer = login(otp=app.fresh_code(), address="203.0.113.9")
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_login_attempts")
    panel = Client(REMOTE_ADDR="203.0.113.9")
    panel.post("/admin/login/", {"username": "anna", "password": PASSWORD})
    assert panel.post("/admin/login/second-factor/", {"code": app.fresh_code()}).status_code == 429


def test_without_the_password_nobody_uses_up_the_guesses_at_codes(app: App, settings: Any) -> None:
    settings.LOGIN_CODE_FAILURES = 2
    for guess in range(5):
        wrong = login(password="wrong", otp=app.wrong_code(), address=f"198.51.100.{guess}")
        assert wrong.status_code == 401
    assert login(otp=app.fresh_code(), address="203.0.113.9").status_code == 200
