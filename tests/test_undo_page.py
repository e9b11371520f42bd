"""The undo of an operation on several sites, in Chromium: asked once, done once, and what was changed since is left."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import PanelUser, open_window
from tests.running_server import RunningServer, register

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def server(race_server: RunningServer) -> RunningServer:
    return race_server


@pytest.fixture
def anna(browser: Browser, server: RunningServer) -> Iterator[PanelUser]:
    person = open_window(browser, server)
    person.sign_in()
    yield person
    assert person.complaints == []


def test_a_lock_of_several_sites_is_undone_in_one_step(anna: PanelUser, server: RunningServer) -> None:
    api, page = server.sign_in(), anna.page
    sites = [register(api, server, name=f"Undo Bar {number}") for number in range(3)]
    anna.go("/admin/sites/site/operate/lock/?" + "&".join(f"site={site.site_id}" for site in sites))
    page.fill("#id_reason", "unpaid")
    anna.follow("input[type=submit]")
    result = page.url
    assert api.post(f"/api/sites/{sites[1].site_id}/lock", {"reason": "fraud"}).status_code == 200
    anna.follow("#undo")
    expect(page.locator("h1")).to_have_text("Undo: Lock 3 sites")
    expect(page.locator("#content")).to_contain_text("2 sites go back to what they were before.")
    expect(page.locator("#content")).to_contain_text("1 was changed since and is left as it is.")
    assert anna.findings() == []
    other = open_window(page.context.browser, server)  # type: ignore[arg-type]
    other.sign_in()
    other.go(page.url.removeprefix(server.url))
    with page.expect_navigation():
        page.dblclick("input[type=submit]")
    assert page.url == result
    with other.page.expect_navigation():
        other.page.click("input[type=submit]")
    for person in (anna, other):
        notice = person.page.locator("#operation-result [role=status]")
        expect(notice).to_contain_text("Undone for 2 of 3 sites by anna")
        expect(notice).to_contain_text("1 left as it is")
        expect(person.page.locator("#undo")).to_have_count(0)
    expect(page.locator("#results li").first).to_contain_text("Changed since by anna at")
    assert anna.findings() == []
    assert other.complaints == []
    reasons = [api.get(f"/api/sites/{site.site_id}").json()["lock_reason"] for site in sites]
    assert reasons == [None, "fraud", None]
    events = api.get(f"/api/sites/{sites[0].site_id}/events").json()["results"]
    assert [event["action"] for event in events] == ["unlocked", "locked", "registered"]
    assert events[0]["reason"].startswith("Undo of “Lock” at ")
