"""Tags in Chromium: typed on a site's page, added to many in the list, found by the filter, removed again."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser import PanelUser, open_window
from tests.running_server import RunningServer, register

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

LONG = "w" * 40


@pytest.fixture(scope="module")
def server(race_server: RunningServer) -> RunningServer:
    return race_server


@pytest.fixture
def anna(browser: Browser, server: RunningServer) -> Iterator[PanelUser]:
    person = open_window(browser, server)
    person.sign_in()
    yield person
    assert person.complaints == []


def names(person: PanelUser) -> list[str]:
    return [text.split("\n")[0] for text in person.page.locator("#result_list tbody th a").all_inner_texts()]


def test_sites_are_tagged_found_and_untagged(anna: PanelUser, server: RunningServer) -> None:
    api, page = server.sign_in(), anna.page
    sites = [register(api, server, name=f"Tagged {number}", owner_name="Tagged") for number in range(3)]

    anna.go(f"/admin/sites/site/{sites[0].site_id}/change/")
    page.fill("#add-tags", f"Pilot, {LONG}, <b>north</b>")
    anna.follow(".add-tags button")
    assert page.locator(".site-tags .tag").all_inner_texts() == ["<b>north</b>", "pilot", LONG]
    assert anna.findings() == []

    anna.go("/admin/sites/site/?q=tagged")
    page.check("input[aria-label='Select Tagged 1 for an action']")
    page.check("input[aria-label='Select Tagged 2 for an action']")
    page.select_option("select[name=action]", label="Add tags…")
    anna.follow("button[name=index]")
    page.fill("#id_tags", "pilot, south")
    anna.follow("input[type=submit]")
    assert "Tagged 2 sites" in page.inner_text("#content")

    anna.go("/admin/sites/site/?q=tagged")
    page.click("summary:text-is('By tag')")
    anna.follow("#changelist-filter a:text-is('pilot')")
    assert sorted(names(anna)) == ["Tagged 0", "Tagged 1", "Tagged 2"]
    assert page.locator("#result_list .tag:text-is('pilot')").count() == 3

    page.check("#action-toggle")
    page.select_option("select[name=action]", label="Remove tags…")
    anna.follow("button[name=index]")
    page.check("label:has-text('pilot (3 sites)') input")
    assert anna.findings() == []
    anna.follow("input[type=submit]")
    assert "3 of 3 untagged" in page.inner_text("p[role=status]")

    anna.go(f"/admin/sites/site/{sites[0].site_id}/change/")
    anna.follow(f"button[aria-label='Remove the tag {LONG}']")
    assert page.locator(".site-tags .tag").all_inner_texts() == ["<b>north</b>"]
    assert page.url.endswith("#tags"), "the focus comes back to the tags"
    anna.go("/admin/sites/site/?tag=pilot&q=tagged")
    assert names(anna) == []
