"""The one page that shows a key, in a real browser: what can be copied from it works, and no way back leads to it."""

import json
import shlex
import subprocess
from typing import Any

import pytest
from playwright.sync_api import Browser, Error, Page

from tests.browser import PanelUser, open_window
from tests.running_server import RunningServer, register

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def server(race_server: RunningServer) -> RunningServer:
    return race_server


@pytest.fixture
def anna(browser: Browser, server: RunningServer) -> PanelUser:
    person = open_window(browser, server)
    person.sign_in()
    return person


def type_site(anna: PanelUser, name: str) -> None:
    anna.go("/admin/sites/site/add/")
    anna.page.fill("#id_name", name)
    anna.page.fill("#id_owner_name", "Paul")
    anna.page.fill("#id_contact_email", "kay@counter.example")


def travel(page: Page, way: str) -> None:
    """Back or forward in the history. The browser may refuse to show a page that must not be stored."""
    try:
        getattr(page, way)(timeout=10_000)
    except Error:
        page.wait_for_timeout(1000)  # until the browser's own page stands there instead


def test_the_shown_line_is_a_first_heartbeat(anna: PanelUser) -> None:
    type_site(anna, "It's a Bistro; $(true)")
    anna.follow("input[name=_save]")
    line = anna.page.inner_text("#first-heartbeat")
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True, timeout=20)
    assert json.loads(done.stdout)["licensed"] is True
    settings = dict(each.split("=", 1) for each in shlex.split(anna.page.inner_text("#environment")))
    assert settings["PORTCULLIS_SITE_KEY"] == anna.page.inner_text("#secret-key")


def test_a_double_click_registers_once_and_still_shows_the_key(anna: PanelUser, server: RunningServer) -> None:
    type_site(anna, "Double Click Diner")
    anna.page.dblclick("input[name=_save]")
    anna.page.wait_for_selector("#secret-key")
    assert server.sign_in().get("/api/sites?search=double+click").json()["count"] == 1


def test_a_double_click_rotates_once_and_still_shows_the_key(anna: PanelUser, server: RunningServer) -> None:
    site = register(server.sign_in(), server, name="Double Rotation")
    anna.go(f"/admin/sites/site/{site.site_id}/rotate-key/")
    anna.page.dblclick("input[type=submit]")
    anna.page.wait_for_selector("#secret-key")
    assert site.call_home(key=anna.page.inner_text("#secret-key")).status_code == 200


def test_no_way_back_leads_to_the_key(anna: PanelUser) -> None:
    page = anna.page
    type_site(anna, "No Way Back")
    anna.follow("input[name=_save]")
    key = page.inner_text("#secret-key")
    anna.follow("a:text-is('Go to the site')")
    for way in ("go_back", "go_forward", "go_back", "reload"):
        travel(page, way)
        assert key not in page.content(), way


@pytest.mark.parametrize("allowed", [True, False], ids=["clipboard", "no clipboard"])
def test_the_key_is_copied_with_or_without_the_clipboards_permission(anna: PanelUser, allowed: bool) -> None:
    page: Any = anna.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    if not allowed:
        page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    type_site(anna, "Copy Shop")
    anna.follow("input[name=_save]")
    for name, what in (("secret-key", "Secret key"), ("environment", "For the local backend")):
        page.click(f"[data-copy={name}]")
        page.locator("#copy-status", has_text=f"Copied: {what}").wait_for()
        page.evaluate("document.body.insertAdjacentHTML('beforeend', '<textarea id=paste></textarea>')")
        page.focus("#paste")
        page.keyboard.press("Control+V")
        assert page.input_value("#paste") == page.inner_text(f"#{name}")
        page.evaluate("document.getElementById('paste').remove()")
