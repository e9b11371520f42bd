"""The top of a site's page in Chromium: the contact, what is copied, the menu with the rare operations, and the notes."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import LOOKS, PanelUser, open_window
from tests.running_server import ADMIN, PASSWORD, RunningServer, Site, register

pytestmark = pytest.mark.e2e

MENU = ".more-menu"
# What a finger cannot hit: the height and name of what is lower than 44 px.
TOO_LOW = """selector => [...document.querySelectorAll(selector)]
  .filter((each) => each.checkVisibility() && each.getBoundingClientRect().height < 44)
  .map((each) => `${each.textContent.trim()}: ${each.getBoundingClientRect().height}`)"""


FINGER_TARGETS = ".site-buttons a, .more-menu summary, .site-contact a, .site-contact button, .site-notes input"


@pytest.fixture(scope="module")
def server(race_server: RunningServer) -> RunningServer:
    return race_server


@pytest.fixture(scope="module")
def site(server: RunningServer) -> Site:
    facts = {"owner_name": "Giulia Conti", "contact_email": "giulia@top.example", "contact_phone": "+39 06 5550-123"}
    return register(server.sign_in(), server, name="Trattoria Cima", **facts)


@pytest.fixture(scope="module")
def session(shared_browser: Browser, server: RunningServer) -> list[Any]:
    """The cookies of a sign-in that the tests share."""
    person = open_window(shared_browser, server)
    person.sign_in()
    cookies: list[Any] = person.page.context.cookies()
    person.page.context.close()
    return cookies


@pytest.fixture
def anna(browser: Browser, server: RunningServer, site: Site, session: list[Any]) -> Iterator[PanelUser]:
    person = open_window(browser, server)
    person.page.context.add_cookies(session)
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


def test_a_key_that_a_refresh_of_the_page_shows_can_be_copied(
    anna: PanelUser, server: RunningServer, quiet_site: Site
) -> None:
    page = anna.page
    page.clock.install()
    open_site(anna, quiet_site)
    api = server.sign_in()
    answer = api.post(f"/api/sites/{quiet_site.site_id}/rotate-key", {"overlap_hours": 24})
    page.clock.fast_forward("00:31")
    expect(page.locator(".site-contact button")).to_have_count(3)
    page.locator(".site-contact button").nth(1).click()
    page.clock.fast_forward("00:01")
    expect(page.locator("#copy-status")).to_have_text("Copied: Key hint")
    assert page.inner_text(".site-contact div:nth-child(4) code") == f"…{answer.json()['secret_key'][-4:]}"


def test_the_menu_is_opened_and_left_by_keyboard(anna: PanelUser) -> None:
    page, button = anna.page, anna.page.locator(f"{MENU} summary")
    assert not is_open(anna)
    button.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Share page"
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
        for place in (".site-sentence", "#header"):
            anna.page.click(f"{MENU} summary")
            assert is_open(anna)
            anna.page.click(place, position={"x": 1, "y": 1})
            assert not is_open(anna)
        anna.page.click(f"{MENU} summary")
        anna.page.locator(".copy-button").first.click()
        anna.page.locator("#copy-status:not(:empty)").wait_for()
        assert not is_open(anna)


def test_the_open_menu_is_readable_in_every_look(anna: PanelUser) -> None:
    anna.page.click(f"{MENU} summary")
    assert anna.findings() == []


def test_everything_at_the_top_can_be_hit_by_a_finger(anna: PanelUser) -> None:
    anna.page.set_viewport_size({"width": LOOKS["phone"][1], "height": 900})
    anna.page.click(f"{MENU} summary")
    assert anna.page.locator(".site-buttons a").count() == 8
    assert anna.page.evaluate(TOO_LOW, FINGER_TARGETS) == []


def test_without_scripts_the_menu_opens_and_its_operations_are_reached(
    browser: Browser, server: RunningServer, site: Site, session: list[Any]
) -> None:
    context = browser.new_context(java_script_enabled=False)
    context.add_cookies(session)
    person = PanelUser(server, context.new_page())
    open_site(person, site)
    assert not is_open(person)
    assert not any(button.is_visible() for button in person.page.locator(".copy-button").all())
    person.follow_action("Deregister")
    assert "Deregister" in person.page.inner_text("h1")


# --- Notes ---


@pytest.fixture
def quiet_site(server: RunningServer) -> Site:
    return register(server.sign_in(), server, name="Osteria Silenziosa")


def notes(person: PanelUser) -> list[str]:
    return person.page.locator(".note-text").all_inner_texts()


def test_a_double_click_adds_one_note_and_shows_it_as_it_was_typed(anna: PanelUser, quiet_site: Site) -> None:
    page = anna.page
    open_site(anna, quiet_site)
    typed = "<b>Called.</b>\n  Pays on Monday: https://bank.example"
    page.get_by_label("Add a note").fill(typed)
    page.dblclick("input[value='Add note']")
    page.locator(".note-text").wait_for()
    page.reload()
    assert notes(anna) == [typed]
    assert page.locator(".note-text a, .note-text b").count() == 0
    assert page.input_value("#id_text") == ""
    assert page.evaluate("document.querySelector('#notes').getBoundingClientRect().top < innerHeight")


def test_a_note_after_going_back_is_asked_for_again_and_not_lost(anna: PanelUser, quiet_site: Site) -> None:
    page = anna.page
    open_site(anna, quiet_site)
    page.fill("#id_text", "first")
    anna.follow("input[value='Add note']")
    with page.expect_navigation():
        page.go_back()
    page.fill("#id_text", "second")
    anna.follow("input[value='Add note']")
    if "Not added yet" in anna.messages:  # unless the browser asked for the page again, which has a new form
        assert page.input_value("#id_text") == "second"
        assert anna.findings() == []
        anna.follow("input[value='Add note']")
    assert notes(anna) == ["second", "first"]


def test_a_note_outlives_its_session(anna: PanelUser, quiet_site: Site) -> None:
    page = anna.page
    open_site(anna, quiet_site)
    page.fill("#id_text", "typed with care")
    page.context.clear_cookies()
    anna.follow("input[value='Add note']")
    assert "Your session has ended" in page.inner_text("body")
    anna.complaints.clear()  # about the status of this page, 403
    page.fill("#id_username", ADMIN)
    page.fill("#id_password", PASSWORD)
    anna.follow("#login-form input[type=submit]")
    assert page.input_value("#id_text") == "typed with care"
    anna.follow("input[value='Add note']")
    assert notes(anna) == ["typed with care"]


def test_many_notes_are_readable_in_every_look(anna: PanelUser, quiet_site: Site) -> None:
    page = anna.page
    open_site(anna, quiet_site)
    for text in ("W" * 1000, *"12345"):
        page.fill("#id_text", text)
        anna.follow("input[value='Add note']")
    assert notes(anna) == [*"54321"]
    anna.follow("a:text-is('Show all 6 notes')")
    assert len(notes(anna)) == 6
    assert anna.findings() == []
