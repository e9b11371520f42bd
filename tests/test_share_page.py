"""The page that a restaurant's owner opens from a link, in a real browser: on a phone, without script, and in a frame."""

import http.server
import threading
from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import Browser

from tests.browser import open_window
from tests.running_server import RunningServer, Site, register

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def site(race_server: RunningServer) -> Site:
    site = register(race_server.sign_in(), race_server, name="Osteria di lungo nome con vino e cucina")
    site.call_home()
    return site


@pytest.fixture(scope="module")
def url(race_server: RunningServer, site: Site) -> str:
    return str(race_server.sign_in().post(f"/api/sites/{site.site_id}/share", {}).json()["url"])


def test_it_is_readable_on_a_phone_without_script(
    browser: Browser, race_server: RunningServer, site: Site, url: str
) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 800})
    page = context.new_page()
    loaded: list[int] = []
    page.on("response", lambda response: loaded.append(len(response.body())))
    page.goto(url)
    assert page.inner_text("h1") == "Osteria di lungo nome con vino e cucina"
    assert page.inner_text(".headline").startswith("Licensed until ")
    assert "Just now" in page.inner_text("dl")
    assert sum(loaded) < 30_000
    assert len(loaded) == 2  # the page and its style
    api = race_server.sign_in()
    api.post(f"/api/sites/{site.site_id}/lock", {"reason": "invoice 4711 unpaid"})
    page.reload()
    assert page.inner_text(".headline") == "Locked"
    assert "invoice 4711 unpaid" in page.inner_text(".state")
    api.post(f"/api/sites/{site.site_id}/unlock", {})
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_passes_what_all_pages_pass(browser: Browser, race_server: RunningServer, url: str, scheme: str) -> None:
    person = open_window(browser, race_server)
    person.page.emulate_media(color_scheme=scheme)
    path = url.removeprefix(race_server.url)
    person.go(path)
    assert person.findings() == []
    assert person.complaints == []
    person.go(path[:-1] + "!")  # a 404, which Chromium writes into its console
    assert person.findings() == []


def test_the_browser_does_not_show_it_again_after_it_was_revoked(
    browser: Browser, race_server: RunningServer, site: Site
) -> None:
    api = race_server.sign_in()
    link = api.post(f"/api/sites/{site.site_id}/share", {}).json()
    page = browser.new_context().new_page()
    page.goto(link["url"])
    page.goto("about:blank")
    assert api.send("DELETE", f"/api/sites/{site.site_id}/shares/{link['id']}").status_code == 204
    page.go_back()
    page.wait_for_load_state()
    assert page.inner_text("h1") == "This link is not valid"


@pytest.fixture
def foreign_page(url: str) -> Iterator[str]:
    """The address of a page of another origin, with the share page in a frame."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(f'<iframe src="{url}"></iframe>'.encode())

        def log_message(self, *arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_port}/"
    server.shutdown()
    server.server_close()


def test_another_site_cannot_show_it_in_a_frame(browser: Browser, url: str, foreign_page: str) -> None:
    page = browser.new_context().new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(foreign_page)
    frame = page.frames[1]
    assert frame.locator("h1").count() == 0
    assert "frame-ancestors" in " ".join(said)
    page.goto(url)
    assert page.locator("h1").count() == 1, "the same page is there without a frame"


def test_no_log_line_has_the_token(race_server: RunningServer, url: str) -> None:
    answer = requests.get(url, headers={"X-Request-ID": "a-visit", "Referer": url}, timeout=10)
    assert answer.status_code == 200
    token = url.rpartition("/")[2]
    requests.get(url + "x", headers={"X-Request-ID": "a-wrong-visit"}, timeout=10)
    shown = [entry for entry in race_server.log_entries() if entry["request_id"] in ("a-visit", "a-wrong-visit")]
    assert {entry["path"] for entry in shown if "path" in entry} == {"/s/[secret]"}
    assert token not in str(race_server.log_entries())
