"""A roll-out in Chromium, from its form over the dry run to its end; each page in light, in dark and on a phone."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import LOOKS, PanelUser, open_window
from tests.running_server import RunningServer, register
from tests.test_danger import RED

pytestmark = [pytest.mark.e2e, pytest.mark.slow(seconds=60)]

ROLLOUTS = "/admin/rollouts/rollout/"
# Two versions, and a device at the location that reports the older one.
FLEET = """
from conftest import RegisteredSite
from fleet.firmware.tests.rows import add_row
from fleet.heartbeats.tests.calls import a_device
a_device(RegisteredSite("{site}", ""), role="{product}", firmware_version="1.0.0")
add_row("1.0.0", product="{product}")
print(add_row("2.0.0", product="{product}", notes="Two languages").pk)
"""
TICK = """
from django.utils import timezone
from fleet.rollouts.engine import advance_rollouts
advance_rollouts(at=timezone.now())
"""


def run(server: RunningServer, code: str) -> str:
    done = server.manage("shell", "-c", code, "--verbosity=0")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def server(race_server: RunningServer) -> RunningServer:
    return race_server


@pytest.fixture
def anna(browser: Browser, server: RunningServer) -> Iterator[PanelUser]:
    person = open_window(browser, server)
    person.sign_in()
    yield person
    assert person.complaints == []


def test_a_roll_out_from_its_form_to_its_end(anna: PanelUser, server: RunningServer) -> None:
    site = register(server.sign_in(), server, name="Wave Osteria", timezone="Europe/Rome")
    firmware = run(server, FLEET.format(site=site.site_id, product="wavetill"))
    page, found = anna.page, {}
    anna.go("/admin/firmware/firmware/")
    found["firmware"] = anna.findings()
    anna.follow("a:text-is('wavetill 2.0.0')")
    found["version"] = anna.findings()
    assert page.evaluate(RED) == ["Withdraw"]
    anna.follow("a:text-is('Roll out')")
    assert page.input_value("#id_firmware") == firmware
    found["form"] = anna.findings()
    page.fill("#id_name", "Summer")
    page.fill("#id_role", "wavetill")
    anna.follow("button:text-is('Show the dry run')")
    assert "Not created yet" in page.inner_text("#content")
    assert "1 device at 1 location" in page.inner_text("#content")
    assert "03:00–06:00, Europe/Rome" in page.inner_text("#content")
    found["dry run"] = anna.findings()
    anna.follow("button:text-is('Change it')")
    assert page.input_value("#id_name") == "Summer"
    anna.follow("button:text-is('Show the dry run')")
    anna.follow("button:text-is('Create the roll-out')")
    assert "Created: Summer." in anna.messages
    found["draft"] = anna.findings()
    anna.follow("a:text-is('Start')")
    assert "one of a location at a time" in page.inner_text("#content")
    found["start"] = anna.findings()
    assert page.evaluate(RED) == []
    anna.follow("input[value=Start]")
    assert "Started: Summer." in anna.messages
    run(server, TICK)
    page.mouse.move(0, 0)
    expect(page.locator("#rollout-state")).to_contain_text("1 waiting", timeout=30_000)
    found["running"] = anna.findings()
    anna.follow("a:text-is('Pause')")
    page.fill("#id_reason", "wait for the chef")
    found["pause"] = anna.findings()
    anna.follow("input[value=Pause]")
    assert "Paused: wait for the chef" in page.inner_text("#rollout-state")
    found["paused"] = anna.findings()
    assert page.evaluate(RED) == ["Roll back", "Abort"]
    anna.follow("a:text-is('Abort')")
    found["abort"] = anna.findings()
    assert page.evaluate(RED) == ["Abort"]
    anna.follow("input[value=Abort]")
    assert "1 skipped" in page.inner_text("#rollout-state").lower()
    assert "The roll-out was aborted." in page.inner_text("#rollout-devices")
    found["aborted"] = anna.findings()
    for path in (
        ROLLOUTS,
        f"/admin/firmware/firmware/{firmware}/notes/",
        f"/admin/firmware/firmware/{firmware}/withdraw/",
        "/admin/firmware/firmware/upload/",
        f"{ROLLOUTS}window/{site.site_id}/",
    ):
        anna.go(path)
        found[path] = anna.findings()
    assert {what: wrong for what, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize("look", LOOKS)
def test_the_entry_fleet_of_the_menu_opens_and_closes(look: str, browser: Browser, server: RunningServer) -> None:
    person = open_window(browser, server, look)
    person.sign_in()
    page = person.page
    page.focus(".menu-group summary")
    page.keyboard.press("Enter")
    link = page.locator(".menu-group a:text-is('Roll-outs')")
    expect(link).to_be_visible()
    assert person.findings() == []
    page.focus(".menu-group summary")
    page.keyboard.press("Escape")
    expect(link).to_be_hidden()
    page.click(".menu-group summary")
    person.follow(".menu-group a:text-is('Roll-outs')")
    assert page.title() == "Roll-outs · Portcullis"
    assert person.complaints == []
