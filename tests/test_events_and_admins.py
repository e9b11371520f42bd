"""The pages of events and admins in Chromium: a colleague's sign-in is ended, events of some days are saved as a file."""

import csv

import pytest
from playwright.sync_api import Browser

from tests.browser import PanelUser, open_window
from tests.running_server import PASSWORD, RunningServer, register

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

NEW_VIEWER = f"""
from accounts.models import Admin
print(Admin.objects.create_user("dora", "dora@vendor.example", "{PASSWORD}", role="viewer").pk)
"""


@pytest.fixture
def anna(browser: Browser, race_server: RunningServer) -> PanelUser:
    person = open_window(browser, race_server)
    person.sign_in()
    return person


def test_a_colleague_is_signed_out_by_the_button(browser: Browser, race_server: RunningServer, anna: PanelUser) -> None:
    colleague = int(race_server.manage("shell", "-c", NEW_VIEWER, "--verbosity=0").stdout)
    dora = open_window(browser, race_server, "phone")
    dora.sign_in("dora")
    assert dora.page.title() == "Dashboard · Portcullis"
    anna.go("/admin/accounts/admin/")
    assert "1 browser" in anna.page.inner_text("tr:has(a:text-is('dora'))")
    anna.go(f"/admin/accounts/admin/{colleague}/change/")
    anna.follow("button:text-is('Sign out')[aria-label]")
    assert "That browser is signed out." in anna.messages
    assert "Not signed in to the panel." in anna.page.inner_text("[aria-labelledby=browsers-title]")
    assert anna.findings() == []
    assert anna.complaints == []
    dora.page.reload()
    assert dora.page.inner_text("h1") == "Sign in"
    dora.sign_in("dora")
    dora.complaints.clear()
    dora.go("/admin/sites/site/add/")
    assert dora.page.inner_text("h1") == "You don't have permission to do this"
    dora.complaints.clear()  # Chromium reports the status itself
    assert dora.findings() == []


def test_the_events_of_today_are_saved_as_a_file(race_server: RunningServer, anna: PanelUser) -> None:
    site = register(race_server.sign_in(), race_server, name="Eventful Eatery")
    anna.go("/admin/audit/event/?q=eventful")
    anna.follow("a:text-is('Today')")
    assert "from=" in anna.page.url
    assert "q=eventful" in anna.page.url
    assert "Registered: Eventful Eatery" in anna.page.inner_text(".event-rows")
    with anna.page.expect_download() as download:
        anna.page.click("a:text-is('Export CSV')")
    with download.value.path().open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["action"], row["subject_id"]) for row in rows] == [("site.registered", site.site_id)]
    anna.go("/admin/audit/event/")
    assert "Exported: the list of events" in anna.page.inner_text(".event-rows li:first-child")
    assert anna.complaints == []


def test_a_wrong_host_gets_a_page_that_is_readable(browser: Browser, race_server: RunningServer) -> None:
    person = open_window(browser, race_server)
    answer = person.page.goto(race_server.url.replace("127.0.0.1", "wrong.localhost") + "/admin/")
    assert answer is not None
    assert answer.status == 400
    assert person.page.inner_text("h1") == "This request was not understood"
    person.complaints.clear()
    assert person.findings() == []
