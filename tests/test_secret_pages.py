"""The other pages that show a secret once, in a real browser: nothing of it is left for the way back."""

from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import Browser

from tests.browser import PanelUser, open_window
from tests.running_server import PASSWORD, RunningServer
from tests.test_key_page import travel

pytestmark = pytest.mark.e2e

NAME = "zoe"


@pytest.fixture(scope="module")
def server(race_server: RunningServer) -> RunningServer:
    arguments = ("createsuperuser", "--noinput", f"--username={NAME}", "--email=zoe@vendor.example")
    done = race_server.manage(*arguments, DJANGO_SUPERUSER_PASSWORD=PASSWORD)
    assert done.returncode == 0, done.stderr
    return race_server


def nothing_is_left(person: PanelUser, *secrets: str) -> None:
    """Neither by the script, should the browser keep the page, nor on any way back."""
    page = person.page
    assert all(secret in page.content() for secret in secrets)
    page.evaluate("dispatchEvent(new Event('pagehide'))")
    assert not any(secret in page.content() for secret in secrets)
    person.go("/admin/")
    for way in ("go_back", "go_forward", "go_back"):
        travel(page, way)
        assert not any(secret in page.content() for secret in secrets), way


def test_the_keys_of_an_import(browser: Browser, server: RunningServer, tmp_path: Path) -> None:
    person = open_window(browser, server)
    person.sign_in(NAME)
    file = tmp_path / "new.csv"
    file.write_text("name,owner_name,contact_email\r\nForgetful,F,f@x.example\r\n", encoding="utf-8")
    person.go("/admin/sites/site/import/")
    person.page.set_input_files("#id_file", file)
    person.follow("input[type=submit]")
    person.follow("input[value=Apply]")
    page = person.page
    nothing_is_left(
        person, page.inner_text(".secret-key"), str(page.get_attribute("#download-keys", "href")).partition(",")[2]
    )


def test_the_token_of_a_script(browser: Browser, server: RunningServer) -> None:
    person = open_window(browser, server)
    person.sign_in(NAME)
    person.go("/admin/account/tokens/add/")
    person.page.fill("#id_name", "nightly report")
    person.page.check("input[value='sites.view_site']")
    person.follow("input[value='Make the token']")
    nothing_is_left(person, person.page.inner_text("#personal-token"))


def test_the_secret_of_an_app_and_the_recovery_codes(browser: Browser, server: RunningServer) -> None:
    person = open_window(browser, server)
    page = person.page
    person.sign_in(NAME)
    person.go("/admin/account/authenticator-app/add/")
    nothing_is_left(person, page.inner_text("#totp-secret"), page.inner_html(".qr-frame"))
    person.go("/admin/account/authenticator-app/add/")
    secret = page.inner_text("#totp-secret")
    page.fill("#id_code", pyotp.TOTP(secret.replace(" ", "")).now())
    page.fill("#id_password", PASSWORD)
    person.follow(".submit-row input[type=submit]")
    nothing_is_left(person, *page.locator(".recovery-codes code").all_inner_texts())
