"""The page of one's own settings, and that the panel obeys them."""

import re
from typing import Any

import pytest
from django.test import Client

from accounts.models import Admin, Preferences
from accounts.services import change_preferences
from alerts.channels.own_notices import own_notices
from alerts.own_settings import change_own_settings
from panel.tests.screen import browser_of

pytestmark = pytest.mark.any_database

SETTINGS, RESET, THEME = (f"/admin/account/settings/{part}" for part in ("", "reset/", "theme/"))
CHOSEN = {"timezone": "auckland", "theme": "dark", "page_size": "200", "start_page": "sites"}
SAVED = {"timezone": "Pacific/Auckland", "theme": "dark", "page_size": 200, "start_page": "sites"}


def saved(person: Admin) -> dict[str, Any] | None:
    return Preferences.objects.filter(admin=person).values(*SAVED).first()


# --- The page ---


@pytest.mark.parametrize("name", ["anna", "ben", "vera"])
def test_each_role_saves_its_own(name: str, request: pytest.FixtureRequest) -> None:
    person: Admin = request.getfixturevalue(name)
    answer = browser_of(person).post(SETTINGS, CHOSEN, follow=True)
    assert answer.redirect_chain == [(SETTINGS, 302)]
    page = answer.content.decode()
    assert "Your settings are saved." in page
    assert saved(person) == SAVED
    assert re.findall(r'<option value="(\w+)" selected>', page) == ["dark", "sites"]
    assert 'value="Pacific/Auckland"' in page
    assert 'value="200"' in page


@pytest.mark.parametrize(
    "wrong",
    [
        {"timezone": "Mars"},
        {"theme": "blue"},
        {"theme": ""},
        {"page_size": "9"},
        {"page_size": "201"},
        {"page_size": ""},
        {"start_page": "/admin/"},
    ],
)
def test_a_wrong_entry_is_shown_and_nothing_is_saved(wrong: dict[str, str], anna: Admin) -> None:
    page = browser_of(anna).post(SETTINGS, CHOSEN | wrong).content.decode()
    assert "Not saved. Please fix the fields below." in page
    assert f'class="form-row field-{next(iter(wrong))} errors"' in page
    assert saved(anna) is None


def test_an_empty_time_zone_is_the_browsers(anna: Admin) -> None:
    change_preferences(anna.pk, {"timezone": "Europe/Rome"})
    browser_of(anna).post(SETTINGS, CHOSEN | {"timezone": ""})
    assert saved(anna) == SAVED | {"timezone": ""}


def test_the_page_names_the_notices_and_leads_to_them(anna: Admin, ben: Admin) -> None:
    change_own_settings(anna, {"email_notices": "critical"}, at=anna.created_at)
    assert "Critical incidents only." in browser_of(anna).get(SETTINGS).content.decode()
    page = browser_of(ben).get(SETTINGS).content.decode()
    assert "No notices." in page
    assert 'href="/admin/account/#notices-title"' in page
    assert SETTINGS in browser_of(ben).get("/admin/account/").content.decode()


def test_a_reset_brings_the_defaults_back_and_ends_notices(anna: Admin, ben: Admin) -> None:
    for person in (anna, ben):
        change_own_settings(person, SAVED | {"email_notices": "info"}, at=person.created_at)
    answer = browser_of(anna).post(RESET, follow=True)
    assert "Your settings are the defaults again." in answer.content.decode()
    assert (saved(anna), own_notices(anna)) == (None, None)
    assert (saved(ben), own_notices(ben)) == (SAVED, "info")


# --- The theme ---


def theme_of(page: Any) -> str:
    """As the script in the head is told; empty without a signed-in admin."""
    found = re.search(r'<script src="[^"]*portcullis/theme[^"]*\.js"(?: data-theme="(\w+)")?', page.content.decode())
    assert found
    return found[1] or ""


def test_every_page_has_the_chosen_theme(anna: Admin, ben: Admin) -> None:
    change_preferences(anna.pk, {"theme": "dark"})
    for path in ("/admin/", "/admin/sites/site/", "/admin/account/", "/admin/password_change/", SETTINGS):
        assert (theme_of(browser_of(anna).get(path)), theme_of(browser_of(ben).get(path))) == ("dark", "auto"), path
    assert theme_of(Client().get("/admin/login/")) == ""


def test_the_button_in_the_header_saves_the_theme_alone(anna: Admin) -> None:
    change_preferences(anna.pk, SAVED)
    answer = browser_of(anna).post(THEME, {"theme": "light"})
    assert (answer.status_code, answer.content) == (204, b"")
    assert saved(anna) == SAVED | {"theme": "light"}


@pytest.mark.parametrize("given", [{}, {"theme": "blue"}, {"theme": ""}])
def test_an_unknown_theme_is_refused(anna: Admin, given: dict[str, str]) -> None:
    assert browser_of(anna).post(THEME, given).status_code == 400
    assert saved(anna) is None


def test_the_theme_is_saved_before_a_required_password_is_changed(anna: Admin) -> None:
    Admin.objects.update(must_change_password=True)
    browser = browser_of(anna)
    assert browser.get(SETTINGS).status_code == 302
    assert browser.post(THEME, {"theme": "dark"}).status_code == 204


def test_nothing_is_saved_without_a_session(anna: Admin) -> None:
    for path in (SETTINGS, RESET, THEME):
        assert Client().post(path, CHOSEN).status_code in (302, 403)
    assert not Preferences.objects.exists()
