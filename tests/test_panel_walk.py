"""An admin's day, walked through in Chromium from the first page to the last.

Each page on the way is examined in light, in dark and on a phone: by axe-core, for its width, for its weight, for requests to
foreign hosts and for what breaks the content policy. tests/test_pages.py examines those that look the same at any time.
"""

import csv
import io
import shlex
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser import PanelUser, open_window
from tests.running_server import RunningServer, Site, register

pytestmark = [pytest.mark.e2e, pytest.mark.slow(seconds=60)]

LIST = "/admin/sites/site/"
MOST_BYTES = 300_000
NAME = "Walk"


@dataclass
class Walk:
    """A sysadmin with a browser who looks closely at every page."""

    person: PanelUser
    server: RunningServer
    found: dict[str, list[str]] = field(default_factory=dict)

    def look(self, what: str) -> str:
        """The page's text; what is wrong with the page is kept under that name."""
        page, wrong = self.person.page, self.person.findings()
        if len(page.content().encode()) > MOST_BYTES:
            wrong.append(f"{len(page.content().encode())} bytes")
        self.found[what] = wrong
        return page.inner_text("#content")

    def go(self, path: str, what: str) -> str:
        self.person.go(path)
        return self.look(what)

    def press(self, selector: str, what: str) -> str:
        self.person.follow(selector)
        return self.look(what)

    def row_of(self, site: Site) -> str:
        """What the list says of a site."""
        return self.person.page.inner_text(f"#result_list tr:has(a[href*='{site.site_id}'])")

    def operate(self, site: Site, button: str, **facts: str) -> str:
        """From the site's page, by one of its buttons, to the page that says what happened."""
        self.person.go(f"{LIST}{site.site_id}/change/")
        self.person.follow_action(button)
        self.look(f"asks: {button}")
        for name, value in facts.items():
            self.person.page.fill(f"#id_{name}", value)
        return self.press("#content input[type=submit]", f"said: {button}")


def registers(walk: Walk) -> Site:
    """Its key is copied from the page, and its first heartbeat is the line that the page shows."""
    page = walk.person.page
    walk.person.go(f"{LIST}add/")
    for field_name, value in {"name": NAME, "owner_name": "Wanda", "contact_email": "first@walk.example"}.items():
        page.fill(f"#id_{field_name}", value)
    walk.press("input[name=_save]", "key")
    site = Site(walk.server, page.inner_text("#site-id"), page.inner_text("#secret-key"))
    line = page.inner_text("#first-heartbeat")
    answer = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True, timeout=20)
    assert '"licensed":true' in answer.stdout.replace(" ", "")
    assert shlex.split(line)[0] == "curl"
    return site


def locks_two_with_a_reason(walk: Walk, site: Site) -> None:
    """The replies to the sites' heartbeats change."""
    page, server = walk.person.page, walk.server
    other = register(
        server.sign_in(), server, name=f"{NAME} 2", contact_email="second@walk.example", owner_name="Wanda"
    )
    walk.go(f"{LIST}?q=walk.example", "list of two")
    for one in (site, other):
        page.check(f"input[name=_selected_action][value='{one.site_id}']")
    page.select_option("select[name=action]", "lock")
    assert "2 sites" in walk.press("button[name=index]", "asks: lock two")
    page.fill("#id_reason", "unpaid invoice 118")
    walk.press("#content input[type=submit]", "said: lock two")
    replies = [one.call_home().json() for one in (site, other)]
    assert [(each["locked"], each["lock_reason"]) for each in replies] == [(True, "unpaid invoice 118")] * 2
    sentence = walk.go(f"{LIST}{site.site_id}/change/", "site")
    assert "Locked at" in sentence
    assert "by anna: unpaid invoice 118" in sentence


def unlocks_extends_and_rotates(walk: Walk, site: Site) -> None:
    page, api = walk.person.page, walk.server.sign_in()
    walk.operate(site, "Unlock", note="paid")
    assert site.call_home().json()["locked"] is False
    before = api.get(f"/api/sites/{site.site_id}").json()["license_expires_at"]
    walk.person.go(f"{LIST}{site.site_id}/change/")
    walk.person.follow("a:text-is('Extend licence')")
    walk.press("button:has-text('+30 days')", "shows: Extend licence")
    walk.press("#content input[type=submit]", "said: Extend licence")
    assert api.get(f"/api/sites/{site.site_id}").json()["license_expires_at"] > before
    walk.operate(site, "Rotate key")
    old, site.key = site.key, page.inner_text("#secret-key")
    assert [site.call_home().status_code for _ in range(2)] == [200, 200]
    assert site.call_home(key=old).status_code == 401


def exports_and_imports(walk: Walk, site: Site, changed: Path) -> None:
    page, api = walk.person.page, walk.server.sign_in()
    walk.person.go(f"{LIST}?q=walk.example")
    with page.expect_download() as download:
        page.click("a:has-text('Export CSV')")
    rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text(encoding="utf-8-sig"))))
    mine = [row for row in rows if row["site_id"] == site.site_id]
    assert [row["name"] for row in mine] == [NAME]
    with changed.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=["site_id", "name", "owner_name", "contact_email"])
        writer.writeheader()
        writer.writerow({"site_id": site.site_id, "name": f"{NAME} renamed"})
        writer.writerow({"name": f"{NAME} 3", "owner_name": "Wanda", "contact_email": "third@walk.example"})
    walk.person.go(f"{LIST}import/")
    page.set_input_files("input[type=file]", changed)
    assert f"{NAME} renamed" in walk.press("#content input[type=submit]", "preview")
    assert api.get(f"/api/sites/{site.site_id}").json()["name"] == NAME, "nothing is written yet"
    walk.press("#content input[type=submit]", "applied")
    assert api.get(f"/api/sites/{site.site_id}").json()["name"] == f"{NAME} renamed"
    assert api.get("/api/sites?search=third@walk.example").json()["count"] == 1


def takes_out_and_back(walk: Walk, site: Site) -> None:
    walk.operate(site, "Deregister", reason="closed for good", typed_name=f"{NAME} renamed")
    assert site.call_home().status_code == 401
    walk.operate(site, "Restore")
    assert site.call_home().status_code == 200
    history = walk.go(f"{LIST}{site.site_id}/change/", "site, restored")
    for word in ("Registered", "Locked", "Unlocked", "Restored"):
        assert word in history


def test_an_admins_day(browser: Browser, race_server: RunningServer, tmp_path: Path) -> None:
    walk = Walk(open_window(browser, race_server), race_server)
    walk.person.sign_in()
    assert "Needs attention" in walk.person.page.inner_text("#content")
    site = registers(walk)
    walk.person.go(f"{LIST}?q=first@walk.example")
    assert "online" in walk.row_of(site)
    locks_two_with_a_reason(walk, site)
    unlocks_extends_and_rotates(walk, site)
    exports_and_imports(walk, site, tmp_path / "changed.csv")
    takes_out_and_back(walk, site)
    walk.go("/admin/", "dashboard, used")
    assert {what: wrong for what, wrong in walk.found.items() if wrong} == {}
    assert walk.person.complaints == []
