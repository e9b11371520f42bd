"""Each fixed view of the list says how many sites it has."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Admin
from panel.sites.list import view_counts
from panel.tests.estates import create_sites, every_kind
from panel.tests.screen import LIST, browser_of
from sites.attention import sites_needing_attention
from sites.models import Site

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(vera: Admin) -> Client:
    return browser_of(vera)


@pytest.fixture
def estate(db: None) -> None:
    create_sites(list(every_kind()))


def deregister_five() -> None:
    five = sites_needing_attention(at=timezone.now())[:5]
    Site.objects.filter(pk__in=[site.pk for site in five]).update(deregistered_at=timezone.now())


def shown_counts(page: Any) -> dict[str, int]:
    found = re.findall(r'<a href="\?view=(\w+)"[^>]*>[^<]+<span class="count">([\d,]+)</span>', page.content.decode())
    return {view: int(count.replace(",", "")) for view, count in found}


@pytest.mark.usefixtures("estate")
def test_the_counts_are_those_of_the_views(browser: Client) -> None:
    counts = shown_counts(browser.get(LIST))
    assert counts.keys() == {"attention", "ending", "locked"}
    for view, count in counts.items():
        assert browser.get(f"{LIST}?view={view}").context["cl"].result_count == count > 10
    assert shown_counts(browser.get(f"{LIST}?status=online&q=clone")) == counts, "whatever the list shows"


@pytest.mark.usefixtures("estate")
def test_what_needs_attention_is_not_counted_on_each_page(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view_counts, "FEW_SITES", 10)
    before = shown_counts(browser.get(LIST))
    deregister_five()
    assert shown_counts(browser.get(LIST))["attention"] == before["attention"], "as it was counted before"
    view = shown_counts(browser.get(f"{LIST}?view=attention"))
    assert view["attention"] == before["attention"] - 5, "counted anyway"
    browser.get("/admin/")
    assert shown_counts(browser.get(LIST))["attention"] == before["attention"] - 5, "the dashboard has counted"


@pytest.mark.usefixtures("estate")
@pytest.mark.parametrize(("few_sites", "kept_for"), [(10_000, "KEPT_FOR_FEW"), (10, "KEPT_FOR")])
def test_it_is_counted_again_after_a_while(
    browser: Client, monkeypatch: pytest.MonkeyPatch, few_sites: int, kept_for: str
) -> None:
    monkeypatch.setattr(view_counts, "FEW_SITES", few_sites)
    monkeypatch.setattr(view_counts, kept_for, timedelta(0))
    before = shown_counts(browser.get(LIST))
    deregister_five()
    assert shown_counts(browser.get(LIST))["attention"] == before["attention"] - 5


@pytest.mark.usefixtures("estate")
def test_a_kept_count_spares_the_pulses() -> None:
    view_counts.view_counts(at=timezone.now())
    with CaptureQueriesContext(connection) as queries:
        view_counts.view_counts(at=timezone.now())
    assert [query["sql"] for query in queries if "sites_sitepulse" in query["sql"]] == []
