"""The result of an operation on many sites says live how far it has come, what is missing first."""

import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Admin
from conftest import Clock, Register
from panel.sites.results.progress import count_sentence, progress_of
from panel.sites.results.tests.operated import NONCE, beat, operate, three
from sites.models import Site, SitePulse

pytestmark = pytest.mark.any_database

QUERIES = 6  # session, admin, the mark in the header, the report, that of its undo, the sites


def test_each_site_goes_from_not_delivered_over_delivered_to_applied(
    anna: Admin, register: Register, clock: Clock
) -> None:
    sites = three(register)
    for site in sites:
        beat(site, 1, "ok")
    result = operate(anna, "lock", sites)
    assert "3 of 3 locked. Applied 0, not delivered yet 3." in result.text
    due = timezone.localtime(SitePulse.objects.get(site=sites[0].site_id).due_at)
    assert result.rows["Site 0"] == f"Locked. Not delivered yet: at its next heartbeat, by {due:%H:%M} UTC"
    clock.move(seconds=5)
    beat(sites[0], 1, "ok")
    beat(sites[1], 1, "ok")
    assert "Applied 0, delivered 2, not delivered yet 1." in result.text
    assert result.rows["Site 1"] == "Locked. Delivered 12:00:05 UTC, not applied yet"
    clock.move(seconds=1)
    beat(sites[1], 2, "locked")
    assert "Applied 1, delivered 1, not delivered yet 1." in result.text
    assert list(result.rows) == ["Site 2", "Site 0", "Site 1"], "what is missing first"
    assert result.rows["Site 1"] == "Locked. Applied 12:00:06 UTC (locked)"


def test_the_page_refreshes_itself_until_all_have_applied_and_nothing_can_be_undone(
    anna: Admin, register: Register, clock: Clock
) -> None:
    sites = three(register)
    for site in sites:
        beat(site, 1, "ok")
    result = operate(anna, "lock", sites)
    assert 'data-live-seconds="3"' in result.html
    clock.move(minutes=6)
    assert "data-live-seconds" not in result.html, "as often as other pages"
    assert "data-live-done" not in result.html
    for site in sites:
        beat(site, 2, "locked")
    assert "data-live-done" not in result.html, "it can still be undone"
    clock.move(minutes=5)
    assert "data-live-done" in result.html
    assert "Applied 3." in result.text


def test_what_cannot_be_known_is_said(anna: Admin, register: Register, clock: Clock) -> None:
    silent, plain, never = three(register)
    beat(silent, 1, "ok")
    plain.call_home(nonce=NONCE)
    SitePulse.objects.filter(site=silent.site_id).update(due_at=clock() + timedelta(minutes=30))
    result = operate(anna, "lock", (silent, plain, never))
    assert result.rows["Site 1"].startswith("Locked. Not told yet: at its next heartbeat, by ")
    assert result.rows["Site 2"] == "Locked. Not told yet: at its first heartbeat"
    clock.move(minutes=50)
    plain.call_home(nonce=NONCE)
    assert "Applied 0, unknown 1, without receipts 2." in result.text
    assert result.rows["Site 0"] == "Locked. Unknown since its last heartbeat at 12:00 UTC"
    assert result.rows["Site 1"] == "Locked. Told at 12:50 UTC; its agent reports nothing more"


def test_a_site_that_was_changed_since_is_not_counted_as_applied(
    anna: Admin, api: APIClient, register: Register
) -> None:
    sites = three(register)
    for site in sites:
        beat(site, 1, "ok")
    result = operate(anna, "lock", sites)
    api.post(f"{sites[0].path}/unlock")
    beat(sites[0], 3, "ok")
    assert "Applied 0, not delivered yet 2, changed since 1." in result.text
    assert result.rows["Site 0"].startswith("Locked. Changed again at ")


def test_what_no_site_is_told_of_has_no_progress(anna: Admin, register: Register) -> None:
    sites = three(register)
    for site in sites:
        beat(site, 1, "ok")
    assert operate(anna, "add_tags", sites, tags="pilot").answer.context["progress"] == ""
    assert operate(anna, "deregister", sites).answer.context["progress"] == ""


@pytest.mark.django_db
def test_two_thousand_sites_are_counted_in_one_statement() -> None:
    at = timezone.now()
    facts = {"owner_name": "x", "contact_email": "x@x.example", "search_text": "x", "license_expires_at": at}
    sites = [Site(name=f"Site {each}", created_at=at, updated_at=at, revision=2, **facts) for each in range(2000)]
    Site.objects.bulk_create(sites)
    late = {"last_seen_at": at - timedelta(hours=6), "due_at": at + timedelta(minutes=1)}
    SitePulse.objects.bulk_create(
        SitePulse(site=site, lease_revision=2, applied_revision=1 + each % 2, applied_state="ok", **late)
        for each, site in enumerate(sites)
    )
    results = [
        {"site_id": str(site.pk), "kind": "done", "told": "told", "revision": 2, "name": site.name} for site in sites
    ]
    results.append({"site_id": str(uuid.uuid4()), "kind": "refused", "name": "refused"})
    with CaptureQueriesContext(connection) as queries:
        sentence = count_sentence(progress_of(results, at=at))
    assert sentence == "Applied 1,000, delivered 1,000."
    assert len(queries) == 1


def test_the_page_needs_as_many_queries_for_few_sites_as_for_many(anna: Admin, register: Register) -> None:
    def cost(number: int) -> int:
        result = operate(anna, "lock", sites[:number], reason=str(number))
        with CaptureQueriesContext(connection) as queries:
            assert "not delivered yet" in result.text
        return len(queries)

    sites = tuple(register(name=f"Site {number}") for number in range(8))
    for site in sites:
        beat(site, 1, "ok")
    assert cost(2) == cost(8) == QUERIES
