"""The dashboard and the days of a site in Chromium: charts without a mouse, and locks that somebody has just made."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import PanelUser, open_window
from tests.running_server import RunningServer, register

pytestmark = [pytest.mark.e2e, pytest.mark.slow(seconds=30)]

HOURS = "section:has(#chart-heartbeats)"


@pytest.fixture(scope="module")
def server(race_server: RunningServer) -> RunningServer:
    return race_server


@pytest.fixture
def anna(browser: Browser, server: RunningServer) -> Iterator[PanelUser]:
    person = open_window(browser, server)
    person.sign_in()
    yield person
    assert person.complaints == []


def test_a_chart_is_read_by_keyboard_and_leads_to_what_it_shows(anna: PanelUser, server: RunningServer) -> None:
    register(server.sign_in(), server, name="Chart House").call_home()
    anna.go("/admin/")
    page = anna.page
    reading, bars = page.locator(f"{HOURS} .chart-reading"), page.locator(f"{HOURS} svg a")
    expect(reading).to_have_text("Point at a bar, or use the arrow keys.")
    assert bars.count() == 24
    assert page.locator(f"{HOURS} svg a[tabindex='0']").count() == 1
    bars.last.focus()
    expect(reading).to_have_text(str(bars.last.get_attribute("aria-label")))
    page.keyboard.press("ArrowLeft")
    expect(reading).to_have_text(str(bars.nth(22).get_attribute("aria-label")))
    page.keyboard.press("Home")
    expect(reading).to_have_text(str(bars.first.get_attribute("aria-label")))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY", "the chart is one stop of the Tab key"
    assert anna.findings() == []
    page.keyboard.press("Shift+Tab")
    page.locator(f"{HOURS} svg a:has(.bar)").last.focus()
    assert re.search(r": [1-9]\d* heartbeats?$", reading.inner_text())
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert "Chart House" in page.inner_text("#result_list")
    assert anna.findings() == []


def test_a_chart_is_read_by_touch(browser: Browser, server: RunningServer) -> None:
    context = browser.new_context(has_touch=True, viewport={"width": 390, "height": 900})
    anna = PanelUser(server, context.new_page())
    anna.sign_in()
    bar = anna.page.locator(f"{HOURS} svg a").nth(20)
    bar.tap()
    expect(anna.page.locator(f"{HOURS} .chart-reading")).to_have_text(str(bar.get_attribute("aria-label")))
    assert anna.page.url.endswith("/admin/")
    with anna.page.expect_navigation():
        bar.tap()
    assert "/admin/heartbeat/heartbeat/" in anna.page.url
    assert anna.complaints == []


def test_the_chart_of_licences_leads_to_the_sites(anna: PanelUser, server: RunningServer) -> None:
    register(server.sign_in(), server, name="Ends In A Month", license_expires_at=in_days(anna, 30))
    anna.go("/admin/")
    bar = anna.page.locator("section:has(#chart-licences) svg a:has(.bar)").first
    with anna.page.expect_navigation():
        bar.click()
    assert "Ends In A Month" in anna.page.inner_text("#result_list")


def test_the_days_of_a_site_are_read_by_keyboard(anna: PanelUser, server: RunningServer) -> None:
    site = register(server.sign_in(), server, name="Ninety Days")
    site.call_home()
    anna.go(f"/admin/sites/site/{site.site_id}/change/")
    page = anna.page
    page.locator("[data-chart] svg a").last.focus()
    expect(page.locator(".chart-reading")).to_contain_text("1 day: heartbeats came when they were expected")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".chart-reading")).to_contain_text("89 days: nothing recorded")
    page.click("[data-chart] summary")
    assert "89" in page.inner_text("[data-chart] table")
    assert anna.findings() == []
    page.locator("[data-chart] svg a").last.focus()
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert "Heartbeats of Ninety Days" in page.inner_text("h1")
    assert page.locator("#result_list tbody tr").count() == 1


def test_sites_that_were_just_locked_are_one_line(anna: PanelUser, server: RunningServer) -> None:
    api = server.sign_in()
    sites = [register(api, server, name=f"Locked Together {number}") for number in range(12)]
    for site in sites:
        site.call_home()
        assert api.post(f"/api/sites/{site.site_id}/lock", {"reason": "invoice 4711"}).status_code == 200
    anna.go("/admin/")
    line = anna.page.locator(".attention li", has_text="locked by anna").first
    found = re.search(r"(\d+) sites locked by anna at .+; (\d+) not told yet, the last one due by ", line.inner_text())
    assert found
    assert int(found[1]) >= int(found[2]) >= 12
    assert anna.page.locator(".attention .rows a", has_text="Locked Together").count() == 0
    activity = anna.page.locator(".recent-events li", has_text="Locked Together 11")
    assert re.search(r"anna locked \d+ sites", activity.first.inner_text())
    assert anna.findings() == []
    with anna.page.expect_navigation():
        line.locator("a").click()
    assert anna.page.locator("#result_list tbody tr", has_text="Locked Together").count() == 12


def in_days(anna: PanelUser, days: int) -> str:
    return str(anna.page.evaluate("days => new Date(Date.now() + days * 864e5).toISOString()", days))
