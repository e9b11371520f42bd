"""The page on which a restaurant unsubscribes, in a real browser: on a phone, without script."""

import pytest
from playwright.sync_api import Browser

from tests.browser import open_window
from tests.running_server import RunningServer, register

pytestmark = pytest.mark.e2e

PATH_OF = """
from django.urls import reverse
from alerts.customer_notices.tokens import subscriber_of, token_of
from sites.models import Site
print(reverse("unsubscribe", args=[token_of(subscriber_of(Site.objects.get(pk="{site_id}")))]))
"""


@pytest.fixture(scope="module")
def path(race_server: RunningServer) -> str:
    site = register(race_server.sign_in(), race_server, name="Osteria di lungo nome con vino e cucina")
    shown = race_server.manage("shell", "-c", PATH_OF.format(site_id=site.site_id), "--verbosity=0")
    return shown.stdout.strip()


def test_it_works_on_a_phone_without_script(browser: Browser, race_server: RunningServer, path: str) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.goto(race_server.url + path)
    assert "Osteria di lungo nome" in page.inner_text("h1")
    page.click("button")
    assert page.inner_text("h1") == "You have unsubscribed"
    page.goto(race_server.url + path)
    assert page.inner_text("h1") == "You have unsubscribed"
    page.click("button")
    assert page.inner_text("button") == "Unsubscribe"
    context.close()


def test_it_is_readable_and_asks_nobody_else(browser: Browser, race_server: RunningServer, path: str) -> None:
    person = open_window(browser, race_server)
    person.go(path)
    assert person.findings() == []
    person.page.click("button")
    assert person.findings() == []
    assert person.complaints == []
    person.go(path[:-1] + "!")  # a 404, which Chromium writes into its console
    assert person.findings() == []
