"""The list of sites and what belongs to it, in Chromium."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Locator, Page

from tests.browser import LOOKS, TOO_WIDE, PanelUser, open_window
from tests.running_server import PASSWORD, RunningServer, Site, register

pytestmark = pytest.mark.e2e

LIST = "/admin/sites/site/"
LONG = "Wort" * 30  # 120 characters that no rule of hyphenation breaks
NEW_ADMIN = """
from accounts.models import Admin
print(Admin.objects.create_user({name!r}, {email!r}, {password!r}, role="sysadmin").pk)
"""

# The middle of what has the focus is not covered.
IS_FOCUS_VISIBLE = """() => {
  const box = document.activeElement.getBoundingClientRect();
  const top = document.elementFromPoint(box.x + box.width / 2, box.y + Math.min(box.height / 2, 8));
  return document.activeElement.contains(top);
}"""


def is_in_sight(page: Page, found: Locator) -> bool:
    box, size = found.bounding_box(), page.viewport_size
    return bool(box and size and box["y"] >= 0 and box["y"] + box["height"] <= size["height"])


@pytest.fixture(scope="module")
def server(race_server: RunningServer) -> RunningServer:
    return race_server


@pytest.fixture
def anna(browser: Browser, server: RunningServer) -> Iterator[PanelUser]:
    person = open_window(browser, server)
    person.sign_in()
    yield person
    assert person.complaints == []


# --- Long words ---


@dataclass(frozen=True)
class LongWords:
    live: Site
    former: Site
    admin: str
    admin_id: int


@pytest.fixture(scope="module")
def long_words(server: RunningServer) -> LongWords:
    """Sites and an admin whose every text is one long word."""
    api = server.sign_in()
    address = f"{'briefkasten' * 5}@{'gasthaus' * 7}.{'gasthaus' * 7}.example"
    facts = {"name": f"A{LONG}", "owner_name": f"O{LONG}", "contact_email": address}
    zone = "America/Argentina/ComodRivadavia"
    live, former = (register(api, server, timezone=zone, **facts) for _ in range(2))
    live.call_home(version="v" * 64)
    for words in ("first", "second"):
        api.post(f"/api/sites/{live.site_id}/lock", {"reason": f"{words}{LONG}"})
    api.send("PATCH", f"/api/sites/{live.site_id}", {"name": f"B{LONG}"})
    former.call_home()
    api.send("DELETE", f"/api/sites/{former.site_id}")
    admin = f"A{LONG}"
    command = NEW_ADMIN.format(name=admin, email=address, password=PASSWORD)
    created = server.manage("shell", "-c", command, "--verbosity=0")
    return LongWords(live, former, admin, int(created.stdout))


def import_sites(person: PanelUser, content: str) -> None:
    person.go(f"{LIST}import/")
    file = {"name": f"{LONG}.csv", "mimeType": "text/csv", "buffer": content.encode()}
    person.page.set_input_files("input[type=file]", file)  # type: ignore[arg-type]
    person.follow("#content input[type=submit]")


def test_a_long_word_makes_no_page_wider_than_the_window(
    browser: Browser, server: RunningServer, long_words: LongWords
) -> None:
    person = open_window(browser, server)
    person.sign_in(username=long_words.admin)
    page = person.page
    too_wide: dict[str, int] = {}

    def measure(name: str) -> None:
        for look in ("light", "phone"):
            page.set_viewport_size({"width": LOOKS[look][1], "height": 900})
            if (wide := page.evaluate(TOO_WIDE)) > 0:
                too_wide[f"{name} {look}"] = wide

    live, former = (f"{LIST}{site.site_id}" for site in (long_words.live, long_words.former))
    operate = f"{LIST}operate/{{}}/?site={long_words.live.site_id}".format
    for path in (
        "/admin/",
        LIST,
        f"{LIST}?registration=all&q={LONG}",
        f"{LIST}?version={'v' * 64}",
        f"{LIST}add/",
        f"{live}/change/",
        f"{live}/rotate-key/",
        f"{live}/clones/",
        f"{former}/change/",
        f"{former}/erase/",
        *(operate(name) for name in ("lock", "unlock", "extend", "set_expiry", "deactivate", "deregister")),
        f"{operate('lock')}&site={long_words.former.site_id}",
        "/admin/audit/event/",
        f"/admin/audit/event/?q={LONG}",
        "/admin/heartbeat/heartbeat/",
        "/admin/sites/sitekey/",
        "/admin/accounts/admin/",
        f"/admin/accounts/admin/{long_words.admin_id}/change/",
        f"/admin/accounts/admin/{long_words.admin_id}/reset-password/",
        "/admin/accounts/signinattempt/",
        "/admin/jobs/",
        "/admin/signing-keys/",
        "/admin/account/",
    ):
        person.go(path)
        measure(path)
    import_sites(person, f"site_id,name\n{long_words.live.site_id},C{LONG}\n{'x' * 120},D{LONG}\n")
    measure("refused import")
    import_sites(person, f"name,owner_name,contact_email\nE{LONG},{LONG},e@x.example\n")
    measure("import")
    person.follow("input[value=Apply]")
    measure("keys of an import")
    person.go(f"{operate('unlock')}&site={long_words.former.site_id}")
    person.follow(".submit-row input[type=submit]")
    assert "1 of 2 unlocked" in page.inner_text("[role=status]")
    measure("result")
    assert too_wide == {}


# --- The bar with the actions ---


@pytest.fixture(scope="module")
def street(server: RunningServer) -> list[Site]:
    """Sites enough for a page that scrolls; search for their owner."""
    api = server.sign_in()
    return [register(api, server, name=f"Street {number:02}", owner_name="Viale") for number in range(14)]


@pytest.mark.parametrize("look", ["light", "phone"])
@pytest.mark.usefixtures("street")
def test_the_actions_stay_in_sight_while_sites_are_selected(browser: Browser, server: RunningServer, look: str) -> None:
    person = open_window(browser, server, look)
    person.sign_in()
    page = person.page
    page.set_viewport_size({"width": LOOKS[look][1], "height": 500})
    person.go(f"{LIST}?q=viale")
    boxes = page.locator("input.action-select")
    boxes.last.scroll_into_view_if_needed()
    bar = page.locator("#changelist-form .actions")
    assert not is_in_sight(page, bar)
    boxes.last.check()
    assert is_in_sight(page, bar)
    assert "1 of 14 selected" in bar.inner_text()
    page.keyboard.press("End")
    boxes.last.uncheck(timeout=1_000)  # fails if the bar covers it
    assert not is_in_sight(page, bar)
    boxes.last.check()
    for _ in range(13):
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Shift+Tab")
        assert page.evaluate(IS_FOCUS_VISIBLE)
    person.page.select_option("select[name=action]", "lock")
    person.follow("button[name=index]")
    assert "Lock" in page.inner_text("h1")
    assert person.complaints == []
