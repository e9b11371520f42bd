"""The top of a site's page in Chromium: the contact, what is copied, and the menu with the rare operations."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser import LOOKS, PanelUser, open_window
from tests.running_server import RunningServer, Site, register

pytestmark = pytest.mark.e2e

MENU = ".more-menu"
# What a finger cannot hit: the height and name of what is lower than 44 px.
TOO_LOW = """selector => [...document.querySelectorAll(selector)]
  .filter((each) => each.checkVisibility() && each.getBoundingClientRect().height < 44)
  .map((each) => `${each.textContent.trim()}: ${each.getBoundingClientRect().height}`)"""


@pytest.fixture(scope="module")
def server(race_server: RunningServer) -> RunningServer:
    return race_server


@pytest.fixture(scope="module")
def site(server: RunningServer) -> Site:
    facts = {"owner_name": "Giulia Conti", "contact_email": "giulia@top.example", "contact_phone": "+39 06 5550-123"}
    return register(server.sign_in(), server, name="Trattoria Cima", **facts)


@pytest.fixture
def anna(browser: Browser, server: RunningServer, site: Site) -> Iterator[PanelUser]:
    person = open_window(browser, server)
    person.sign_in()
    open_site(person, site)
    yield person
    assert person.complaints == []


def open_site(person: PanelUser, site: Site) -> None:
    person.go(f"/admin/sites/site/{site.site_id}/change/")


def is_open(person: PanelUser) -> bool:
    return person.page.locator(f"{MENU} ul").is_visible()


def test_the_contact_is_called_and_the_id_copied(anna: PanelUser, site: Site) -> None:
    page = anna.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    contact = page.get_by_role("region", name="Contact, id and key")
    assert contact.get_by_role("link", name="giulia@top.example").get_attribute("href") == "mailto:giulia@top.example"
    assert contact.get_by_role("link", name="+39 06 5550-123").get_attribute("href") == "tel:+39065550123"
    for position, what, copied in ((0, "Site id", site.site_id), (1, "Key hint", f"…{site.key[-4:]}")):
        contact.get_by_role("button", name="Copy").nth(position).click()
        page.locator("#copy-status", has_text=f"Copied: {what}").wait_for()
        assert page.evaluate("navigator.clipboard.readText()") == copied


def test_the_menu_is_opened_and_left_by_keyboard(anna: PanelUser) -> None:
    page, button = anna.page, anna.page.locator(f"{MENU} summary")
    assert not is_open(anna)
    button.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Set expiry date"
    page.keyboard.press("Escape")
    assert not is_open(anna)
    assert page.evaluate("document.activeElement.textContent") == "More", "the focus is not lost"
    page.keyboard.press("Space")
    assert is_open(anna)
    page.keyboard.press("Shift+Tab")
    assert not is_open(anna), "the focus has left it"


def test_a_click_elsewhere_closes_the_menu_and_does_what_was_clicked(anna: PanelUser) -> None:
    for look in ("light", "phone"):
        anna.page.set_viewport_size({"width": LOOKS[look][1], "height": 900})
        anna.page.click(f"{MENU} summary")
        assert is_open(anna)
        anna.page.click("#state-heading", force=True, position={"x": 0, "y": 0})
        assert not is_open(anna)
        anna.page.click(f"{MENU} summary")
        anna.page.locator(".copy-button").last.click()
        anna.page.locator("#copy-status:not(:empty)").wait_for()
        assert not is_open(anna)


def test_the_open_menu_is_readable_in_every_look(anna: PanelUser) -> None:
    anna.page.click(f"{MENU} summary")
    assert anna.findings() == []


def test_everything_at_the_top_can_be_hit_by_a_finger(browser: Browser, server: RunningServer, site: Site) -> None:
    vera = open_window(browser, server, "phone")
    vera.sign_in()
    open_site(vera, site)
    vera.page.click(f"{MENU} summary")
    assert vera.page.locator(".site-buttons a").count() == 6
    assert (
        vera.page.evaluate(TOO_LOW, ".site-buttons a, .more-menu summary, .site-contact a, .site-contact button") == []
    )
    assert vera.complaints == []


def test_without_scripts_the_menu_opens_and_its_operations_are_reached(
    browser: Browser, server: RunningServer, site: Site
) -> None:
    context = browser.new_context(java_script_enabled=False)
    person = PanelUser(server, context.new_page())
    person.sign_in()
    open_site(person, site)
    assert not is_open(person)
    person.follow_action("Deregister")
    assert "Deregister" in person.page.inner_text("h1")
    assert person.page.locator(".copy-button").count() == 0
