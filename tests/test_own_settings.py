"""That the panel obeys one's own settings, in Chromium."""

from collections.abc import Iterator
from itertools import count

import pytest
from playwright.sync_api import Browser

from tests.browser import PanelUser, open_window
from tests.running_server import PASSWORD, RunningServer, register

pytestmark = [pytest.mark.e2e, pytest.mark.slow(seconds=40)]

SETTINGS = "/admin/account/settings/"
NEW_ADMIN = """
from accounts.models import Admin
Admin.objects.create_user({name!r}, "ida@vendor.example", {password!r}, role="sysadmin")
"""
numbers = count(1)
# Records the theme when the body is there, which is before anything of it is drawn.
THEME_AT_FIRST = """
new MutationObserver((_, observer) => {
  if (!document.body) return;
  window.themeAtFirst = document.documentElement.dataset.theme;
  observer.disconnect();
}).observe(document, { childList: true, subtree: true });
"""
BACKGROUND = "getComputedStyle(document.body).backgroundColor"
LIGHT, DARK = "rgb(255, 255, 255)", "rgb(17, 23, 29)"


@pytest.fixture(scope="module")
def server(race_server: RunningServer) -> RunningServer:
    return race_server


@pytest.fixture
def name(server: RunningServer) -> str:
    """Of an admin whom no other test knows."""
    name = f"ida{next(numbers)}"
    server.manage("shell", "-c", NEW_ADMIN.format(name=name, password=PASSWORD), "--verbosity=0")
    return name


@pytest.fixture
def ida(browser: Browser, server: RunningServer, name: str) -> Iterator[PanelUser]:
    person = open_window(browser, server)
    person.page.add_init_script(THEME_AT_FIRST)
    person.sign_in(name)
    yield person
    assert person.complaints == []


def theme(person: PanelUser) -> tuple[str, str, str]:
    """As the page began, as it is, and its background."""
    return tuple(person.page.evaluate(f"[window.themeAtFirst, document.documentElement.dataset.theme, {BACKGROUND}]"))


def test_the_chosen_theme_is_there_from_the_first_and_in_another_browser(
    ida: PanelUser, browser: Browser, server: RunningServer, name: str
) -> None:
    assert theme(ida) == ("auto", "auto", LIGHT)
    ida.go(SETTINGS)
    ida.page.select_option("#id_theme", "dark")
    ida.follow("input[value=Save]")
    assert "Your settings are saved." in ida.messages
    for path in (SETTINGS, "/admin/", "/admin/sites/site/"):
        ida.go(path)
        assert theme(ida) == ("dark", "dark", DARK), path
    elsewhere = open_window(browser, server)
    elsewhere.page.add_init_script(THEME_AT_FIRST)
    elsewhere.sign_in(name)
    assert theme(elsewhere) == ("dark", "dark", DARK)
    assert elsewhere.complaints == []


def test_a_light_theme_is_light_on_a_dark_system(ida: PanelUser) -> None:
    ida.page.emulate_media(color_scheme="dark")
    assert ida.page.evaluate(BACKGROUND) == DARK
    ida.go(SETTINGS)
    ida.page.select_option("#id_theme", "light")
    ida.follow("input[value=Save]")
    assert theme(ida) == ("light", "light", LIGHT)


def test_the_button_in_the_header_saves_the_theme(ida: PanelUser) -> None:
    for expected in ("dark", "light", "auto"):
        with ida.page.expect_response(f"**{SETTINGS}theme/") as saved:
            ida.page.click(".theme-toggle")
        assert saved.value.status == 204
        assert theme(ida)[1] == expected
        ida.page.reload()
        assert theme(ida)[:2] == (expected, expected)
    ida.go(SETTINGS)
    assert ida.page.input_value("#id_theme") == "auto"


def test_two_quick_clicks_leave_the_second_theme(ida: PanelUser) -> None:
    answers: list[int] = []
    ida.page.on("response", lambda answer: answers.append(answer.status) if answer.url.endswith("/theme/") else None)
    ida.page.evaluate("for (const _ of [1, 2]) document.querySelector('.theme-toggle').click()")
    while len(answers) < 2:
        ida.page.wait_for_event("response")
    assert theme(ida)[1] == "light"
    ida.page.reload()
    assert theme(ida)[1] == "light"


def test_a_theme_that_cannot_be_saved_is_taken_back(ida: PanelUser) -> None:
    ida.page.route(f"**{SETTINGS}theme/", lambda route: route.fulfill(status=503))
    with ida.page.expect_console_message(lambda message: "not saved" in message.text):
        ida.page.click(".theme-toggle")
    ida.page.wait_for_function("document.documentElement.dataset.theme === 'auto'")
    assert theme(ida)[1:] == ("auto", LIGHT)
    assert len(ida.complaints) == 2, "the browser's own, and ours"
    ida.complaints.clear()


def test_pages_without_a_session_keep_the_theme_of_this_browser(ida: PanelUser) -> None:
    with ida.page.expect_response(f"**{SETTINGS}theme/"):
        ida.page.click(".theme-toggle")
    ida.page.context.clear_cookies()
    ida.go("/admin/")
    assert ida.page.is_visible("#id_password")
    assert theme(ida)[:2] == ("dark", "dark")
    ida.page.evaluate("localStorage.clear()")  # as signing out does
    ida.page.reload()
    assert theme(ida)[:2] == ("auto", "auto")


def test_time_zone_rows_and_start_page_are_obeyed(ida: PanelUser, server: RunningServer, name: str) -> None:
    api = server.sign_in()
    for number in range(11):
        register(api, server, name=f"Rows {number:02}", owner_name="Rows", license_expires_at="2030-07-01T12:00:00Z")
    ida.go(SETTINGS)
    ida.page.fill("#id_timezone", "auckland")
    ida.page.fill("#id_page_size", "10")
    ida.page.select_option("#id_start_page", "sites")
    ida.follow("input[value=Save]")
    assert ida.page.input_value("#id_timezone") == "Pacific/Auckland"
    ida.page.context.clear_cookies()
    ida.sign_in(name)
    assert ida.page.url == f"{server.url}/admin/sites/site/"
    ida.go("/admin/sites/site/?q=rows")
    assert ida.page.locator("#result_list tbody tr").count() == 10
    ida.follow("#result_list tbody tr a >> nth=0")
    assert "2030-07-02 00:00 NZST" in ida.page.content()


def test_a_reset_brings_the_defaults_back(ida: PanelUser) -> None:
    ida.go(SETTINGS)
    ida.page.fill("#id_page_size", "10")
    ida.page.select_option("#id_theme", "dark")
    ida.follow("input[value=Save]")
    ida.follow("text=Reset to the defaults")
    assert "defaults again" in ida.messages
    assert (ida.page.input_value("#id_page_size"), ida.page.input_value("#id_theme")) == ("50", "auto")
    assert theme(ida) == ("auto", "auto", LIGHT)


def test_the_page_passes_what_all_pages_pass(ida: PanelUser) -> None:
    ida.go(SETTINGS)
    assert ida.findings() == []
