"""After ten right passwords with wrong codes somebody knows the password: it must be changed at the next sign-in."""

from typing import Any

import pytest

from accounts.models import Admin
from accounts.tests.factors import SECOND, App, after_password, app_of
from accounts.tests.tokens import login
from audit.models import Event
from conftest import PASSWORD

CHANGE = "/admin/password_change/"
NEW = "another horse battery staple"


@pytest.fixture
def app(anna: Admin) -> App:
    return app_of(anna)


def guess_over_the_api(app: App, times: int) -> None:
    for number in range(times):
        assert login(otp=app.wrong_code(), address=f"198.51.100.{number}").status_code == 401


def guess_in_the_panel(app: App, times: int) -> None:
    for number in range(times):
        assert (
            after_password(address=f"198.51.100.{number}").post(SECOND, {"code": app.wrong_code()}).status_code == 200
        )


def sign_in(app: App) -> Any:
    client = after_password()
    assert client.post(SECOND, {"code": app.fresh_code()}).status_code == 302
    return client


@pytest.mark.parametrize("guess", [guess_over_the_api, guess_in_the_panel])
def test_the_tenth_wrong_code_demands_a_new_password_at_the_next_sign_in(app: App, guess: Any) -> None:
    guess(app, 10)
    app.admin.refresh_from_db()
    assert not app.admin.must_change_password
    client = sign_in(app)
    answer = client.get("/admin/")
    assert (answer.status_code, answer["Location"]) == (302, CHANGE)
    page = client.get(CHANGE).content.decode()
    assert "Somebody gave your right password or Google account with a wrong code 10 times" in page


def test_it_is_an_event_about_the_admin(app: App) -> None:
    guess_over_the_api(app, 12)
    [event] = Event.objects.filter(action="admin.password_change_required")
    assert (event.subject_name, event.source, event.reason) == (
        "anna",
        "system",
        "The right password was given with a wrong code 10 times",
    )


def test_the_api_asks_for_a_new_password_too(app: App) -> None:
    guess_over_the_api(app, 10)
    assert login(otp=app.fresh_code()).json()["code"] == "password_change_required"


def test_nine_are_forgiven_but_mentioned_at_the_sign_in(app: App) -> None:
    guess_over_the_api(app, 9)
    client = sign_in(app)
    page = client.get("/admin/").content.decode()
    assert "9 times since your last sign-in" in page
    guess_over_the_api(app, 1)
    assert sign_in(app).get("/admin/").status_code == 200


def test_a_sign_in_without_a_code_is_no_guess(app: App) -> None:
    for number in range(12):
        login(address=f"198.51.100.{number}")
    assert sign_in(app).get("/admin/").status_code == 200


def test_a_new_password_begins_a_new_count(app: App) -> None:
    guess_over_the_api(app, 10)
    client = sign_in(app)
    form = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
    assert client.post(CHANGE, form).status_code == 302
    assert client.get("/admin/").status_code == 200
    assert login(password=NEW, otp=app.fresh_code()).status_code == 200


def test_the_number_is_a_setting(app: App, settings: Any) -> None:
    settings.LOGIN_CODE_FAILURES_BEFORE_NEW_PASSWORD = 2
    guess_over_the_api(app, 2)
    assert sign_in(app).get("/admin/")["Location"] == CHANGE
