"""A form whose session has ended, in a real browser: the entries come back after the sign-in."""

import pytest
from playwright.sync_api import Browser

from tests.browser import PanelUser, open_window
from tests.running_server import ADMIN, PASSWORD, RunningServer, Site, register

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def server(race_server: RunningServer) -> RunningServer:
    return race_server


def type_new_owner(person: PanelUser, site: Site) -> None:
    person.go(f"/admin/sites/site/{site.site_id}/change/")
    person.page.fill("#id_owner_name", "Typed with care")


def save(person: PanelUser) -> None:
    person.follow("input[name=_save]")


def check_and_save(person: PanelUser) -> None:
    assert "Your session had ended. Nothing was saved." in person.messages
    assert person.page.input_value("#id_owner_name") == "Typed with care"
    save(person)
    assert "Saved: Owner." in person.messages


def test_the_form_comes_back_after_the_sign_in(browser: Browser, server: RunningServer) -> None:
    site = register(server.sign_in(), server, name="Ended")
    person = open_window(browser, server)
    person.sign_in()
    type_new_owner(person, site)
    person.page.context.clear_cookies()
    save(person)
    assert "Your session has ended. Sign in to go on" in person.page.inner_text("body")
    person.page.fill("#id_username", ADMIN)
    person.page.fill("#id_password", PASSWORD)
    person.follow("input[type=submit]")
    check_and_save(person)


def test_the_form_comes_back_after_a_sign_in_in_another_tab(browser: Browser, server: RunningServer) -> None:
    site = register(server.sign_in(), server, name="Two tabs")
    person = open_window(browser, server)
    person.sign_in()
    type_new_owner(person, site)
    other = PanelUser(server, person.page.context.new_page())
    other.go("/admin/")
    other.follow("#logout-form button")
    other.sign_in()
    save(person)
    check_and_save(person)
