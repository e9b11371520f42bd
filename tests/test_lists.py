"""The list of sites and what belongs to it, in Chromium."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page

from tests.browser import LOOKS, TOO_WIDE, PanelUser, open_window
from tests.running_server import PASSWORD, RunningServer, Site, register

pytestmark = [pytest.mark.e2e, pytest.mark.slow(seconds=40)]

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


@pytest.fixture(scope="module")
def cookies(shared_browser: Browser, server: RunningServer) -> Any:
    """Of an admin who is signed in: each sign-in takes as long as a test."""
    person = open_window(shared_browser, server)
    person.sign_in()
    found = person.page.context.cookies()
    person.page.context.close()
    return found


@pytest.fixture
def window(browser: Browser, server: RunningServer, cookies: Any) -> Iterator[Callable[..., PanelUser]]:
    """Opens a window in one of LOOKS, in which that admin is signed in; options are those of a context."""
    people = []

    def open_signed_in(look: str = "light", **options: Any) -> PanelUser:
        scheme, width = LOOKS[look]
        viewport = {"width": width, "height": 800}
        context = browser.new_context(**{"color_scheme": scheme, "viewport": viewport, **options})
        context.add_cookies(cookies)
        people.append(PanelUser(server, context.new_page()))
        return people[-1]

    yield open_signed_in
    assert [person.complaints for person in people] == [[] for _ in people]


@pytest.fixture
def anna(window: Callable[..., PanelUser]) -> PanelUser:
    return window()


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
        f"{live}/clones/",
        f"{former}/change/",
        f"{former}/erase/",
        *(operate(name) for name in ("lock", "extend", "deregister")),
        f"{operate('lock')}&site={long_words.former.site_id}",
        "/admin/audit/event/",
        f"/admin/audit/event/?q={LONG}",
        "/admin/heartbeat/heartbeat/",
        "/admin/accounts/admin/",
        f"/admin/accounts/admin/{long_words.admin_id}/change/",
        "/admin/accounts/signinattempt/",
        "/admin/jobs/",
        "/admin/signing-keys/",
        "/admin/customer-notices/",
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
def test_the_actions_stay_in_sight_while_sites_are_selected(window: Callable[..., PanelUser], look: str) -> None:
    person = window(look)
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


# --- Views, names, deregistered sites ---


def count_on(page: Page, view: str) -> int:
    return int(page.inner_text(f".saved-views a[href='?view={view}'] .count").replace(",", ""))


def test_sites_that_were_just_locked_are_counted_and_unlocked_together(anna: PanelUser, server: RunningServer) -> None:
    api, page = server.sign_in(), anna.page
    sites = [register(api, server, name=f"Undo {number}", owner_name="Undone") for number in range(2)]
    anna.go(f"{LIST}?q=undone")
    before = count_on(page, "locked")
    page.check("#action-toggle")
    page.select_option("select[name=action]", "lock")
    anna.follow("button[name=index]")
    page.fill("#id_reason", "by mistake")
    anna.follow(".submit-row input[type=submit]")
    anna.follow("button:text-is('Unlock these 2')")
    assert page.inner_text("h1") == "Unlock 2 sites"
    assert [site.call_home().json()["locked"] for site in sites] == [True, True], "the button alone does nothing"
    anna.follow(".submit-row input[type=submit]")
    assert "2 of 2 unlocked" in page.inner_text("[role=status]")
    assert page.get_by_role("button", name="Lock these 2").is_visible()
    anna.go(f"{LIST}?q=undone")
    assert count_on(page, "locked") == before
    assert [site.call_home().json()["locked"] for site in sites] == [False, False]


def test_names_are_in_the_order_of_the_alphabet(anna: PanelUser, server: RunningServer) -> None:
    api, names = server.sign_in(), ["Adler", "äpfel", "Éclair", "emil", "Ofen", "Österia", "Otto", "über", "Umbria"]
    for name in sorted(names):
        register(api, server, name=name, owner_name="Alfabeto")
    anna.go(f"{LIST}?q=alfabeto&o=1")
    shown = anna.page.locator("#result_list tbody th a").all_inner_texts()
    assert [each.splitlines()[0] for each in shown] == names


def test_a_search_leads_to_deregistered_sites(anna: PanelUser, server: RunningServer) -> None:
    api, page = server.sign_in(), anna.page
    site = register(api, server, name="Vanished Villa")
    api.send("DELETE", f"/api/sites/{site.site_id}")
    anna.go(f"{LIST}?q=vanished")
    assert "No sites match." in page.inner_text("#changelist-form")
    assert "1 deregistered site matches: show it" in page.inner_text("#changelist-form")
    anna.follow("a:text-is('show it')")
    assert page.locator("#result_list tbody th").inner_text().startswith("Vanished Villa")


# --- The keyboard ---


IS_UNCHANGED = "[...document.querySelectorAll('#content [type=checkbox]')].every(e => e.checked === e.defaultChecked)"


def site_with_focus(page: Page) -> str:
    return str(
        page.evaluate("document.activeElement.closest('#result_list tbody tr')?.querySelector('th a').firstChild.data")
    )


@pytest.mark.usefixtures("street")
def test_the_list_is_used_by_the_keyboard(anna: PanelUser) -> None:
    page = anna.page
    anna.go(f"{LIST}?q=viale")
    for keys, expected in (("j", 0), ("jj", 2), ("k", 1), ("kkk", 0)):
        for key in keys:
            page.keyboard.press(key)
        assert site_with_focus(page) == f"Street {expected:02}"
    assert page.evaluate("document.activeElement.matches(':focus-visible')")
    page.keyboard.press("j")
    page.keyboard.press("x")
    assert page.locator("input.action-select:checked").count() == 1
    assert "1 of 14 selected" in page.inner_text(".action-counter")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "searchbar"
    page.keyboard.type("xjk/?o")
    assert page.input_value("#searchbar") == "xjk/?o", "it replaces the words and is only typed"
    page.click("#result_list tbody tr:has-text('Street 03')", position={"x": 300, "y": 5})
    page.keyboard.press("Control+j")
    assert site_with_focus(page) == "None"
    page.keyboard.press("j")
    with page.expect_navigation():
        page.keyboard.press("o")
    assert page.inner_text("h1") == "Street 00"


@pytest.mark.usefixtures("street")
def test_shortcuts_are_explained_and_can_be_switched_off(anna: PanelUser) -> None:
    page = anna.page
    anna.go(f"{LIST}?q=viale")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    page.keyboard.press("?")
    assert dialog.is_visible()
    assert anna.findings() == []
    page.keyboard.press("j")
    page.keyboard.press("Escape")
    assert not dialog.is_visible()
    assert site_with_focus(page) == "None", "keys of the list do nothing behind the dialog"
    page.get_by_role("button", name="Keyboard shortcuts").click()
    page.get_by_label("Use these shortcuts").uncheck()
    page.get_by_role("button", name="Close").click()
    for _ in range(2):
        for key in ("j", "/", "?"):
            page.keyboard.press(key)
        assert page.evaluate("document.activeElement.matches('body, #show-keyboard-shortcuts')")
        assert not dialog.is_visible()
        assert page.evaluate(IS_UNCHANGED), "a page with entries would not refresh itself"
        page.reload()
    page.get_by_role("button", name="Keyboard shortcuts").click()
    page.get_by_label("Use these shortcuts").check()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    assert site_with_focus(page) == "Street 00"


# --- Filters on a phone, and paper ---


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_filters_are_a_sheet_on_a_phone(window: Callable[..., PanelUser], scripts: bool) -> None:
    person = window("phone", java_script_enabled=scripts)
    page = person.page
    person.go(f"{LIST}?status=online&licensed=yes&view=ending")
    sheet = page.locator("#changelist-filter")
    assert not sheet.is_visible()
    page.get_by_role("button", name="Filters (2)").click()
    assert is_in_sight(page, sheet)
    if scripts:
        assert person.findings() == []
    page.get_by_role("button", name="Close").click()
    assert not sheet.is_visible()
    page.get_by_role("button", name="Filters (2)").click()
    page.keyboard.press("Escape")
    assert not sheet.is_visible()
    page.get_by_role("button", name="Filters (2)").click()
    person.follow("#changelist-filter a:text-is('locked')")
    assert page.get_by_role("button", name="Filters (3)").is_visible()
    page.get_by_role("button", name="Filters (3)").click()
    person.follow("#changelist-filter a:has-text('Clear all filters')")
    assert page.get_by_role("button", name="Filters", exact=True).is_visible()
    page.set_viewport_size({"width": LOOKS["light"][1], "height": 800})
    assert sheet.is_visible()
    assert not page.locator(".filters-button").is_visible()


# What a printed page shows, besides black on white, and what it must not show.
PRINTED = """() => {
  const seen = [...document.querySelectorAll("body *")]
    .filter((each) => each.checkVisibility() && each.getBoundingClientRect().height > 0);
  const isGrey = (colour) => {
    const [r, g, b, alpha = 1] = colour.match(/[\\d.]+/g).map(Number);
    return alpha === 0 || (r === g && g === b);
  };
  const faults = [];
  for (const each of seen) {
    const style = getComputedStyle(each);
    const name = `${each.tagName} ${each.className}`;
    if (each.matches("button, select, nav, [type=submit], #header, .object-tools a, .site-buttons a")) faults.push(name);
    if (!isGrey(style.color) || !isGrey(style.backgroundColor)) faults.push(`${name} is coloured`);
    if (each.matches("a[href]") && style.textDecorationLine !== "none") faults.push(`${name} is underlined`);
  }
  return [...new Set(faults)];
}"""


@pytest.mark.usefixtures("street")
def test_pages_are_printed_without_what_only_a_screen_can_do(window: Callable[..., PanelUser]) -> None:
    person = window("dark")
    page = person.page
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 718, "height": 1_000})  # A4 with the usual margins
    faults = {}
    for path in (f"{LIST}?q=viale", "/admin/audit/event/", LIST):
        person.go(path)
        faults[path] = page.evaluate(PRINTED)
        assert page.evaluate(TOO_WIDE) <= 0
        if path == LIST:
            assert (
                page.evaluate("getComputedStyle(document.querySelector('#result_list thead')).display")
                == "table-header-group"
            )
    page.emulate_media(media="screen")
    person.follow("#result_list tbody th a")
    page.emulate_media(media="print")
    faults["site"] = page.evaluate(PRINTED)
    assert page.evaluate(TOO_WIDE) <= 0
    assert {path: found for path, found in faults.items() if found} == {}
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
