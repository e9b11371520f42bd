"""A file is applied as a whole, once, by the admin who uploaded it; it never overwrites a change since its preview."""

import csv
from io import StringIO
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Admin
from audit.actors import Actor
from audit.models import Event
from conftest import Register, RegisteredSite, SignIn
from panel.sites.imports.tests.importing import IMPORT, NEW, apply, lines, messages, results, upload
from panel.tests.screen import browser_of
from sites.imports.errors import ImportNotFound
from sites.imports.services import apply_import
from sites.models import Site, SiteImport, SiteKey, SitePulse


def everything() -> list[Any]:
    tables = (Site, SiteKey, SitePulse, Event)
    return [list(model.objects.order_by("pk").values()) for model in tables]


def names() -> set[str]:
    return set(Site.objects.values_list("name", flat=True))


def test_changes_and_registrations_are_written_with_one_event_each(anna: Admin, register: Register) -> None:
    roma, same = register(name="Roma"), register(name="Same")
    browser = browser_of(anna)
    header = "site_id,name,owner_name,contact_email,timezone,license_expires_at,is_active"
    rows = [
        f"{roma.site_id},Osteria Roma,,,Europe/Rome,2031-01-01T01:00:00+01:00,FALSE",
        f"{same.site_id},Same,,,,,",
        ",Napoli,Nino,nino@napoli.example,,2040-01-01T00:00:00Z,",
    ]
    upload(browser, lines(header, *rows), name="spring.csv")
    before = Event.objects.count()
    answer = apply(browser, reason="closed")
    assert answer.status_code == 200
    stored = Site.objects.get(pk=roma.site_id)
    assert (stored.name, stored.owner_name, stored.timezone, stored.is_active) == (
        "Osteria Roma",
        "Giulia",
        "Europe/Rome",
        False,
    )
    assert stored.license_expires_at.isoformat() == "2031-01-01T00:00:00+00:00"
    assert Site.objects.get(pk=same.site_id).revision == 1
    updated, registered = Event.objects.order_by("sequence")[before:]
    assert (updated.action, updated.source, updated.actor_name) == ("site.updated", "admin", "anna")
    assert (updated.reason, registered.reason) == ("import spring.csv: closed", "import spring.csv")
    assert updated.changes["name"] == ["Roma", "Osteria Roma"]
    assert set(updated.changes) == {"name", "timezone", "license_expires_at", "is_active"}
    assert (registered.action, registered.subject_name, registered.source) == ("site.registered", "Napoli", "admin")
    assert registered.changes["license_expires_at"] == [None, "2040-01-01T00:00:00Z"]


def test_new_keys_are_shown_once_and_work(anna: Admin) -> None:
    browser = browser_of(anna)
    upload(browser, lines(NEW, "=Cmd,B,c@d.example", "Zwei,B,c@d.example"))
    answer = apply(browser)
    assert "no-store" in answer.headers["Cache-Control"]
    table = list(csv.DictReader(StringIO(answer.context["text"], newline="")))
    assert [row["name"] for row in table] == ["'=Cmd", "Zwei"]
    page = answer.content.decode()
    for row in table:
        assert page.count(row["secret_key"]) == 2
        site = RegisteredSite(row["site_id"], row["secret_key"])
        assert site.call_home().status_code == 200
    started = SiteImport.objects.get()
    for again in (apply(browser, started), browser.get(f"{IMPORT}{started.pk}/"), browser.get(IMPORT)):
        assert b"psk_" not in again.content
    assert Site.objects.count() == 2


def test_a_file_sent_twice_is_applied_once(anna: Admin, roma: RegisteredSite) -> None:
    browser = browser_of(anna)
    upload(browser, lines("site_id," + NEW, f"{roma.site_id},Renamed,,", ",Neu,B,c@d.example"))
    apply(browser)
    once = everything()
    second = apply(browser)
    assert messages(second) == ["This file was applied already; nothing was written a second time"]
    assert "1 changed, 1 registered" in second.content.decode()
    assert everything() == once


def test_the_stored_rows_are_deleted_when_they_are_applied(anna: Admin) -> None:
    upload(browser_of(anna), lines(NEW, "A,B,c@d.example"))
    apply(browser_of(anna))
    started = SiteImport.objects.get()
    assert (started.rows, started.registered, started.changed) == (None, 1, 0)
    assert started.applied_at is not None


def test_a_file_with_one_bad_row_cannot_be_applied(anna: Admin, roma: RegisteredSite) -> None:
    browser = browser_of(anna)
    upload(browser, lines("site_id," + NEW, f"{roma.site_id},Renamed,,", ",Neu,B,nobody"))
    before = everything()
    assert messages(apply(browser)) == ["Nothing was written: the file has rows that are refused"]
    assert everything() == before
    assert SiteImport.objects.get().applied_at is None


def change_site(api: APIClient, site: RegisteredSite, how: str) -> None:
    answers = {
        "locked": lambda: api.post(f"{site.path}/lock", {"reason": "unpaid"}),
        "renamed": lambda: api.patch(site.path, {"name": "By somebody else"}),
        "extended": lambda: api.post(f"{site.path}/extend", {"days": 3}),
        "rotated": lambda: api.post(f"{site.path}/rotate-key", {}),
        "deregistered": lambda: api.delete(site.path),
    }
    assert answers[how]().status_code < 300


@pytest.mark.parametrize("how", ["locked", "renamed", "extended", "rotated", "deregistered"])
def test_a_site_changed_since_the_preview_stops_the_whole_file(
    how: str, anna: Admin, api: APIClient, register: Register
) -> None:
    first, second = register(name="First"), register(name="Second")
    browser = browser_of(anna)
    rows = [f"{first.site_id},One,,", f"{second.site_id},Two,,", ",Neu,B,c@d.example"]
    upload(browser, lines("site_id," + NEW, *rows))
    change_site(api, second, how)
    before = everything()
    answer = apply(browser)
    assert messages(answer)[0].startswith("Nothing was written. Changed since the preview: Second (line 3).")
    assert everything() == before
    assert apply(browser).status_code == 200, "the second attempt is answered the same"
    assert everything() == before


def test_heartbeats_and_changes_of_unchanged_sites_do_not_stop_the_file(
    anna: Admin, api: APIClient, register: Register
) -> None:
    mine, unchanged = register(name="Mine"), register(name="Unchanged")
    browser = browser_of(anna)
    upload(browser, lines("site_id,name", f"{mine.site_id},New name", f"{unchanged.site_id},Unchanged"))
    mine.call_home()
    api.post(f"{unchanged.path}/lock", {"reason": "unpaid"})
    assert messages(apply(browser)) == ["Import applied."]
    assert names() == {"New name", "Unchanged"}
    assert Site.objects.get(name="Unchanged").is_locked
    assert Site.objects.get(name="New name").pulse.version == "1.0.0"


def test_an_import_never_touches_a_lock(anna: Admin, api: APIClient, roma: RegisteredSite) -> None:
    api.post(f"{roma.path}/lock", {"reason": "unpaid"})
    browser = browser_of(anna)
    upload(browser, lines("site_id,name,is_locked,lock_reason", f"{roma.site_id},Renamed,false,"))
    apply(browser)
    site = Site.objects.get()
    assert (site.name, site.is_locked, site.lock_reason) == ("Renamed", True, "unpaid")


def test_a_row_that_fails_rolls_back_the_whole_file(
    anna: Admin, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database refuses the last new site, after all other rows were written."""
    roma = register(name="Roma")
    browser = browser_of(anna)
    browser.raise_request_exception = False
    upload(browser, lines("site_id," + NEW, f"{roma.site_id},Renamed,,", ",Neu,B,c@d.example", ",Last,B,c@d.example"))
    before = everything()
    usual = Site.save

    def save(site: Site, **options: Any) -> None:
        if site.name == "Last":
            site.search_text = ""
        usual(site, **options)

    monkeypatch.setattr(Site, "save", save)
    with pytest.raises(IntegrityError):
        apply(browser_of(anna))
    assert everything() == before
    started = SiteImport.objects.get()
    assert (started.applied_at, len(started.rows)) == (None, 3)
    monkeypatch.undo()
    apply(browser)
    assert names() == {"Renamed", "Neu", "Last"}


def test_an_admin_cannot_see_or_apply_the_upload_of_another(anna: Admin) -> None:
    other = Admin.objects.create_user("otto", "otto@vendor.example", "correct horse battery", role="sysadmin")
    upload(browser_of(anna), lines(NEW, "A,B,c@d.example"))
    started = SiteImport.objects.get()
    browser = browser_of(other)
    assert browser.get(f"{IMPORT}{started.pk}/").status_code == 404
    assert apply(browser, started).status_code == 404
    with pytest.raises(ImportNotFound):
        apply_import(started.pk, by=Actor(Event.Source.ADMIN, other), at=timezone.now())
    assert Site.objects.count() == 0


def test_an_admin_who_is_no_longer_sysadmin_cannot_apply(anna: Admin) -> None:
    browser = browser_of(anna)
    upload(browser, lines(NEW, "A,B,c@d.example"))
    Admin.objects.filter(pk=anna.pk).update(role="support")
    assert apply(browser).status_code == 403
    assert Site.objects.count() == 0


def test_imported_sites_are_found_by_search(anna: Admin, roma: RegisteredSite, signed_in: SignIn) -> None:
    browser = browser_of(anna)
    upload(browser, lines("site_id," + NEW, f"{roma.site_id},Ünique,,", ",Örtlich,B,c@d.example"))
    apply(browser)
    api = signed_in(anna)
    assert [api.get(f"/api/sites?search={term}").json()["count"] for term in ("ÜNIQUE", "örtlich")] == [1, 1]


def test_two_hundred_keys_stay_below_the_size_of_a_page(anna: Admin) -> None:
    browser = browser_of(anna)
    upload(browser, lines(NEW, *(f"{'Ö' * 60} {number},B,c@d.example" for number in range(200))))
    answer = apply(browser)
    assert Site.objects.count() == 200
    assert len(answer.content) < 300_000


def test_the_last_page_of_a_large_file_applies_all_of_it(anna: Admin) -> None:
    browser = browser_of(anna)
    upload(browser, lines(NEW, *(f"Site {number},B,c@d.example" for number in range(60))))
    started = SiteImport.objects.get()
    assert len(results(browser.get(f"{IMPORT}{started.pk}/?page=2"))) == 10
    browser.post(f"{IMPORT}{started.pk}/?page=2")
    assert Site.objects.count() == 60


@pytest.mark.parametrize("facts", [{"rows": None}, {"rows": [], "applied_at": True}])
def test_the_database_keeps_rows_until_they_are_applied_and_no_longer(facts: dict[str, Any], anna: Admin) -> None:
    at = timezone.now()
    if "applied_at" in facts:
        facts = facts | {"applied_at": at}
    with pytest.raises(IntegrityError, match="siteimport_rows_until_applied"), transaction.atomic():
        SiteImport.objects.create(admin=anna, created_at=at, file_name="x.csv", **facts)
