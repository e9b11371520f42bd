"""Pages that refresh themselves, in Chromium: what changes, what stays, when they wait, and when they stop."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import PanelUser, open_window
from tests.running_server import RunningServer, Site, register

pytestmark = [pytest.mark.e2e, pytest.mark.slow(seconds=30)]

STATUS = "#live-status span"
HALF_A_MINUTE = "00:31"
MARK = "/admin/alerts/incident/critical/"  # the mark in the header refreshes itself


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


@pytest.fixture
def site(server: RunningServer) -> Site:
    return register(server.sign_in(), server, name="Live Music Bar", owner_name="Giulia")


def lock(server: RunningServer, site: Site, reason: str) -> None:
    api = server.sign_in()
    assert api.post(f"/api/sites/{site.site_id}/lock", {"reason": reason}).status_code == 200


def wait_half_a_minute(anna: PanelUser) -> None:
    anna.page.clock.fast_forward(HALF_A_MINUTE)


def test_the_page_of_a_site_shows_a_lock_that_somebody_else_made(
    anna: PanelUser, server: RunningServer, site: Site
) -> None:
    anna.go(f"/admin/sites/site/{site.site_id}/change/")
    page = anna.page
    expect(page.locator(STATUS)).to_have_text("Updated just now")
    page.evaluate("document.getElementById('keys-heading').mark = 'the same element'")
    lock(server, site, "unpaid since October")
    wait_half_a_minute(anna)
    expect(page.locator(".site-sentence")).to_contain_text("unpaid since October")
    assert page.evaluate("document.getElementById('keys-heading').mark") == "the same element"
    assert anna.findings() == []


def test_the_list_counts_a_new_row_when_it_is_selected(anna: PanelUser, server: RunningServer, site: Site) -> None:
    anna.go("/admin/sites/site/?q=New+Row+Bar")
    page = anna.page
    expect(page.locator("#site-rows")).to_contain_text("No sites match.")
    api = server.sign_in()
    for number in range(2):
        register(api, server, name=f"New Row Bar {number}")
    wait_half_a_minute(anna)
    expect(page.locator("#result_list tbody tr")).to_have_count(2)
    register(api, server, name="New Row Bar 2")
    page.clock.fast_forward("00:02")
    wait_half_a_minute(anna)
    expect(page.locator("#result_list tbody tr")).to_have_count(3)
    page.click("#action-toggle")
    expect(page.locator(".action-counter")).to_have_text("3 of 3 selected")
    page.click("#result_list tbody tr >> nth=2 >> input")
    expect(page.locator(".action-counter")).to_have_text("2 of 3 selected")
    page.click("#action-toggle")
    page.click("#action-toggle")
    expect(page.locator(".action-counter")).to_have_text("0 of 3 selected")
    assert page.locator("tr input.action-select:checked").count() == 0


@pytest.mark.parametrize("use", ["a form", "a selected row", "selected text", "the pause button"])
def test_it_waits_while_the_page_is_in_use(anna: PanelUser, server: RunningServer, site: Site, use: str) -> None:
    page = anna.page
    anna.go(
        f"/admin/sites/site/?q={site.site_id}"
        if use == "a selected row"
        else f"/admin/sites/site/{site.site_id}/change/"
    )
    match use:
        case "a form":
            page.fill("#id_owner_name", "Somebody Else")
        case "a selected row":
            page.click("#result_list tbody tr >> nth=0 >> input")
        case "selected text":
            page.evaluate("getSelection().selectAllChildren(document.querySelector('.site-sentence'))")
        case _:
            page.click("#live-status button")
    lock(server, site, "in use")
    seen: list[str] = []
    page.on("request", lambda request: seen.append(request.url))
    wait_half_a_minute(anna)
    expect(page.locator(STATUS)).to_contain_text("Updated 30 s ago")
    seen = [url for url in seen if not url.endswith(MARK)]
    assert seen == []
    assert "in use" not in page.inner_text("#content-main")
    match use:
        case "a form":
            page.fill("#id_owner_name", "Giulia")
            page.evaluate("document.activeElement.blur()")
        case "a selected row":
            page.click("#result_list tbody tr >> nth=0 >> input")
        case "selected text":
            page.evaluate("getSelection().removeAllRanges()")
        case _:
            page.click("#live-status button")
    page.clock.fast_forward("00:02")
    expect(page.locator(STATUS)).to_contain_text("Updated just now")
    expect(page.locator("#content-main")).to_contain_text("in use")


def test_focus_and_open_tables_stay(anna: PanelUser, server: RunningServer, site: Site) -> None:
    anna.go("/admin/")
    page = anna.page
    page.click("#chart-heartbeats ~ details summary")
    page.focus(".tiles a >> nth=0")
    page.clock.fast_forward("00:02")
    site.call_home()
    with page.expect_response("**/admin/"):
        wait_half_a_minute(anna)
    expect(page.locator(STATUS)).to_have_text("Updated just now")
    assert page.evaluate("document.activeElement.matches('.tiles a')")
    assert page.evaluate("document.querySelector('#chart-heartbeats ~ details').open")
    assert anna.findings() == []


def test_focus_stays_with_its_site_when_another_one_comes_first(anna: PanelUser, server: RunningServer) -> None:
    api, page = server.sign_in(), anna.page
    first, second = (register(api, server, name=f"Focus {number}") for number in range(2))
    assert api.send("PATCH", f"/api/sites/{first.site_id}", {"owner_name": "Lea"}).status_code == 200
    anna.go("/admin/")
    link = page.locator(".recent-events a", has_text="Focus 0")
    link.focus()
    page.clock.fast_forward("00:02")
    lock(server, second, "a newer event")
    wait_half_a_minute(anna)
    expect(page.locator(".recent-events li").first).to_contain_text("Focus 1")
    expect(link).to_be_focused()


def test_a_chart_keeps_its_words_and_its_one_stop(anna: PanelUser, site: Site) -> None:
    anna.go("/admin/")
    page = anna.page
    bars, reading = page.locator("section:has(#chart-heartbeats) svg a"), page.locator(".chart-reading").first
    bars.nth(20).focus()
    page.clock.fast_forward("00:02")
    site.call_home()
    with page.expect_response("**/admin/"):
        wait_half_a_minute(anna)
    expect(page.locator(STATUS)).to_have_text("Updated just now")
    expect(bars.nth(20)).to_be_focused()
    expect(reading).to_have_text(str(bars.nth(20).get_attribute("aria-label")))
    assert page.locator("section:has(#chart-heartbeats) svg a[tabindex='0']").count() == 1


def test_a_hidden_page_asks_for_nothing_until_it_is_seen(anna: PanelUser, site: Site) -> None:
    anna.go("/admin/")
    page = anna.page
    page.evaluate(
        "Object.defineProperty(document, 'hidden', {get: () => window.isOutOfSight === true, configurable: true})"
    )
    page.evaluate("window.isOutOfSight = true")
    seen: list[str] = []
    page.on("request", lambda request: seen.append(request.url))
    wait_half_a_minute(anna)
    page.wait_for_timeout(100)
    assert seen == []
    with page.expect_response("**/admin/"):
        page.evaluate("window.isOutOfSight = false; document.dispatchEvent(new Event('visibilitychange'))")


def test_a_page_whose_session_has_ended_says_so_and_asks_no_more(anna: PanelUser) -> None:
    anna.go("/admin/")
    page = anna.page
    page.context.clear_cookies()
    wait_half_a_minute(anna)
    expect(page.locator(STATUS)).to_contain_text("signed out")
    seen: list[str] = []
    page.on("request", lambda request: seen.append(request.url))
    wait_half_a_minute(anna)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    assert seen == []
    with page.expect_navigation():
        page.click("#live-status button")
    assert "/admin/login/" in page.url


def test_the_page_with_the_key_turns_green_with_the_first_heartbeat(anna: PanelUser, server: RunningServer) -> None:
    anna.go("/admin/sites/site/add/")
    page = anna.page
    for field, value in {"name": "First Light Café", "owner_name": "Lea", "contact_email": "lea@light.example"}.items():
        page.fill(f"#id_{field}", value)
    anna.follow("input[name=_save]")
    expect(page.locator("#key-use")).to_contain_text("Waiting for the first heartbeat")
    assert anna.findings() == []
    site = Site(server, page.inner_text("#site-id"), page.inner_text("#secret-key"))
    site.call_home(key="psk_wrong")
    assert site.call_home().status_code == 200
    page.clock.fast_forward("00:06")
    expect(page.locator("#key-use .arrived")).to_contain_text("The site has called with this key")
    expect(page.locator("#live-status")).to_be_hidden()
    assert page.inner_text("#secret-key") == site.key
    assert anna.findings() == []
