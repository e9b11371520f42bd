"""The title of a page says what it is and whose: tabs and bookmarks of many sites can be told apart."""

import re
from html import unescape

import pytest
from django.utils import timezone

from accounts.models import Admin, SignInAttempt
from accounts.tests.tokens import login
from audit.actors import COMMAND
from conftest import RegisteredSite
from fleet.firmware.tests.rows import add_row
from fleet.heartbeats.tests.calls import a_device
from fleet.rollouts.services import create_rollout
from heartbeat.models import Heartbeat
from panel.alerts.tests.cast import a_channel, an_incident
from panel.tests.screen import ADD, LIST, browser_of
from sites.models import SiteKey
from sites.services import create_organization

pytestmark = pytest.mark.any_database

SITE = "/admin/sites/site/{site}/"


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("/admin/", "Dashboard · Portcullis"),
        (LIST, "Sites · Portcullis"),
        (ADD, "Register a site · Portcullis"),
        (SITE + "change/", "Trattoria Roma · Portcullis"),
        (SITE + "rotate-key/", "Rotate key · Trattoria Roma · Portcullis"),
        (SITE + "share/", "Share page · Trattoria Roma · Portcullis"),
        (SITE + "clones/", "Installations · Trattoria Roma · Portcullis"),
        (LIST + "operate/lock/?site={site}", "Lock · Trattoria Roma · Portcullis"),
        (LIST + "operate/extend/?site={site}", "Extend licence · Trattoria Roma · Portcullis"),
        (LIST + "operations/", "Recent operations · Portcullis"),
        ("/admin/sites/organization/", "Organizations · Portcullis"),
        ("/admin/sites/organization/add/", "Add an organization · Portcullis"),
        ("/admin/sites/organization/{organization}/change/", "Conti · Organizations · Portcullis"),
        ("/admin/audit/event/", "Events · Portcullis"),
        ("/admin/audit/event/{event}/change/", "Registered · Trattoria Roma · Portcullis"),
        ("/admin/heartbeat/heartbeat/", "Heartbeats · Portcullis"),
        ("/admin/heartbeat/heartbeat/{heartbeat}/change/", "Heartbeat · Trattoria Roma · Portcullis"),
        ("/admin/sites/sitekey/{key}/change/", "Site key · Trattoria Roma · Portcullis"),
        ("/admin/accounts/signinattempt/{attempt}/change/", "Sign-in attempt · nobody · Portcullis"),
        ("/admin/accounts/admin/", "Admins · Portcullis"),
        ("/admin/accounts/admin/add/", "Add an admin · Portcullis"),
        ("/admin/accounts/admin/{ben}/change/", "ben · Admins · Portcullis"),
        ("/admin/accounts/admin/{ben}/password/", "Reset the password · ben · Portcullis"),
        ("/admin/customer-notices/", "Notices to restaurants · Portcullis"),
        ("/admin/alerts/incident/", "Incidents · Portcullis"),
        ("/admin/alerts/incident/{incident}/change/", "Somebody tries passwords · Incidents · Portcullis"),
        (
            "/admin/alerts/incident/acknowledge/?incident={incident}",
            "Acknowledge · Somebody tries passwords · Portcullis",
        ),
        ("/admin/devices/device/", "Devices · Portcullis"),
        ("/admin/devices/device/{device}/change/", "till-1 · Devices · Portcullis"),
        ("/admin/devices/device/{device}/edit/", "Edit · till-1 · Portcullis"),
        ("/admin/devices/device/{device}/configuration/", "Configure · till-1 · Portcullis"),
        ("/admin/devices/device/{device}/rotate-key/", "Rotate key · till-1 · Portcullis"),
        ("/admin/devices/device/{device}/retire/", "Retire · till-1 · Portcullis"),
        ("/admin/devices/device/add-to/{site}/", "Add a device · Trattoria Roma · Portcullis"),
        ("/admin/firmware/firmware/", "Firmware · Portcullis"),
        ("/admin/firmware/firmware/upload/", "Upload firmware · Portcullis"),
        ("/admin/firmware/firmware/{firmware}/change/", "till 1.0.0 · Firmware · Portcullis"),
        ("/admin/firmware/firmware/{firmware}/notes/", "Notes · till 1.0.0 · Portcullis"),
        ("/admin/firmware/firmware/{firmware}/withdraw/", "Withdraw · till 1.0.0 · Portcullis"),
        ("/admin/rollouts/rollout/", "Roll-outs · Portcullis"),
        ("/admin/rollouts/rollout/add/", "Create a roll-out · Portcullis"),
        ("/admin/rollouts/rollout/{rollout}/change/", "June · Roll-outs · Portcullis"),
        ("/admin/rollouts/rollout/{rollout}/start/", "Start · June · Portcullis"),
        ("/admin/rollouts/rollout/window/{site}/", "Maintenance window · Trattoria Roma · Portcullis"),
        ("/admin/channels/", "Channels · Portcullis"),
        ("/admin/channels/add/", "Add a channel · Portcullis"),
        ("/admin/channels/{channel}/", "On call · Channels · Portcullis"),
        ("/admin/channels/{channel}/change/", "Change · On call · Portcullis"),
        ("/admin/channels/{channel}/delete/", "Delete · On call · Portcullis"),
        ("/admin/jobs/", "Jobs · Portcullis"),
        ("/admin/account/", "Your account · Portcullis"),
        ("/admin/account/settings/", "Your settings · Portcullis"),
    ],
)
def test_a_title_names_the_page_and_its_subject(
    path: str, title: str, anna: Admin, ben: Admin, roma: RegisteredSite
) -> None:
    browser = browser_of(anna)
    event = re.search(
        r"/admin/audit/event/(\d+)/", browser.get(SITE.format(site=roma.site_id) + "change/").content.decode()
    )
    assert event
    assert roma.call_home().status_code == 200
    login("nobody", "wrong")
    firmware = add_row()
    rows: dict[str, object] = {
        "organization": create_organization(name="Conti", by=COMMAND, at=timezone.now()).pk,
        "channel": a_channel().pk,
        "device": a_device(roma).id,
        "firmware": firmware.pk,
        "rollout": create_rollout(firmware_id=firmware.pk, name="June", by=COMMAND, at=timezone.now()).pk,
        "incident": an_incident().pk,
        "heartbeat": Heartbeat.objects.get().pk,
        "key": SiteKey.objects.get().pk,
        "attempt": SignInAttempt.objects.get(username="nobody").pk,
    }
    answer = browser.get(path.format(site=roma.site_id, ben=ben.pk, event=event[1], **rows))
    assert answer.status_code == 200
    [shown] = re.findall(r"<title>([^<]*)</title>\s*<link", answer.content.decode())
    assert unescape(shown) == title


def test_the_page_of_an_app_is_the_dashboard(anna: Admin) -> None:
    for app in ("accounts", "audit", "heartbeat", "sites"):
        assert browser_of(anna).get(f"/admin/{app}/")["Location"] == "/admin/"


def test_every_page_names_its_icons(anna: Admin) -> None:
    for html in (browser_of(anna).get("/admin/").content.decode(), browser_of(anna).get("/nothing").content.decode()):
        assert re.search(r'<link rel="icon" href="[^"]+/favicon[^"]*\.svg" type="image/svg\+xml">', html)
        assert re.search(r'<link rel="apple-touch-icon" href="[^"]+/apple-touch-icon[^"]*\.png">', html)
