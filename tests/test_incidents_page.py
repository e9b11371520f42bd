"""Incidents and channels in Chromium: acknowledging, the mark in the header, and a channel from its creation to its end."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import LOOKS, TOO_WIDE, PanelUser, open_window
from tests.running_server import RunningServer, Site, register, resolve_incidents
from tests.test_secret_pages import nothing_is_left

pytestmark = pytest.mark.e2e

HALF_A_MINUTE = "00:31"
OPEN = """
from django.utils import timezone
from alerts.incidents.services import NewIncident, open_incidents
from alerts.kinds import Kind
at = timezone.now()
(incident,) = open_incidents([NewIncident(Kind("{kind}"), "{title}", "Since noon.", since=at, subject="{title}")], at=at)
print(incident.pk)
"""
MARK = "#critical-mark a"
HIDE = "isHidden => { Object.defineProperty(document, 'hidden', { value: isHidden, configurable: true }) }"


def run(server: RunningServer, code: str) -> str:
    done = server.manage("shell", "-c", code, "--verbosity=0")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def open_incident(server: RunningServer, title: str, kind: str = "sign_in_attack") -> str:
    """Its number."""
    return run(server, OPEN.format(kind=kind, title=title))


@pytest.fixture(scope="module")
def server(race_server: RunningServer) -> RunningServer:
    return race_server


@pytest.fixture(autouse=True)
def _nothing_open(server: RunningServer) -> Iterator[None]:
    resolve_incidents(server)
    yield
    resolve_incidents(server)


@pytest.fixture
def anna(browser: Browser, server: RunningServer) -> Iterator[PanelUser]:
    person = open_window(browser, server)
    person.sign_in()
    yield person
    assert person.complaints == []


@pytest.fixture
def site(server: RunningServer) -> Site:
    return register(server.sign_in(), server, name="Silent Bistro")


def test_two_selected_incidents_are_acknowledged_with_one_note(anna: PanelUser, server: RunningServer) -> None:
    for number in range(3):
        open_incident(server, f"Attack {number}")
    page = anna.page
    anna.go("/admin/alerts/incident/")
    assert anna.findings() == []
    page.click("#action-toggle")
    expect(page.locator(".action-counter")).to_have_text("3 of 3 selected")
    page.click("#result_list tbody tr >> nth=0 >> input")
    expect(page.locator(".action-counter")).to_have_text("2 of 3 selected")
    anna.follow("button[name=index]")
    expect(page.locator("h1")).to_have_text("Acknowledge 2 incidents")
    assert anna.findings() == []
    page.fill("#id_note", "I call the provider")
    anna.follow("input[value='Acknowledge 2 incidents']")
    assert "Acknowledged: 2 incidents." in anna.messages
    expect(page.locator("#result_list tbody tr")).to_have_count(1)
    anna.follow(".saved-views a:has-text('Acknowledged')")
    expect(page.locator("#incident-rows")).to_contain_text("Attack 0")


def test_the_list_counts_what_a_refresh_brings(anna: PanelUser, server: RunningServer) -> None:
    page = anna.page
    page.clock.install()
    anna.go("/admin/alerts/incident/")
    expect(page.locator("#incident-rows")).to_contain_text("No open incidents.")
    open_incident(server, "A new attack")
    page.clock.fast_forward(HALF_A_MINUTE)
    page.click("#action-toggle")
    expect(page.locator(".action-counter")).to_have_text("1 of 1 selected")


def test_the_mark_comes_and_goes_without_reloading_and_waits_while_the_page_is_hidden(
    anna: PanelUser, server: RunningServer
) -> None:
    page = anna.page
    page.clock.install()
    anna.go("/admin/account/")
    expect(page.locator(MARK)).to_have_count(0)
    open_incident(server, "Attack")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate(HIDE, True)
    page.clock.fast_forward(HALF_A_MINUTE)
    page.clock.fast_forward(HALF_A_MINUTE)
    expect(page.locator(MARK)).to_have_count(0)
    assert asked == []
    page.evaluate(HIDE, False)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator(MARK)).to_have_text(re.compile("1 critical incident open"))
    assert len(asked) == 1
    assert anna.findings() == []
    page.focus(MARK)
    open_incident(server, "Another attack")
    page.clock.fast_forward(HALF_A_MINUTE)
    expect(page.locator(MARK)).to_have_text(re.compile("2 critical incidents open"))
    assert page.evaluate("document.activeElement.matches('#critical-mark a')"), "the focus stays"
    resolve_incidents(server)
    page.clock.fast_forward(HALF_A_MINUTE)
    expect(page.locator(MARK)).to_have_count(0)


def test_an_incident_is_acknowledged_on_its_page_and_the_page_follows_what_happens(
    anna: PanelUser, server: RunningServer
) -> None:
    number = open_incident(server, "Attack")
    page = anna.page
    page.clock.install()
    anna.go("/admin/")
    anna.follow(".open-incidents .rows a")
    assert page.url.endswith(f"/admin/alerts/incident/{number}/change/")
    assert anna.findings() == []
    page.fill("#id_note", "On my way")
    anna.follow("input[value=Acknowledge]")
    expect(page.locator("#incident-state")).to_contain_text("On my way")
    resolve_incidents(server)
    page.clock.fast_forward(HALF_A_MINUTE)
    expect(page.locator("#incident-state")).to_contain_text("Resolved")


def test_a_channel_from_its_creation_to_its_end(anna: PanelUser) -> None:
    page = anna.page
    anna.go("/admin/channels/")
    anna.follow("a:text-is('Add a channel')")
    page.select_option("#id_kind", "webhook")
    page.fill("#id_name", "Night shift")
    page.fill("#id_address", "https://hooks.invalid/portcullis?token=hunter2")
    page.check("input[value=license_ended]")
    anna.follow("input[value='Add channel']")
    secret = page.inner_text("#signing-secret")
    assert secret.startswith("whsec_")
    assert anna.findings() == []
    anna.follow("#content a:text-is('Go to the channel')")
    assert "hunter2" not in page.content()
    expect(page.locator("#channel-state")).to_contain_text("licence ended")
    anna.follow("button:text-is('Send a test')")
    assert "The test was not delivered." in anna.messages
    expect(page.locator("#channel-messages")).to_contain_text("failed")
    assert anna.findings() == []
    anna.follow("a:text-is('Change')")
    expect(page.locator("#id_address")).to_have_value("")
    page.fill("#id_name", "Day shift")
    anna.follow("input[value=Save]")
    assert "Saved: Day shift." in anna.messages
    anna.follow("button:text-is('Disable')")
    expect(page.locator("#channel-state")).to_contain_text("disabled")
    anna.follow("a:text-is('Delete')")
    anna.follow("input[value='Delete channel']")
    assert "Deleted: Day shift." in anna.messages
    expect(page.locator("#channels")).not_to_contain_text("Day shift")


def test_the_signing_secret_is_not_left_for_the_way_back(anna: PanelUser) -> None:
    page = anna.page
    anna.go("/admin/channels/add/")
    page.select_option("#id_kind", "webhook")
    page.fill("#id_name", "Forgetful")
    page.fill("#id_address", "https://hooks.invalid/portcullis")
    anna.follow("input[value='Add channel']")
    nothing_is_left(anna, page.inner_text("#signing-secret"))


def test_the_pages_need_no_script(browser: Browser, server: RunningServer) -> None:
    number = open_incident(server, "Attack")
    context = browser.new_context(java_script_enabled=False)
    person = PanelUser(server, context.new_page())
    person.sign_in()
    person.go("/admin/alerts/incident/")
    person.page.check(f"#incident-{number} input")
    person.follow("button[name=index]")
    person.follow("input[value=Acknowledge]")
    assert "Acknowledged: Attack." in person.messages


LONG_WORDS = """
from alerts.channels.transports.outcome import Verdict
from alerts.models import AlertChannel
from conftest import RegisteredSite
from panel.alerts.tests.cast import a_channel, a_common_cause, answered
from sites.models import Site
channel = a_channel("n" * 100)
AlertChannel.objects.filter(pk=channel.pk).update(shown_address="https://" + "a" * 400, disabled_reason="r" * 300)
site = Site.objects.get(name="s" * 120)
incident = a_common_cause(RegisteredSite(str(site.pk), ""), title="t" * 300)
type(incident).objects.filter(pk=incident.pk).update(detail="d" * 1000)
answered(channel.deliveries.get(), Verdict.FAILED, 404, "w" * 300)
print(incident.pk, channel.pk)
"""


def test_a_long_word_makes_no_page_wider_than_the_window(anna: PanelUser, server: RunningServer) -> None:
    site = register(server.sign_in(), server, name="s" * 120)
    incident, channel = run(server, LONG_WORDS).split()
    page = anna.page
    too_wide = {}
    for path in (
        "/admin/",
        "/admin/alerts/incident/",
        "/admin/alerts/incident/?view=all",
        f"/admin/alerts/incident/{incident}/change/",
        f"/admin/alerts/incident/acknowledge/?incident={incident}",
        f"/admin/sites/site/{site.site_id}/change/",
        "/admin/channels/",
        *(f"/admin/channels/{channel}/{part}" for part in ("", "change/", "delete/")),
    ):
        anna.go(path)
        for look, (_, width) in LOOKS.items():
            page.set_viewport_size({"width": width, "height": 900})
            if (wide := page.evaluate(TOO_WIDE)) > 0:
                too_wide[f"{path} {look}"] = wide
    assert too_wide == {}
