"""The pages of errors in Chromium: readable in every look, with a way back, also without the database."""

import json
import struct
from collections.abc import Iterator
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Browser

from scripts.with_services import free_port
from tests.browser import PanelUser, open_window
from tests.conftest import started
from tests.running_server import RunningServer

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture(scope="module")
def server_without_a_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("unavailable")
    url = f"postgresql://nobody@127.0.0.1:{free_port()}/unavailable"
    with started(RunningServer(url, folder, settings={"WEB_CONCURRENCY": "1"})) as server:
        yield server


def assert_readable(person: PanelUser, heading: str) -> None:
    person.complaints.clear()  # Chromium reports the status itself
    assert person.page.inner_text("h1") == heading
    assert person.findings() == []


def test_a_missing_page_leads_back_to_the_dashboard(browser: Browser, race_server: RunningServer) -> None:
    person = open_window(browser, race_server)
    person.sign_in()
    person.go("/admin/nothing/")
    assert_readable(person, "Page not found")
    person.follow("a:text-is('Go to the dashboard')")
    assert person.page.title() == "Dashboard · Portcullis"


def test_a_page_that_needs_the_database_says_that_it_does_not_answer(
    browser: Browser, server_without_a_database: RunningServer
) -> None:
    person = open_window(browser, server_without_a_database)
    with person.page.expect_response(lambda response: response.request.method == "POST") as answer:
        person.sign_in()
    assert (answer.value.status, answer.value.headers["retry-after"]) == (503, "5")
    assert_readable(person, "The database does not answer")
    assert person.page.locator("a:text-is('Try again')").count() == 0, "a form was sent"
    person.follow("a:text-is('Go to the dashboard')")
    assert person.page.inner_text("h1") == "Sign in"


def test_an_icon_for_a_phone_is_served(browser: Browser, race_server: RunningServer) -> None:
    person = open_window(browser, race_server)
    person.go("/admin/login/")
    for selector, kind in (("link[rel=icon]", "image/svg+xml"), ("link[rel=apple-touch-icon]", "image/png")):
        href = person.page.get_attribute(selector, "href")
        answer = person.page.request.get(f"{race_server.url}{href}")
        assert (answer.status, answer.headers["content-type"]) == (200, kind)


def test_a_phone_can_keep_the_panel_as_an_app(browser: Browser, race_server: RunningServer) -> None:
    person = open_window(browser, race_server)
    person.sign_in()
    found = person.page.context.new_cdp_session(person.page).send("Page.getAppManifest")
    assert found["errors"] == []
    manifest = json.loads(found["data"])
    assert urljoin(found["url"], manifest["start_url"]) == f"{race_server.url}/admin/"
    for icon in manifest["icons"]:
        answer = person.page.request.get(urljoin(found["url"], icon["src"]))
        size = struct.unpack(">II", answer.body()[16:24])  # of the PNG's header
        assert (answer.status, answer.headers["content-type"], f"{size[0]}x{size[1]}") == (
            200,
            icon["type"],
            icon["sizes"],
        )
    assert person.complaints == []
