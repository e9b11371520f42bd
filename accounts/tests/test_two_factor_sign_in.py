"""Signing in to the panel with an authenticator app: password first, then the code, and nothing before both."""

import time
from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts.models import Admin, PanelSession
from accounts.services import change_admin, reset_password
from accounts.tests.factors import LOGIN, SECOND, App, after_password, app_of, browser, is_in
from accounts.tests.tokens import login
from audit.actors import COMMAND
from conftest import PASSWORD

pytestmark = pytest.mark.any_database


@pytest.fixture
def app(anna: Admin) -> App:
    return app_of(anna)


def give(client: Client, code: str) -> int:
    return int(client.post(SECOND, {"code": code}).status_code)


def test_the_password_alone_opens_nothing(app: App) -> None:
    client = after_password()
    assert client.get("/admin/")["Location"].startswith(LOGIN)
    assert client.get("/admin/account/").status_code == 302
    assert "_auth_user_id" not in client.session
    assert PanelSession.objects.get().admin is None


def test_the_code_opens_and_leads_where_one_wanted_to_go(app: App) -> None:
    client = after_password(leads_to="/admin/sites/site/")
    answer = client.post(SECOND, {"code": app.fresh_code()})
    assert (answer.status_code, answer["Location"]) == (302, "/admin/sites/site/")
    assert is_in(client)


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_it_never_leads_to_a_foreign_host(app: App, elsewhere: str) -> None:
    answer = after_password(leads_to=elsewhere).post(SECOND, {"code": app.fresh_code()})
    assert answer["Location"] == "/admin/"


def test_a_code_may_be_written_with_a_blank(app: App) -> None:
    code = app.fresh_code()
    assert give(after_password(), f" {code[:3]} {code[3:]} ") == 302


def test_a_code_that_was_used_is_refused_even_while_it_still_shows(app: App) -> None:
    code = app.fresh_code()
    assert give(after_password(), code) == 302
    again = after_password()
    assert give(again, code) == 200
    assert not is_in(again)


def test_after_a_wrong_code_the_field_is_empty(app: App) -> None:
    wrong = app.wrong_code()
    page = after_password().post(SECOND, {"code": wrong}).content.decode()
    assert "Wrong or already used code" in page
    assert wrong not in page


def test_a_code_from_before_the_one_that_was_used_is_refused(app: App) -> None:
    app.fresh_code()
    assert give(after_password(), app.code(steps_off=1)) == 302
    assert give(after_password(), app.code()) == 200


@pytest.mark.parametrize(("steps_off", "status"), [(-2, 200), (-1, 302), (0, 302), (1, 302), (2, 200)])
def test_the_clock_may_be_one_step_off_either_way(app: App, steps_off: int, status: int) -> None:
    app.fresh_code()
    time.sleep(max(0.0, time.time() % 30 - 28) and 2.1)  # not across the end of a step
    assert give(after_password(), app.code(steps_off=steps_off)) == status


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "\0", "x" * 500])
def test_what_is_no_code_is_refused(app: App, code: str) -> None:
    client = after_password()
    assert give(client, code) == 200
    assert not is_in(client)


def test_the_codes_of_another_admin_are_refused(app: App, ben: Admin) -> None:
    assert give(after_password(), app_of(ben).fresh_code()) == 200


def test_the_key_of_the_session_changes_when_one_is_signed_in(app: App) -> None:
    client = after_password()
    before = client.cookies[settings.SESSION_COOKIE_NAME].value
    assert give(client, app.fresh_code()) == 302
    assert client.cookies[settings.SESSION_COOKIE_NAME].value != before
    old = browser()
    old.cookies[settings.SESSION_COOKIE_NAME] = before
    assert not is_in(old)


def test_a_right_password_waits_five_minutes_and_no_longer(settings, app: App) -> None:
    client = after_password()
    settings.SECOND_FACTOR_WITHIN = timedelta(0)
    answer = client.post(SECOND, {"code": app.fresh_code()}, follow=True)
    assert answer.request["PATH_INFO"] == LOGIN
    assert "this page has expired" in answer.content.decode()
    assert not is_in(client)


def test_without_a_password_before_it_the_page_leads_to_the_login(app: App) -> None:
    client = browser()
    for answer in (client.get(SECOND), client.post(SECOND, {"code": app.fresh_code()})):
        assert (answer.status_code, answer["Location"]) == (302, LOGIN)
    assert not is_in(client)


def test_an_admin_who_is_disabled_between_the_two_pages_is_refused(app: App, ben: Admin) -> None:
    bens = app_of(ben)
    client = after_password("ben")
    change_admin(ben.pk, {"is_active": False}, by=COMMAND, at=timezone.now())
    assert client.post(SECOND, {"code": bens.fresh_code()})["Location"] == LOGIN
    change_admin(ben.pk, {"is_active": True}, by=COMMAND, at=timezone.now())
    assert client.post(SECOND, {"code": bens.fresh_code()})["Location"] == LOGIN


def test_another_password_between_the_stages_makes_the_first_void(app: App) -> None:
    client = after_password()
    reset_password(app.admin.pk, "another horse battery staple", by=COMMAND, at=timezone.now())
    assert client.post(SECOND, {"code": app.fresh_code()})["Location"] == LOGIN
    assert not is_in(client)


def test_wrong_codes_are_counted_like_wrong_passwords(app: App) -> None:
    client = after_password()
    for _ in range(10):
        assert give(client, app.wrong_code()) == 200
    answer = client.post(SECOND, {"code": app.fresh_code()})
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 800
    assert login("anna").status_code == 429
    assert give(after_password(address="198.51.100.4"), app.fresh_code()) == 302


def test_giving_the_password_again_buys_no_more_guesses_at_codes(app: App) -> None:
    for _ in range(10):
        assert give(after_password(), app.wrong_code()) == 200
    assert browser().post(LOGIN, {"username": "anna", "password": PASSWORD}).status_code == 429


def test_a_whole_sign_in_forgets_the_failures_before_it(app: App) -> None:
    for _ in range(2):
        client = after_password()
        for _ in range(9):
            assert give(client, app.wrong_code()) == 200
        assert give(client, app.fresh_code()) == 302


def test_an_admin_without_a_second_factor_is_not_asked(app: App, ben: Admin) -> None:
    client = browser()
    answer = client.post(LOGIN, {"username": "ben", "password": PASSWORD})
    assert (answer.status_code, answer["Location"]) == (302, "/admin/")


def test_the_page_is_stored_nowhere_and_tells_no_name(app: App) -> None:
    answer = after_password().get(SECOND)
    assert "no-store" in answer["Cache-Control"]
    assert app.secret not in answer.content.decode()
