"""The admin pages and the API's documentation, as a person sees them in Chromium."""

import re
import uuid
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser import PanelUser, open_window
from tests.running_server import RunningServer, Site, register, resolve_incidents

pytestmark = [pytest.mark.e2e, pytest.mark.slow(seconds=110)]

NEW_COLLEAGUE = """
from accounts.models import Admin
print(Admin.objects.create_user("colleague", "colleague@vendor.example").pk)
"""
# Of two requests for one address, the first.
ACCESS_REQUEST = """
from django.utils import timezone
from accounts.access_requests.asking import Asker, ask_with_password
from accounts.models import AccessRequest
for number in range(2):
    asker = Asker("Nora Conti", "nora@vendor.example", "I joined the support team.", "192.0.2.1")
    ask_with_password(asker, f"kept in my own head {number}", at=timezone.now())
print(AccessRequest.objects.earliest("created_at").pk)
"""
# A channel, and an incident of many sites that was told on it.
ALERTS = """
from conftest import RegisteredSite
from panel.alerts.tests.cast import a_channel, a_common_cause
from sites.models import Site
channel = a_channel("Ticket system")
incident = a_common_cause(*(RegisteredSite(str(site.pk), "") for site in Site.objects.all()))
print(incident.pk, channel.pk)
"""

DEVICE = """
from conftest import RegisteredSite
from fleet.heartbeats.tests.calls import a_device
print(a_device(RegisteredSite("{site}", "")).id)
"""
DEVICE_PAGES = ("change", "edit", "configuration", "rotate-key", "retire")


@pytest.fixture(scope="module")
def server(race_server: RunningServer) -> Iterator[RunningServer]:
    """Other files use this server, too: no incident stays open on it."""
    yield race_server
    resolve_incidents(race_server)


@pytest.fixture(scope="module")
def locked_site(server: RunningServer) -> Site:
    api = server.sign_in()
    site = register(api, server, name="Locked Osteria")
    site.call_home()
    api.post(f"/api/sites/{site.site_id}/lock", {"reason": "unpaid invoice 118"})
    return site


@pytest.fixture(scope="module")
def former_site(server: RunningServer) -> Site:
    api = server.sign_in()
    site = register(api, server, name="Former Osteria")
    site.call_home()
    api.send("DELETE", f"/api/sites/{site.site_id}")
    return site


@pytest.fixture(scope="module")
def cloned_site(server: RunningServer) -> Site:
    """Two installations took turns with its key, and it knows a newer decision."""
    site = register(server.sign_in(), server, name="Cloned Osteria")
    instances = [str(uuid.uuid4()) for _ in range(2)]
    boots = [str(uuid.uuid4()) for _ in range(2)]
    for sequence in (1, 2):
        for instance, boot in zip(instances, boots, strict=True):
            facts = {"instance_id": instance, "boot_id": boot, "sequence": sequence, "lease_revision": 7}
            assert site.call_home(**facts).status_code == 200
    return site


@pytest.fixture
def anna(browser: Browser, server: RunningServer) -> Iterator[PanelUser]:
    person = open_window(browser, server)
    person.sign_in()
    yield person
    assert person.complaints == []


def test_every_page_is_readable_and_asks_nobody_else(
    browser: Browser, server: RunningServer, locked_site: Site, former_site: Site, cloned_site: Site
) -> None:
    person = open_window(browser, server)
    found: dict[str, list[str]] = {}

    def examine(path: str) -> None:
        person.go(path)
        found[path] = person.findings()

    for path in ("/admin/login/", "/admin/request-access/", "/admin/request-access/received/"):
        examine(path)
    person.sign_in()
    asked = server.manage("shell", "-c", ACCESS_REQUEST, "--verbosity=0").stdout.strip()
    created = server.manage("shell", "-c", NEW_COLLEAGUE, "--verbosity=0")
    colleague = int(created.stdout)
    incident, channel = server.manage("shell", "-c", ALERTS, "--verbosity=0").stdout.split()
    chain = server.sign_in().post("/api/organizations", {"name": "Trattorie Conti"}).json()["id"]
    device = server.manage("shell", "-c", DEVICE.format(site=locked_site.site_id), "--verbosity=0").stdout.strip()
    site, cloned = (f"/admin/sites/site/{each.site_id}" for each in (locked_site, cloned_site))
    for path in (
        "/admin/",
        "/admin/sites/site/",
        "/admin/sites/site/?registration=deregistered",
        "/admin/sites/site/?registration=all&q=osteria",
        "/admin/sites/site/?q=nothing+like+that",
        "/admin/sites/site/add/",
        "/admin/sites/site/import/",
        "/admin/sites/site/views/",
        "/admin/sites/site/?columns=organization",
        "/admin/sites/organization/",
        "/admin/sites/organization/add/",
        f"/admin/sites/organization/{chain}/change/",
        f"{site}/change/",
        f"{site}/notes/",
        f"{site}/share/",
        f"{site}/files/",
        f"{site}/rotate-key/",
        f"{cloned}/change/",
        f"{cloned}/clones/",
        f"/admin/sites/site/operate/lock/?site={locked_site.site_id}",
        f"/admin/sites/site/operate/extend/?site={locked_site.site_id}",
        f"/admin/sites/site/operate/set_expiry/?site={locked_site.site_id}",
        f"/admin/sites/site/operate/deregister/?site={locked_site.site_id}",
        f"/admin/sites/site/{former_site.site_id}/change/",
        f"/admin/sites/site/{former_site.site_id}/erase/",
        "/admin/audit/event/",
        "/admin/heartbeat/heartbeat/",
        "/admin/sites/sitekey/",
        "/admin/accounts/admin/",
        "/admin/accounts/admin/add/",
        "/admin/accounts/admin/1/change/",
        f"/admin/accounts/admin/{colleague}/change/",
        "/admin/accounts/accessrequest/",
        f"/admin/accounts/accessrequest/{asked}/change/",
        "/admin/accounts/signinattempt/",
        "/admin/alerts/incident/",
        "/admin/alerts/incident/?view=all",
        f"/admin/alerts/incident/{incident}/change/",
        f"/admin/alerts/incident/acknowledge/?incident={incident}",
        "/admin/devices/device/",
        *(f"/admin/devices/device/{device}/{part}/" for part in DEVICE_PAGES),
        f"/admin/devices/device/add-to/{locked_site.site_id}/",
        "/admin/channels/",
        "/admin/channels/add/",
        f"/admin/channels/{channel}/",
        f"/admin/channels/{channel}/change/",
        f"/admin/channels/{channel}/delete/",
        "/admin/jobs/",
        "/admin/signing-keys/",
        "/admin/customer-notices/",
        "/admin/account/",
        "/admin/account/settings/",
        "/admin/password_change/",
        "/admin/account/authenticator-app/add/",
        "/admin/account/tokens/add/",
    ):
        examine(path)
    assert {path: ids for path, ids in found.items() if ids} == {}
    assert person.complaints == []


def test_a_site_is_registered_and_its_key_shown_once(anna: PanelUser, server: RunningServer) -> None:
    page = anna.page
    anna.go("/admin/sites/site/add/")
    page.fill("#id_name", "Browser Bistro")
    page.fill("#id_owner_name", "Paul")
    page.fill("#id_contact_email", "paul@bistro.example")
    anna.follow("input[name=_save]")
    site = Site(server, page.inner_text("#site-id"), page.inner_text("#secret-key"))
    assert site.call_home().status_code == 200
    page.reload()
    assert "registered already" in anna.messages
    assert "psk_" not in page.content()
    page.goto(f"{server.url}/admin/sites/site/{site.site_id}/change/")
    assert "online" in page.inner_text(".site-state")
    assert site.key not in page.content()
    assert server.sign_in().get("/api/sites?search=paul@bistro.example").json()["count"] == 1


def test_two_sites_are_locked_with_a_reason_and_unlocked_again(anna: PanelUser, server: RunningServer) -> None:
    api, page = server.sign_in(), anna.page
    sites = [register(api, server, name=f"Pair {number}", owner_name="Pair") for number in range(2)]
    anna.go("/admin/sites/site/?q=pair")
    page.check("#action-toggle")
    page.select_option("select[name=action]", "lock")
    anna.follow("button[name=index]")
    assert "These 2 sites" in page.inner_text("#content")
    assert "0 online now" in page.inner_text(".counts")
    anna.follow("input[type=submit]")
    assert "This field is required" in page.inner_text("#content"), "a reason is asked for"
    page.fill("#id_reason", "fraud")
    anna.follow("input[type=submit]")
    assert "2 of 2 locked" in page.inner_text("[role=status]")
    page.reload()
    assert "2 of 2 locked" in page.inner_text("[role=status]"), "looking again repeats nothing"
    assert [site.call_home().json()["lock_reason"] for site in sites] == ["fraud", "fraud"]
    page.goto(f"{server.url}/admin/sites/site/{sites[0].site_id}/change/")
    anna.follow("a:text-is('Unlock')")
    page.fill("#id_note", "cleared")
    anna.follow("input[type=submit]")
    assert "Pair 0: Unlocked" in anna.messages
    assert [site.call_home().json()["locked"] for site in sites] == [False, True]


def test_a_licence_is_extended_and_a_key_rotated(anna: PanelUser, server: RunningServer) -> None:
    site = register(server.sign_in(), server, name="Rotating Room", license_expires_at="2020-01-01T00:00:00Z")
    page = anna.page
    anna.go(f"/admin/sites/site/{site.site_id}/change/")
    assert "Licence expired on" in page.inner_text(".site-sentence")
    anna.follow("a:text-is('Extend licence')")
    anna.follow("button:has-text('+30 days')")
    anna.follow("input[type=submit]")
    assert site.call_home().json()["licensed"] is True
    anna.follow("a:text-is('Rotate key')")
    anna.follow("input[type=submit]")
    key = page.inner_text("#secret-key")
    assert re.fullmatch(r"psk_[0-9A-Za-z]{49}", key)
    page.reload()
    assert "changed since you read it" in anna.messages, "a reload makes no third key"
    assert key not in page.content()
    assert [site.call_home(key=key).status_code for _ in range(2)] == [200, 200]
    assert site.call_home().status_code == 401


def test_a_form_that_was_open_while_somebody_locked_does_not_undo_the_lock(
    anna: PanelUser, server: RunningServer
) -> None:
    api, page = server.sign_in(), anna.page
    site = register(api, server, name="Stale Form")
    anna.go(f"/admin/sites/site/{site.site_id}/change/")
    site.call_home()
    assert api.post(f"/api/sites/{site.site_id}/lock", {"reason": "unpaid"}).status_code == 200
    api.send("PATCH", f"/api/sites/{site.site_id}", {"owner_name": "Somebody else"})
    page.fill("#id_name", "Renamed Form")
    anna.follow("input[name=_save]")
    assert "was changed while you had the page open" in page.inner_text("#content")
    assert "unpaid" in page.inner_text(".changes-since")
    assert "Somebody else" in page.inner_text(".conflicts")
    assert page.input_value("#id_name") == "Renamed Form"
    anna.follow("input[name=_save]")
    stored = api.get(f"/api/sites/{site.site_id}").json()
    assert (stored["name"], stored["owner_name"]) == ("Renamed Form", "Somebody else")
    assert (stored["is_locked"], stored["status"]) == (True, "online")


def test_a_deregistered_site_is_restored(anna: PanelUser, server: RunningServer) -> None:
    api, page = server.sign_in(), anna.page
    site = register(api, server, name="Lost and Found")
    api.send("DELETE", f"/api/sites/{site.site_id}")
    anna.go("/admin/sites/site/?q=lost+and+found")
    assert "0 sites" in page.inner_text(".paginator")
    anna.go("/admin/sites/site/?q=lost+and+found&registration=deregistered")
    anna.follow("a:text-is('Lost and Found')")
    anna.follow("a:text-is('Restore')")
    anna.follow("input[type=submit]")
    assert "Lost and Found: Restored" in anna.messages
    assert site.call_home().status_code == 200


def test_the_api_documentation_is_drawn_without_foreign_files(anna: PanelUser, server: RunningServer) -> None:
    anna.go("/docs")
    anna.page.wait_for_selector(".opblock")
    described = server.sign_in().get("/api/schema").json()["paths"]
    assert anna.page.locator(".opblock").count() == sum(map(len, described.values()))
    anna.go("/redoc")
    anna.page.locator("h2", has_text="Rotate a site's key").wait_for()
