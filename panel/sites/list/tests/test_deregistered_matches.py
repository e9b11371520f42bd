"""A search says how many deregistered sites it would find, and leads to them."""

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Admin
from audit.actors import COMMAND
from conftest import Register
from panel.tests.screen import LIST, browser_of
from sites.services import deregister_site

pytestmark = pytest.mark.any_database


@pytest.fixture
def browser(vera: Admin) -> Client:
    return browser_of(vera)


@pytest.fixture
def former(register: Register) -> None:
    register(name="Roma Nord")
    for name in ("Roma Sud", "Roma Est", "Bari & Roma"):
        deregister_site(register(name=name).site_id, by=COMMAND, at=timezone.now())


def hint(page: Any) -> str:
    found = re.search(r'<p class="deregistered-matches">(.*?)</p>', page.content.decode(), re.DOTALL)
    return " ".join(re.sub("<[^>]+>", "", found[1]).split()) if found else ""


@pytest.mark.usefixtures("former")
@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("q=ROMA", "3 deregistered sites match: show them"),
        ("q=est", "1 deregistered site matches: show it"),
        ("q=nord", ""),
        ("q=+", ""),
        ("", ""),
        ("q=roma&registration=all", ""),
        ("q=roma&registration=deregistered", ""),
        ("q=roma&status=online&view=locked", "3 deregistered sites match: show them"),
    ],
)
def test_a_search_counts_the_deregistered_sites_that_match(browser: Client, query: str, words: str) -> None:
    assert hint(browser.get(f"{LIST}?{query}")) == words


@pytest.mark.usefixtures("former")
@pytest.mark.parametrize(("query", "found"), [("q=roma&status=online&p=2&o=1", 3), ("q=+Bari+%26+", 1)])
def test_the_link_finds_exactly_those(browser: Client, query: str, found: int) -> None:
    page = browser.get(f"{LIST}?{query}").content.decode()
    link = re.search(r'<p class="deregistered-matches">.*?href="([^"]+)"', page, re.DOTALL)
    assert link
    assert browser.get(LIST + unescape(link[1])).context["cl"].result_count == found
