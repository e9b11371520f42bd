"""Signing in with Google, in Chromium and through the API, against a Google of the test's own on another site."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from accounts.tests.fake_google import CLIENT_ID, CLIENT_SECRET, FakeGoogle, Person, fake_google
from tests.browser import PanelUser, open_window
from tests.running_server import Client, RunningServer

pytestmark = [pytest.mark.e2e, pytest.mark.slow(seconds=25)]


@pytest.fixture(scope="module")
def google() -> Iterator[FakeGoogle]:
    with fake_google() as google:
        yield google


@pytest.fixture(scope="module")
def server(
    google: FakeGoogle, tmp_path_factory: pytest.TempPathFactory, new_sqlite: Callable[[Path], str]
) -> Iterator[RunningServer]:
    folder: Path = tmp_path_factory.mktemp("google")
    settings = {
        "GOOGLE_CLIENT_IDS": CLIENT_ID,
        "GOOGLE_CLIENT_SECRET": CLIENT_SECRET,
        "GOOGLE_CERTS_URL": f"{google.url}/certs",
        "GOOGLE_TOKEN_URL": f"{google.url}/token",
        # For the browser another site than ours: it sends only those cookies that it would send on the way back from Google.
        "GOOGLE_AUTH_URL": f"{google.url}/authorize".replace("127.0.0.1", "localhost"),
    }
    running = RunningServer(new_sqlite(folder), folder, settings=settings)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def anna(browser: Browser, server: RunningServer, google: FakeGoogle) -> PanelUser:
    """A browser window. Google is the only foreign host to which a page may lead."""
    google.person = Person()
    user = open_window(browser, server)
    user.foreign = (str(server.environment["GOOGLE_AUTH_URL"]),)
    return user


def examine(user: PanelUser) -> None:
    assert user.findings() == [], user.page.url
    assert user.complaints == []


def is_at(user: PanelUser, path: str) -> bool:
    return user.page.url.removeprefix(user.server.url).partition("?")[0] == path


def test_an_admin_links_a_google_account_and_signs_in_with_it(
    anna: PanelUser, server: RunningServer, google: FakeGoogle
) -> None:
    page = anna.page
    anna.sign_in()
    anna.go("/admin/account/")
    anna.follow("a:text-is('Link a Google account')")
    assert is_at(anna, "/admin/account/google/confirm/")
    examine(anna)
    anna.follow("input[type=submit]")
    assert "You can now sign in with the Google account anna@vendor.example." in anna.messages
    examine(anna)
    anna.follow("#logout-form button")

    anna.go("/admin/sites/site/?q=roma")
    assert is_at(anna, "/admin/login/")
    examine(anna)
    anna.follow("a:text-is('Sign in with Google')")
    assert page.url == f"{server.url}/admin/sites/site/?q=roma"
    anna.go("/admin/account/")
    assert "in the panel with Google" in page.inner_text("#content")

    # Each of the server's processes has keys of its own.
    api = Client(server)
    tokens = [google.id_token(jti=str(number)) for number in range(8)]
    assert [api.post("/api/auth/google", {"id_token": token}).status_code for token in tokens] == [200] * 8
    assert google.certificate_requests <= 2

    log = server.log.read_text()
    assert "/admin/google/callback/" in log
    for secret in (
        *tokens,
        CLIENT_SECRET,
        google.token_requests[-1]["code"],
        google.token_requests[-1]["code_verifier"],
    ):
        assert secret not in log

    anna.follow("a:text-is('Unlink')")
    examine(anna)
    anna.follow("input[type=submit]")
    assert "No Google account is linked to yours now." in anna.messages
    assert api.post("/api/auth/google", {"id_token": google.id_token(jti="later")}).json()["code"] == "access_unknown"


def test_a_stranger_and_somebody_who_cancels_see_why_they_are_not_in(anna: PanelUser, google: FakeGoogle) -> None:
    anna.go("/admin/login/")
    google.person = Person("999", "stranger@gmail.example", "A Stranger")
    anna.follow("a:text-is('Sign in with Google')")
    assert "This Google account is not known here" in anna.page.inner_text("main")
    examine(anna)
    google.person = None
    anna.go("/admin/login/")
    anna.follow("a:text-is('Sign in with Google')")
    assert is_at(anna, "/admin/login/")
    assert "You cancelled at Google." in anna.messages
    examine(anna)
