"""An admin's way through the panel's doors, in Chromium: first sign-in, second factors, recovery, sessions."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyotp
import pytest
from playwright.sync_api import Browser

from tests.browser import PanelUser, open_window
from tests.databases import prepared_postgresql
from tests.running_server import ADMIN, PASSWORD, Client, RunningServer

pytestmark = [pytest.mark.e2e, pytest.mark.slow(seconds=40)]

NORA, CHOSEN = "nora", "kept in my own head 12"
# Links change their colour in a transition, and axe-core measures contrast.


class NamedServer(RunningServer):
    """Called by a name: no browser lets a security key answer for an address."""

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, postgres_url: str) -> Iterator[RunningServer]:
    folder: Path = tmp_path_factory.mktemp("two-factor")
    settings = {"ALLOWED_HOSTS": "localhost", "REQUIRE_TWO_FACTOR": "true"}
    running = NamedServer(prepared_postgresql(postgres_url, folder), folder, settings=settings)
    running.start()
    yield running
    running.stop()


class Person(PanelUser):
    """Somebody with a browser and an authenticator app; each page that they see is examined."""

    app: pyotp.TOTP
    used: str = ""

    def examine(self) -> None:
        assert self.findings() == [], self.page.url

    def submit(self) -> None:
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")

    def is_at(self, path: str) -> bool:
        return self.page.url.removeprefix(self.server.url).partition("?")[0] == path

    def give_password(self, username: str, password: str) -> None:
        self.go("/admin/")
        self.page.fill("#id_username", username)
        self.page.fill("#id_password", password)
        self.submit()

    def give_code(self, code: str) -> None:
        self.page.fill("#id_code", code)
        self.submit()

    def fresh_code(self) -> str:
        """One that was not used: as the app shows it after a while, without the while."""
        forget = "from accounts.models import TotpDevice; TotpDevice.objects.update(last_step=0)"
        done = self.server.manage("shell", "-v", "0", "-c", forget)
        assert done.returncode == 0, done.stderr
        self.used = self.app.now()
        return self.used

    def read_secret(self) -> None:
        self.app = pyotp.TOTP(self.page.inner_text("#totp-secret").replace(" ", ""))

    def sign_out(self) -> None:
        self.follow("#logout-form button")


def person(browser: Browser, server: RunningServer) -> Person:
    return Person(server, open_window(browser, server).page)


def virtual_key(someone: Person) -> None:
    """Chromium's own stand-in for a key in the USB port."""
    devtools = someone.page.context.new_cdp_session(someone.page)
    devtools.send("WebAuthn.enable")
    facts = {"protocol": "ctap2", "transport": "usb", "hasResidentKey": False, "hasUserVerification": False}
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": {**facts, "automaticPresenceSimulation": True}})


def make_nora(server: RunningServer, browser: Browser) -> str:
    """The first sysadmin enrols, as the runbook says, and makes an admin. Returns the link's path."""
    anna = person(browser, server)
    anna.give_password(ADMIN, PASSWORD)
    assert anna.is_at("/admin/account/authenticator-app/add/")
    anna.read_secret()
    anna.page.fill("#id_code", anna.app.now())
    anna.page.fill("#id_password", PASSWORD)
    anna.submit()
    anna.go("/admin/accounts/admin/add/")
    for name, value in {"username": NORA, "email": "nora@vendor.example"}.items():
        anna.page.fill(f"#id_{name}", value)
    anna.page.select_option("#id_role", "support")
    anna.follow("input[name=_save]")
    anna.examine()
    link = anna.page.inner_text("#password-link")
    assert anna.complaints == []
    return link.removeprefix(server.url)


def api_login(server: RunningServer, password: str = CHOSEN, **more: Any) -> Any:
    return Client(server).post("/api/auth/login", {"username": NORA, "password": password, **more})


def chooses_a_password(nora: Person, link: str) -> None:
    """By the link that was handed over."""
    nora.go(link)
    nora.examine()
    for name in ("new_password1", "new_password2"):
        nora.page.fill(f"#id_{name}", CHOSEN)
    nora.submit()
    assert nora.is_at("/admin/login/")
    nora.examine()
    nora.give_password(NORA, CHOSEN)


def must_set_up_a_second_factor(nora: Person) -> list[str]:
    """Before anything else; the recovery codes."""
    page, server = nora.page, nora.server
    assert nora.is_at("/admin/account/authenticator-app/add/")
    assert api_login(server).json()["code"] == "two_factor_required"
    nora.examine()
    nora.go("/admin/sites/site/")
    assert nora.is_at("/admin/account/authenticator-app/add/")
    nora.read_secret()
    page.fill("#id_code", nora.app.now())
    page.fill("#id_password", CHOSEN)
    nora.submit()
    nora.examine()
    codes = page.locator(".recovery-codes code").all_inner_texts()
    assert len(codes) == 10
    nora.follow("a:text-is('I have saved them')")
    nora.examine()
    assert "10 of 10 left" in page.inner_text("#content")
    assert codes[0] not in page.content()
    return codes


def signs_in_by_codes(nora: Person, codes: list[str]) -> None:
    """Signing in takes both from now on, and each code once."""
    page = nora.page
    nora.sign_out()
    nora.give_password(NORA, CHOSEN)
    assert nora.is_at("/admin/login/second-factor/")
    nora.examine()
    nora.give_code(nora.fresh_code())
    assert nora.is_at("/admin/")
    nora.sign_out()
    nora.give_password(NORA, CHOSEN)
    nora.give_code(nora.used)
    assert "Wrong or already used code" in page.inner_text("#content")
    nora.examine()
    nora.give_code(codes[0])
    assert nora.is_at("/admin/")
    nora.sign_out()
    nora.give_password(NORA, CHOSEN)
    nora.give_code(codes[0])
    assert nora.is_at("/admin/login/second-factor/"), "a recovery code is good for once"
    nora.give_code(codes[1])


def signs_in_by_a_security_key(nora: Person, code: str) -> None:
    page = nora.page
    virtual_key(nora)
    nora.go("/admin/account/security-keys/add/")
    nora.examine()
    page.fill("#id_name", "blue key")
    page.fill("#id_password", CHOSEN)
    page.fill("#id_present_code", code)
    nora.follow("[data-webauthn-start]")
    assert "The security key is set up" in nora.messages
    assert "“blue key”" in page.inner_text("#content")
    nora.examine()
    nora.sign_out()
    nora.give_password(NORA, CHOSEN)
    nora.examine()
    nora.follow("[data-webauthn-start]")
    assert nora.is_at("/admin/")


def ends_a_session_elsewhere(nora: Person, elsewhere: Person, code: str) -> None:
    page = nora.page
    elsewhere.give_password(NORA, CHOSEN)
    elsewhere.give_code(code)
    nora.go("/admin/account/")
    assert page.locator(".sign-ins button[aria-label^='Sign out']").count() == 1
    nora.examine()
    nora.follow(".sign-ins button[aria-label^='Sign out']")
    assert "That browser is signed out" in nora.messages
    elsewhere.go("/admin/")
    assert elsewhere.is_at("/admin/login/")


def signs_in_at_the_api(nora: Person) -> None:
    server = nora.server
    assert api_login(server).status_code == 401
    token = api_login(server, otp=nora.fresh_code())
    assert token.status_code == 200
    assert api_login(server, otp=nora.used).status_code == 401
    me = Client(server, Authorization=f"Bearer {token.json()['access']}").get("/api/auth/me")
    assert me.json()["username"] == NORA


def test_from_the_first_sign_in_to_the_end_of_a_foreign_session(browser: Browser, server: RunningServer) -> None:
    link = make_nora(server, browser)
    nora, elsewhere = person(browser, server), person(browser, server)
    chooses_a_password(nora, link)
    codes = must_set_up_a_second_factor(nora)
    signs_in_by_codes(nora, codes)
    signs_in_by_a_security_key(nora, codes[3])
    ends_a_session_elsewhere(nora, elsewhere, codes[2])
    signs_in_at_the_api(nora)
    for path in ("authenticator-app/remove/", "recovery-codes/", "authenticator-app/add/"):
        nora.go(f"/admin/account/{path}")
        nora.examine()
    assert nora.complaints == []
    assert elsewhere.complaints == []

    log = server.log.read_text()
    for secret in (nora.app.secret, *codes, link, CHOSEN):
        assert secret not in log
    assert re.search(r'"message": "nora added a security key"', log)
