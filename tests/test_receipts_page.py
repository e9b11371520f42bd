"""How far a decision has come, in Chromium: on the page of a site, and on the result of an operation on several."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import PanelUser, open_window
from tests.running_server import RunningServer, Site, register

pytestmark = pytest.mark.e2e

NONCE = "n" * 16
ANSWERED = "00:05"


@pytest.fixture(scope="module")
def server(race_server: RunningServer) -> RunningServer:
    return race_server


@pytest.fixture
def anna(browser: Browser, server: RunningServer) -> Iterator[PanelUser]:
    person = open_window(browser, server)
    person.page.clock.install()
    person.sign_in()
    yield person
    assert person.complaints == []


def beat(site: Site, revision: int, state: str) -> None:
    assert site.call_home(nonce=NONCE, applied_revision=revision, applied_state=state).status_code == 200


def sites_with_agents(server: RunningServer, *names: str) -> list[Site]:
    api = server.sign_in()
    sites = [register(api, server, name=name) for name in names]
    for site in sites:
        beat(site, 1, "ok")
    return sites


def wait_a_moment(person: PanelUser) -> None:
    """Until the page, which asks every few seconds, has asked again."""
    with person.page.expect_response(person.page.url):
        person.page.clock.fast_forward(ANSWERED)


def test_the_page_of_a_site_follows_a_lock_until_it_is_applied(anna: PanelUser, server: RunningServer) -> None:
    [site] = sites_with_agents(server, "Receipt Bar")
    page = anna.page
    anna.go(f"/admin/sites/site/{site.site_id}/change/")
    expect(page.get_by_role("list", name="Newest decision: Registered")).to_contain_text("Applied")
    anna.follow_action("Lock")
    page.fill("#id_reason", "unpaid")
    anna.follow("input[type=submit]")
    stages = page.get_by_role("list", name="Newest decision: Locked").get_by_role("listitem")
    expect(stages).to_have_count(2)
    expect(stages.nth(0)).to_contain_text("by anna")
    expect(stages.nth(1)).to_contain_text("Not delivered yet: at its next heartbeat, by")
    assert anna.findings() == []
    beat(site, 1, "ok")
    wait_a_moment(anna)
    expect(stages.nth(2)).to_have_text("Not applied yet")
    page.clock.fast_forward("00:02")
    beat(site, 2, "locked")
    wait_a_moment(anna)
    expect(stages.nth(2)).to_contain_text("(locked) just now")
    assert anna.findings() == []


def test_the_result_follows_all_sites_and_is_found_again(anna: PanelUser, server: RunningServer) -> None:
    sites = sites_with_agents(server, *(f"Progress Bar {number}" for number in range(3)))
    page = anna.page
    anna.go("/admin/sites/site/?q=progress+bar")
    page.click("#action-toggle")
    page.select_option("select[name=action]", "lock")
    anna.follow(".actions button[type=submit]")
    page.fill("#id_reason", "unpaid")
    anna.follow("input[type=submit]")
    progress, rows = page.locator("#progress"), page.locator("#results li")
    expect(progress).to_have_text("Applied 0, not delivered yet 3.")
    assert anna.findings() == []
    page.evaluate("document.querySelector('h1').mark = 'the same page'")
    beat(sites[0], 1, "ok")
    beat(sites[0], 2, "locked")
    beat(sites[1], 1, "ok")
    wait_a_moment(anna)
    expect(progress).to_have_text("Applied 1, delivered 1, not delivered yet 1.")
    assert [row.split("\n")[0] for row in rows.all_inner_texts()] == [
        "Progress Bar 2",
        "Progress Bar 1",
        "Progress Bar 0",
    ]
    assert page.evaluate("document.querySelector('h1').mark") == "the same page"
    anna.go("/admin/sites/site/")
    anna.follow("text=Recent operations")
    assert anna.findings() == []
    anna.follow("th a >> nth=0")
    for site in sites[1:]:
        beat(site, 1, "ok")
        beat(site, 2, "locked")
    wait_a_moment(anna)
    expect(progress).to_have_text("Applied 3.")
    assert anna.findings() == []
