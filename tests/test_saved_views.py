"""Saved views and columns in Chromium: the list as one has it now is saved, opened, changed, shared and deleted."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser import PanelUser, open_window
from tests.running_server import RunningServer, register

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

LIST = "/admin/sites/site/"
LONG = "Unpaid" + "x" * 114


@pytest.fixture(scope="module")
def server(race_server: RunningServer) -> RunningServer:
    return race_server


@pytest.fixture
def anna(browser: Browser, server: RunningServer) -> Iterator[PanelUser]:
    person = open_window(browser, server)
    person.sign_in()
    yield person
    assert person.complaints == []


def columns(person: PanelUser) -> list[str]:
    labels = person.page.locator("#result_list thead th:not(.action-checkbox-column) .text").all_inner_texts()
    return [text.strip().upper() for text in labels]


def test_a_view_is_saved_with_its_columns_opened_changed_and_deleted(anna: PanelUser, server: RunningServer) -> None:
    page = anna.page
    register(server.sign_in(), server, name="View Point").call_home()
    anna.go(f"{LIST}?status=online&q=view+point")
    page.click("summary:text-is('Columns')")
    page.uncheck("label:text-is('Version') input")
    page.uncheck("label:text-is('Last 7 days') input")
    assert anna.findings() == [], "with the form open"
    anna.follow(".list-columns button")
    assert columns(anna) == ["SITE", "STATE ▲", "LICENCE", "LAST SEEN"]

    anna.follow(".own-views a.quiet")
    assert "columns: Site, State, Licence, Last seen" in page.inner_text(".view-words")
    page.fill("#id_name", LONG)
    anna.follow("input[value='Save view']")
    assert "Saved the view" in anna.messages
    assert page.inner_text(".own-views a[aria-current=page]") == LONG

    anna.go(LIST)
    anna.follow(f".own-views a:text-is('{LONG}')")
    assert columns(anna) == ["SITE", "STATE ▲", "LICENCE", "LAST SEEN"]
    assert page.locator("#result_list tbody tr").count() == 1

    anna.go(f"{LIST}?is_locked__exact=1")
    anna.follow(".own-views a.quiet")
    page.click(f"summary[aria-label='Change the view {LONG}']")
    assert anna.findings() == []
    page.fill("details[open] input[name=name]", "Locked ones")
    anna.follow("details[open] button:text-is('Rename')")
    page.click("summary[aria-label='Change the view Locked ones']")
    anna.follow("details[open] button[name=replace]")
    assert page.inner_text(".own-views a[aria-current=page]") == "Locked ones"
    assert page.url.endswith("?is_locked__exact=1")

    anna.follow(".own-views a.quiet")
    page.click("summary[aria-label='Change the view Locked ones']")
    anna.follow("details[open] button[name=delete]")
    assert "Deleted the view." in anna.messages
    assert page.locator(".view-list a:text-is('Locked ones')").count() == 0


def test_a_view_for_everybody_is_opened_on_a_phone(anna: PanelUser) -> None:
    anna.go(f"{LIST}?status=never_seen")
    anna.follow(".own-views a.quiet")
    anna.page.fill("#id_name", "Never called")
    anna.page.check("#id_is_for_everybody")
    anna.follow("input[value='Save view']")
    anna.page.set_viewport_size({"width": 390, "height": 800})
    anna.go(LIST)
    anna.follow(".own-views a:text-is('Never called')")
    assert anna.page.url.endswith("?status=never_seen")
    anna.page.click("summary:text-is('Columns')")
    box = anna.page.locator(".list-columns form").bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
