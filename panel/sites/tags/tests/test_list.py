"""Tags in the list of sites: shown in the rows, and a filter that finds them with every order and other filter."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Admin
from audit.actors import COMMAND
from conftest import Register
from panel.tests.screen import LIST, browser_of
from sites.services import add_tags, deregister_site, lock_site, remove_tags

AddSite = Callable[..., Any]


@pytest.fixture
def browser(vera: Admin) -> Client:
    return browser_of(vera)


@pytest.fixture
def add_site(register: Register) -> AddSite:
    def add(name: str, *tags: str) -> Any:
        site = register(name=name)
        add_tags(site.site_id, tags=tags, by=COMMAND, at=timezone.now())  # type: ignore[arg-type]
        return site

    return add


@pytest.fixture
def tagged(add_site: AddSite, api: Any) -> None:
    bari = add_site("Bari", "pilot", "north")
    bari.call_home()
    capri = add_site("Capri", "pilot")
    add_site("Aosta", "pilot")
    add_site("Dover", "south 🏝")
    add_site("Elba")
    gone = add_site("Fano", "pilot")
    lock_site(capri.site_id, reason="unpaid", by=COMMAND, at=timezone.now())
    deregister_site(gone.site_id, by=COMMAND, at=timezone.now())


def names(page: Any) -> str:
    return " ".join(site.name for site in page.context["cl"].result_list)


@pytest.mark.usefixtures("tagged")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("tag=pilot", "Capri Aosta Bari"),
        ("tag=PILOT", "Capri Aosta Bari"),
        ("tag=pilot&o=1", "Aosta Bari Capri"),
        ("tag=pilot&o=-1", "Capri Bari Aosta"),
        ("tag=pilot&o=3", "Aosta Bari Capri"),
        ("tag=pilot&o=4", "Bari Aosta Capri"),
        ("tag=pilot&status=online", "Bari"),
        ("tag=pilot&is_locked__exact=1", "Capri"),
        ("tag=pilot&q=bar", "Bari"),
        ("tag=pilot&registration=all&o=1", "Aosta Bari Capri Fano"),
        ("tag=pilot&registration=deregistered", "Fano"),
        ("tag=south+%F0%9F%8F%9D", "Dover"),
        ("tag=unknown", ""),
        ("tag='; DROP TABLE sites_sitetag; --", ""),
        ("tag=%25s", ""),
    ],
)
def test_the_filter_finds_the_sites_of_a_tag(browser: Client, query: str, expected: str) -> None:
    page = browser.get(f"{LIST}?{query}")
    shown = names(page)
    if "o=3" in query or "o=4" in query:
        shown, expected = " ".join(sorted(shown.split())), " ".join(sorted(expected.split()))
    assert (shown, page.context["cl"].result_count) == (expected, len(expected.split()))


@pytest.mark.usefixtures("tagged")
def test_each_row_shows_its_tags_and_escapes_them(browser: Client, add_site: AddSite) -> None:
    add_site("Genoa", "<script>alert(1)</script>")
    page = browser.get(f"{LIST}?o=1").content.decode()
    assert page.count('<li class="tag">') == 6
    assert '<li class="tag">north</li><li class="tag">pilot</li>' in page
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


@pytest.mark.usefixtures("tagged")
def test_the_filter_offers_the_tags_that_there_are(browser: Client, add_site: AddSite) -> None:
    def offered(query: str = "") -> list[str]:
        specs = {spec.parameter_name: spec for spec in browser.get(LIST + query).context["cl"].filter_specs}
        return [value for value, _ in specs["tag"].lookup_choices]

    site = add_site("Pisa", "last")
    assert offered() == ["last", "north", "pilot", "south 🏝"]
    remove_tags(site.site_id, tags=["last"], by=COMMAND, at=timezone.now())
    assert offered() == ["north", "pilot", "south 🏝"]
    assert offered("?tag=Gone") == ["gone", "north", "pilot", "south 🏝"], "what was asked for stands among them"


def test_without_tags_the_list_is_as_before(browser: Client, register: Register) -> None:
    register(name="Alone")
    page = browser.get(LIST).content.decode()
    assert "Alone" in page
    assert 'class="tags"' not in page
