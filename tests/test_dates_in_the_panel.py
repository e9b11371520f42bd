"""Dates in the panel, in Chromium: the new end of a licence before it is extended, and time zones that can be searched."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

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


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_the_new_end_is_shown_before_a_licence_is_extended(
    browser: Browser, server: RunningServer, scripts: bool
) -> None:
    api = server.sign_in()
    site = register(api, server, name="Osteria Futura", license_expires_at="2040-01-01T00:00:00Z")
    context = browser.new_context(java_script_enabled=scripts, timezone_id="UTC")
    anna = PanelUser(server, context.new_page())
    anna.sign_in()
    anna.go(f"/admin/sites/site/operate/extend/?site={site.site_id}")
    page = anna.page
    assert "→ 2040-03-31 00:00 UTC" in page.inner_text("button:has-text('+90 days')")
    assert page.get_by_role("button", name="Extend licence").count() == 0
    page.fill("#id_days", "10")
    with page.expect_navigation():
        page.press("#id_days", "Enter")  # the first button shows, and does not extend
    assert "→ 2040-01-11 00:00 UTC" in page.inner_text(".selected-sites")
    anna.follow("button:has-text('+90 days')")
    assert "2040-01-01 00:00 UTC → 2040-03-31 00:00 UTC" in page.inner_text(".selected-sites")
    assert "2040-01-01" in api.get(f"/api/sites/{site.site_id}").json()["license_expires_at"]
    anna.follow("input[type=submit]")
    assert "2040-01-01 00:00 UTC → 2040-03-31 00:00 UTC" in anna.messages


def test_a_fresh_licence_ends_in_a_year(anna: PanelUser, server: RunningServer) -> None:
    site = register(server.sign_in(), server, name="Osteria Nuova")
    anna.go(f"/admin/sites/site/{site.site_id}/change/")
    assert "Licence ends in 1\u00a0year, on" in anna.page.inner_text(".site-sentence")
    anna.go("/admin/sites/site/?q=osteria+nuova")
    assert "ends in 1\u00a0year" in anna.page.inner_text("#result_list")


def test_a_time_zone_is_suggested_with_its_city_and_says_the_time_there(anna: PanelUser, server: RunningServer) -> None:
    page = anna.page
    anna.go("/admin/sites/site/add/")
    field = page.get_by_role("combobox", name="Time zone")
    there = page.get_by_role("status").filter(has_text="there now")
    field.focus()
    page.keyboard.type("Asia/Tokyo")  # replaces the browser's zone
    assert field.input_value() == "Asia/Tokyo"
    tokyo = page.evaluate("new Date().toLocaleTimeString('en-GB', {timeZone: 'Asia/Tokyo', timeStyle: 'short'})")
    assert there.inner_text() == f"It is {tokyo} there now."
    assert page.locator("datalist option").count() > 400
    # Browsers search the labels, as people type "new york" and not "New_York". The list itself is out of a test's reach.
    suggested = page.locator("datalist option[label^='New York (America), ']")
    assert [each.get_attribute("value") for each in suggested.all()] == ["America/New_York"]
    field.fill("asia/tokyo")
    assert there.inner_text() == f"It is {tokyo} there now."
    field.fill("Atlantis")
    assert there.count() == 0
    page.fill("#id_name", "Osteria Lontana")
    page.fill("#id_owner_name", "Paul")
    page.fill("#id_contact_email", "paul@far.example")
    anna.follow("input[name=_save]")
    assert "“Atlantis” is not a time zone" in page.inner_text("#content")
    assert anna.findings() == []
    field.fill("new york")
    anna.follow("input[name=_save]")
    anna.follow("a:text-is('Go to the site')")
    assert page.input_value("#id_timezone") == "America/New_York"
    assert page.locator("#id_timezone_time").inner_text().startswith("It is ")
    assert anna.findings() == []


def test_a_time_zone_that_the_browser_does_not_know_shows_no_time(anna: PanelUser) -> None:
    page = anna.page
    page.add_init_script("""{
      const Known = Intl.DateTimeFormat;
      Intl.DateTimeFormat = function (locale, options) {
        if (options && options.timeZone === "Asia/Tokyo") throw new RangeError("Invalid time zone specified");
        return new Known(locale, options);
      };
      Intl.DateTimeFormat.prototype = Known.prototype;
    }""")
    anna.go("/admin/sites/site/add/")
    field = page.get_by_role("combobox", name="Time zone")
    there = page.get_by_role("status").filter(has_text="there now")
    field.fill("Europe/Rome")
    assert there.count() == 1
    field.fill("Asia/Tokyo")
    assert there.count() == 0
