"""Devices in Chromium: the list, the page of a device, a new device from its code to its retirement, a key shown once."""

import json
import re
import uuid
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import LOOKS, TOO_WIDE, PanelUser, open_window
from tests.running_server import Client, RunningServer, Site, register
from tests.test_secret_pages import nothing_is_left

pytestmark = [pytest.mark.e2e, pytest.mark.slow(seconds=60)]

HALF_A_MINUTE = "00:31"
# Devices of every status at one site, with a month of history; prints the id of the one that is online.
FLEET = """
import random, uuid
from datetime import timedelta
from django.utils import timezone
from conftest import RegisteredSite
from fleet.devices.models import Device
from fleet.heartbeats.models import HeartbeatDay
from panel.fleet.devices.tests.cast import every_kind
at = timezone.now()
devices = every_kind(RegisteredSite("{site}", ""), at=at)
online = devices["zebra"]
HeartbeatDay.objects.bulk_create(
    HeartbeatDay(device=online, day=(at - timedelta(days=n)).date(), heartbeats=2_880 - 90 * n) for n in range(1, 30)
)
Device.objects.filter(pk=online.pk).update(name="Till at the bar", clone_suspected_at=at, config={{"printer": "lp0"}})
{more}
print(online.pk)
"""


def run(server: RunningServer, code: str) -> str:
    done = server.manage("shell", "-c", code, "--verbosity=0")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def a_fleet(server: RunningServer, site: Site, more: str = "") -> str:
    """The id of one of them."""
    return run(server, FLEET.format(site=site.site_id, more=more))


@pytest.fixture(scope="module")
def server(race_server: RunningServer) -> RunningServer:
    return race_server


@pytest.fixture
def anna(browser: Browser, server: RunningServer) -> Iterator[PanelUser]:
    person = open_window(browser, server)
    person.sign_in()
    yield person
    assert person.complaints == []


@pytest.fixture
def site(server: RunningServer) -> Site:
    return register(server.sign_in(), server, name="Device Bistro")


def test_the_list_and_the_page_of_a_device_are_readable(anna: PanelUser, server: RunningServer, site: Site) -> None:
    device = a_fleet(server, site)
    page = anna.page
    anna.go("/admin/")
    expect(page.locator(".device-tiles .tile")).to_have_count(5)
    assert anna.findings() == []
    anna.follow(".device-tiles .tile:has-text('offline')")
    expect(page.locator("#result_list tbody tr").first).to_contain_text("gone for long")
    anna.go(
        f"/admin/devices/device/?site={site.site_id}&columns=state,site,role,firmware,seen,hardware,running,organization"
    )
    expect(page.locator("#result_list tbody tr")).to_have_count(10)
    assert anna.findings() == []
    page.keyboard.press("j")
    page.keyboard.press("j")
    with page.expect_navigation():
        page.keyboard.press("o")
    anna.go(f"/admin/devices/device/{device}/change/")
    expect(page.locator(".site-sentence")).to_contain_text("Online since")
    assert anna.findings() == []
    for part in ("edit", "configuration", "rotate-key", "retire"):
        anna.go(f"/admin/devices/device/{device}/{part}/")
        assert anna.findings() == [], part
    anna.go(f"/admin/sites/site/{site.site_id}/change/")
    expect(page.locator("#devices .device-rows li")).to_have_count(10)
    assert anna.findings() == []


def test_a_chart_is_read_with_the_arrow_keys_and_leads_to_its_table(
    anna: PanelUser, server: RunningServer, site: Site
) -> None:
    device = a_fleet(server, site)
    page = anna.page
    anna.go(f"/admin/devices/device/{device}/change/")
    chart = page.locator("section[aria-labelledby='chart-heartbeats']")
    chart.locator("svg a[tabindex='0']").focus()
    page.keyboard.press("ArrowLeft")
    expect(chart.locator(".chart-reading")).to_have_text(re.compile(r": 2,790 heartbeats$"))
    page.keyboard.press("Enter")
    expect(chart.locator("tr:target .number")).to_have_text("2790")
    expect(chart.locator("tr:target")).to_be_visible()


def test_a_device_from_its_code_to_its_end(anna: PanelUser, server: RunningServer, site: Site) -> None:
    page = anna.page
    anna.go(f"/admin/sites/site/{site.site_id}/change/")
    anna.follow("a:text-is('Add a device')")
    assert anna.findings() == []
    page.fill("#id_uses", "2")
    anna.follow("input[value='Make enrolment code']")
    code = page.inner_text("#enrolment-code")
    assert f"enrol --url {server.url} --code {code}" in page.inner_text("#enrol-command")
    assert anna.findings() == []
    answer = Client(server).post(
        "/api/devices/register", {"enrolment_code": code, "device_id": "till-1", "role": "till", "name": "Bar"}
    )
    assert answer.status_code == 201, answer.text
    device, key = answer.json()["id"], answer.json()["device_key"]
    headers = {"X-Device-ID": device, "X-Device-Key": key}
    anna.follow("a:text-is('Go to the site')")
    anna.follow("#devices a:text-is('Bar')")
    page.clock.install()
    anna.go(f"/admin/devices/device/{device}/change/")
    expect(page.locator(".site-sentence")).to_contain_text("no heartbeats yet")
    anna.follow("button:text-is('Identify')")
    assert "Identify: the device gets the command with its next heartbeat." in anna.messages
    beat = {"boot_id": str(uuid.uuid4()), "sequence": 1, "firmware_version": "2.0.0", "uptime_seconds": 60}
    called = Client(server, **headers).post("/api/devices/heartbeat", beat)
    assert [command["name"] for command in called.json()["commands"]] == ["identify"]
    page.wait_for_timeout(2_500)  # a heartbeat may be kept for two seconds
    page.clock.fast_forward(HALF_A_MINUTE)
    expect(page.locator("section[aria-labelledby=commands-heading]")).to_contain_text("delivered")
    expect(page.locator(".site-contact")).to_contain_text("2.0.0")
    anna.follow("a:text-is('Configure')")
    page.fill("#id_config", '{"printer": }')
    anna.follow("input[value=Save]")
    expect(page.locator(".errorlist")).to_contain_text("No JSON: line 1, column 13")
    assert anna.findings() == []
    page.fill("#id_config", json.dumps({"printer": "lp0"}))
    anna.follow("input[value=Save]")
    expect(page.locator(".configuration")).to_contain_text('"printer": "lp0"')
    anna.follow("a:text-is('Edit')")
    page.fill("#id_name", "Bar, left")
    anna.follow("input[value=Save]")
    expect(page.locator("h1")).to_have_text("Bar, left")
    anna.follow("a:text-is('Retire')")
    page.fill("#id_typed_name", "bar, left")
    anna.follow("input[value=Retire]")
    expect(page.locator(".site-sentence")).to_contain_text("Retired")
    assert Client(server, **headers).post("/api/devices/heartbeat", beat).status_code == 401
    anna.go(f"/admin/sites/site/{site.site_id}/change/")
    anna.follow("#devices button:text-is('Revoke')")
    assert "Revoked" in anna.messages


def test_a_form_that_somebody_else_overtook_comes_back(anna: PanelUser, server: RunningServer, site: Site) -> None:
    device = a_fleet(server, site)
    page = anna.page
    anna.go(f"/admin/devices/device/{device}/edit/")
    api = server.sign_in()
    assert api.send("PATCH", f"/api/devices/{device}", {"name": "Renamed over the API"}).status_code == 200
    page.fill("#id_name", "Renamed here")
    anna.follow("input[value=Save]")
    expect(page.locator(".stored-now")).to_contain_text("Renamed over the API")
    expect(page.locator("#id_name")).to_have_value("Renamed here")
    assert anna.findings() == []
    api.send("DELETE", f"/api/devices/{device}")
    anna.follow("input[value=Save]")
    assert "This device is retired. Nothing was changed." in anna.messages


def test_a_new_key_is_not_left_for_the_way_back(anna: PanelUser, server: RunningServer, site: Site) -> None:
    device = a_fleet(server, site)
    anna.go(f"/admin/devices/device/{device}/rotate-key/")
    anna.follow("input[value='Rotate key']")
    assert anna.findings() == []
    nothing_is_left(anna, anna.page.inner_text("#device-key"))


def test_an_enrolment_code_is_not_left_for_the_way_back(anna: PanelUser, site: Site) -> None:
    anna.go(f"/admin/devices/device/add-to/{site.site_id}/")
    anna.follow("input[value='Make enrolment code']")
    nothing_is_left(anna, anna.page.inner_text("#enrolment-code"))


LONG = """
Device.objects.filter(pk=online.pk).update(name="n" * 200, role="r" * 64, hardware="h" * 64, config={"c" * 300: "v" * 300})
online.pulse.__class__.objects.filter(pk=online.pk).update(firmware_version="1" * 64)
"""


def test_a_long_word_makes_no_page_wider_than_the_window(anna: PanelUser, server: RunningServer, site: Site) -> None:
    device = a_fleet(server, site, LONG)
    page, too_wide = anna.page, {}
    for path in (
        "/admin/",
        "/admin/devices/device/",
        f"/admin/sites/site/{site.site_id}/change/",
        *(
            f"/admin/devices/device/{device}/{part}/"
            for part in ("change", "edit", "configuration", "rotate-key", "retire")
        ),
    ):
        anna.go(path)
        for look, (_, width) in LOOKS.items():
            page.set_viewport_size({"width": width, "height": 900})
            if (wide := page.evaluate(TOO_WIDE)) > 0:
                too_wide[f"{path} {look}"] = wide
    assert too_wide == {}


def test_the_pages_need_no_script(browser: Browser, server: RunningServer, site: Site) -> None:
    device = a_fleet(server, site)
    context = browser.new_context(java_script_enabled=False)
    person = PanelUser(server, context.new_page())
    person.sign_in()
    person.go(f"/admin/devices/device/{device}/change/")
    person.follow("button:text-is('Restart')")
    assert "Restart: the device gets the command" in person.messages
    person.follow("button:text-is('Dismiss')")
    assert "Dismissed." in person.messages
