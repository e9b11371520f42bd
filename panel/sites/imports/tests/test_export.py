"""Sites as CSV: the values of the API, safe in a spreadsheet, streamed."""

import csv
import tracemalloc
import uuid
from io import StringIO
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Admin
from conftest import Register, RegisteredSite
from panel.sites.imports import export
from panel.tests.screen import browser_of
from sites.imports.columns import NOT_EXPORTED
from sites.models import Site, SiteKey, SitePulse

LIST = "/admin/sites/site/"
EXPORT = "/admin/sites/site/export.csv"


def read(answer: Any) -> list[dict[str, str]]:
    text = b"".join(answer.streaming_content).decode("utf-8")
    assert text.startswith("\ufeff")
    return list(csv.DictReader(StringIO(text[1:], newline=""), strict=True))


def as_text(value: Any) -> str:
    return {None: "", True: "true", False: "false"}.get(value, str(value))


def many_sites(number: int) -> None:
    at = timezone.now()
    sites = [
        Site(
            site_id=uuid.UUID(int=each + 1),
            name=f"Site {each}",
            owner_name="Owner",
            contact_email="a@b.example",
            license_expires_at=at,
            search_text=f"site {each}",
        )
        for each in range(number)
    ]
    Site.objects.bulk_create(sites, batch_size=1_000)
    SitePulse.objects.bulk_create((SitePulse(site=site) for site in sites), batch_size=1_000)


def test_a_row_has_the_values_of_the_api(anna: Admin, api: APIClient, register: Register) -> None:
    conti = api.post("/api/organizations", {"name": "Conti", "slug": "conti"}).json()["id"]
    seen, locked = register(name="Osteria, “Roma”\u00fc", organization_id=conti), register(name="Locked")
    register(name="Never seen", timezone="Europe/Rome")
    seen.call_home(version="2.0")
    api.post(f"{locked.path}/lock", {"reason": "unpaid\ninvoice 118"})
    expected = {site["site_id"]: site for site in api.get("/api/sites").json()["results"]}
    rows = read(browser_of(anna).get(EXPORT))
    assert [row["site_id"] for row in rows] == sorted(expected)
    for row in rows:
        assert row.pop("deregistered_at") == ""
        facts = expected[row["site_id"]]
        assert row.pop("organization") == ("conti" if facts["organization_id"] else "")
        for left_out in NOT_EXPORTED:
            facts.pop(left_out)
        assert list(row) == sorted(facts, key=lambda name: name == "contact_phone"), "the newest column is the last"
        assert row == {name: as_text(value) for name, value in facts.items()}


def test_an_export_contains_no_keys_or_digests(anna: Admin, roma: RegisteredSite) -> None:
    text = b"".join(browser_of(anna).get(EXPORT).streaming_content).decode()
    key = SiteKey.objects.get()
    assert roma.site_id in text
    assert not any(secret in text for secret in (roma.key, key.digest, key.hint, key.hint[1:], "psk_"))


def test_an_export_has_a_dated_file_name_and_is_not_cached(anna: Admin, roma: RegisteredSite) -> None:
    answer = browser_of(anna).get(EXPORT)
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="sites-{timezone.now():%Y-%m-%d}.csv"'
    assert "no-store" in answer.headers["Cache-Control"]


def test_the_link_exports_what_filters_and_search_match(anna: Admin, api: APIClient, register: Register) -> None:
    register(name="Alpha")
    wanted = register(name="Beta", owner_name="Berta")
    api.post(f"{wanted.path}/lock", {"reason": "unpaid"})
    gone = register(name="Gone")
    api.delete(gone.path)
    browser = browser_of(anna)
    page = browser.get(LIST + "?is_locked__exact=1&q=berta").content.decode()
    link = page.partition(f'href="{EXPORT}')[2].partition('"')[0].replace("&amp;", "&")
    assert [row["name"] for row in read(browser.get(EXPORT + link))] == ["Beta"]
    assert {row["name"] for row in read(browser.get(EXPORT))} == {"Alpha", "Beta"}
    deregistered = read(browser.get(EXPORT + "?registration=deregistered"))
    assert [(row["name"], bool(row["deregistered_at"])) for row in deregistered] == [("Gone", True)]


@pytest.mark.parametrize("query", ["is_locked__exact=maybe&e=2", "zone=%00", "version=a%00", "q=%00"])
def test_a_url_with_an_unknown_filter_leads_back_to_the_list(anna: Admin, query: str) -> None:
    assert browser_of(anna).get(f"{EXPORT}?{query}").status_code == 302


def test_the_action_exports_the_selected(ben: Admin, register: Register) -> None:
    one, _, three = (register(name=name) for name in ("One", "Two", "Three"))
    form = {"action": "export_csv", "index": "0", "_selected_action": [one.site_id, three.site_id]}
    assert {row["name"] for row in read(browser_of(ben).post(LIST, form))} == {"One", "Three"}


def test_select_all_across_pages_exports_any_number(anna: Admin) -> None:
    many_sites(1_001)
    form = {"action": "export_csv", "index": "0", "select_across": "1", "_selected_action": [uuid.UUID(int=1)]}
    assert len(read(browser_of(anna).post(LIST, form))) == 1_001


@pytest.mark.parametrize("rows", [0, 1, 9, 10, 11, 20, 35])
def test_each_site_is_exported_once_wherever_the_chunks_end(
    rows: int, anna: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "ROWS_AT_ONCE", 10)
    many_sites(rows)
    assert [row["name"] for row in read(browser_of(anna).get(EXPORT))] == [f"Site {each}" for each in range(rows)]


def test_each_chunk_is_one_query(anna: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit on a statement's time applies to each chunk, and a transaction pooler can be used."""
    monkeypatch.setattr(export, "ROWS_AT_ONCE", 10)
    many_sites(35)
    answer = browser_of(anna).get(EXPORT)
    with CaptureQueriesContext(connection) as queries:
        assert len(read(answer)) == 35
    assert len(queries) == 4
    assert all("LIMIT 10" in query["sql"] and "DECLARE" not in query["sql"] for query in queries)


@pytest.mark.slow
def test_the_memory_of_an_export_does_not_grow_with_the_file(anna: Admin) -> None:
    many_sites(12_000)
    answer = browser_of(anna).get(EXPORT)
    sizes = []
    tracemalloc.start()
    size = 0
    for chunk in answer.streaming_content:
        size += len(chunk)
        sizes.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.reset_peak()
    tracemalloc.stop()
    assert len(sizes) == 1 + 12_000 // export.ROWS_AT_ONCE
    assert size > 1_500_000
    assert sizes[-1] < sizes[2] * 1.3
