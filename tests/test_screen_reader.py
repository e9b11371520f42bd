"""The five main pages as a screen reader gets them: roles and names, in the order in which they are read."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser import PanelUser, open_window
from tests.running_server import RunningServer, Site, register

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def server(race_server: RunningServer) -> RunningServer:
    return race_server


@pytest.fixture(scope="module")
def sites(server: RunningServer) -> list[Site]:
    api = server.sign_in()
    found = [register(api, server, name=f"Reader {number}", owner_name="Giulia") for number in range(2)]
    for site in found:
        site.call_home()
    return found


@pytest.fixture
def anna(browser: Browser, server: RunningServer) -> Iterator[PanelUser]:
    person = open_window(browser, server)
    person.sign_in()
    yield person
    assert person.complaints == []


def assert_in_order(anna: PanelUser, *parts: str) -> None:
    tree = anna.page.locator("main").aria_snapshot()
    position = 0
    for part in parts:
        found = tree.find(part, position)
        assert found >= 0, f"{part!r} is not in what follows:\n{tree[position:]}"
        position = found + len(part)


def test_the_dashboard(anna: PanelUser, sites: list[Site]) -> None:
    anna.go("/admin/")
    assert_in_order(
        anna,
        'button "Pause"',
        'heading "Dashboard',
        'navigation "Sites by state"',
        'link "',
        'heading "Needs attention" [level=2]',
        'heading "Heartbeats of the last 24 hours" [level=2]',
        'group "Heartbeats of the last 24 hours',
        " heartbeat",
        'heading "Licences ending in the next 12 weeks" [level=2]',
        'heading "Recent activity" [level=2]',
        'heading "System health" [level=2]',
    )


def test_the_list_the_question_and_the_result(anna: PanelUser, sites: list[Site]) -> None:
    anna.go("/admin/sites/site/?q=reader")
    assert_in_order(
        anna,
        'heading "Sites" [level=1]',
        'navigation "Views"',
        "search",
        'textbox "Search"',
        "table",
        'columnheader "Site',
        'columnheader "State',
        "checkbox",
        'link "Reader 0',
        'link "Reader 1',
    )
    page = anna.page
    page.check("#action-toggle")
    page.select_option("select[name=action]", "lock")
    anna.follow("button[name=index]")
    assert_in_order(
        anna, 'heading "Lock 2 sites" [level=1]', "Reader 0", "Reader 1", 'textbox "Reason', 'button "Lock 2 sites"'
    )
    page.fill("#id_reason", "unpaid")
    anna.follow("#content input[type=submit]")
    assert_in_order(
        anna,
        'heading "Locked 2 sites" [level=1]',
        "status",
        "2 of 2 locked",
        "Undo",
        "Reader 0",
        "Locked. Not told yet",
    )
    anna.follow("button:text-is('Unlock these 2')")
    assert_in_order(anna, 'heading "Unlock 2 sites" [level=1]', 'button "Unlock 2 sites"')


def test_the_page_of_a_site(anna: PanelUser, sites: list[Site]) -> None:
    anna.go(f"/admin/sites/site/{sites[0].site_id}/change/")
    assert_in_order(
        anna,
        'heading "Reader 0" [level=1]',
        'region "State"',
        'list "Actions"',
        'link "Extend licence"',
        'heading "Notes" [level=2]',
        'heading "Tags" [level=2]',
        'heading "Last 90 days" [level=2]',
        'heading "History" [level=2]',
        'heading "Last heartbeats" [level=2]',
        'heading "Keys" [level=2]',
        'heading "Edit" [level=2]',
        'textbox "Name',
        'button "Save"',
    )
