"""The page of one site in Chromium: in every look, by keyboard alone, and while somebody else changes the site."""

import pytest
from playwright.sync_api import Browser

from tests.browser import PanelUser, open_window
from tests.running_server import Client, RunningServer, Site, register

pytestmark = pytest.mark.e2e
MOST_TABS = 60


@pytest.fixture(scope="module")
def server(race_server: RunningServer) -> RunningServer:
    return race_server


@pytest.fixture(scope="module")
def api(server: RunningServer) -> Client:
    return server.sign_in()


@pytest.fixture
def site(api: Client, server: RunningServer) -> Site:
    made = register(api, server, name="Trattoria Roma")
    made.call_home()
    return made


def page_of(person: PanelUser, site: Site) -> None:
    person.go(f"/admin/sites/site/{site.site_id}/change/")


def tab_to(person: PanelUser, selector: str) -> None:
    for _ in range(MOST_TABS):
        person.page.keyboard.press("Tab")
        if person.page.evaluate("chosen => document.activeElement.matches(chosen)", selector):
            return
    pytest.fail(f"no Tab leads to {selector}")


def test_a_form_that_somebody_overtook_is_readable_in_every_look(
    browser: Browser, server: RunningServer, api: Client, site: Site
) -> None:
    person = open_window(browser, server)
    person.sign_in()
    page_of(person, site)
    person.page.fill("#id_name", "Mine")
    changes = {"name": "Theirs", "license_expires_at": "2031-01-01T00:00:00Z", "timezone": "Europe/Rome"}
    assert api.send("PATCH", f"/api/sites/{site.site_id}", changes).status_code == 200
    api.post(f"/api/sites/{site.site_id}/lock", {"reason": "unpaid"})
    person.follow("input[name=_save]")
    assert "Changes since you opened the page" in person.page.inner_text(".changes-since")
    assert person.complaints == []
    assert person.findings() == []


def test_a_site_is_locked_and_its_form_settled_by_keyboard_alone(
    browser: Browser, server: RunningServer, api: Client, site: Site
) -> None:
    person = open_window(browser, server)
    person.sign_in()
    keyboard = person.page.keyboard
    page_of(person, site)
    tab_to(person, ".site-buttons a")
    with person.page.expect_navigation():
        keyboard.press("Enter")
    tab_to(person, "#id_reason")
    keyboard.type("unpaid invoice 118")
    tab_to(person, "input[type=submit]")
    with person.page.expect_navigation():
        keyboard.press("Enter")
    page_of(person, site)
    assert "unpaid invoice 118" in person.page.inner_text(".site-sentence strong")
    tab_to(person, "#id_name")
    keyboard.type("Mine")
    api.send("PATCH", f"/api/sites/{site.site_id}", {"name": "Theirs"})
    with person.page.expect_navigation():
        keyboard.press("Enter")
    tab_to(person, "input[name=take_name]")
    keyboard.press("Space")
    tab_to(person, "input[name=_save]")
    with person.page.expect_navigation():
        keyboard.press("Enter")
    stored = api.get(f"/api/sites/{site.site_id}").json()
    assert (stored["name"], stored["is_locked"]) == ("Mine", True)
    assert person.complaints == []
