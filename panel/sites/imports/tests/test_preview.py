"""The preview shows the expected result of each row, by the rules of the API, and writes nothing."""

import json
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Admin
from audit.models import Event
from conftest import Register, RegisteredSite
from panel.sites.imports.tests.importing import IMPORT, NEW, lines, problems, refusal, results, upload
from panel.tests.screen import browser_of
from sites.models import Site, SiteImport

pytestmark = pytest.mark.any_database

UNKNOWN_ID = "0b6f4c1e-6d0f-4f0e-9d53-3a3c1f5d2b11"


@pytest.fixture
def stored() -> object:
    """Reads what a preview must not change: the sites and the number of events."""
    return lambda: (list(Site.objects.order_by("pk").values()), Event.objects.count())


def test_each_row_has_a_result_and_nothing_is_written(anna: Admin, roma: RegisteredSite, register, stored) -> None:
    milano = register(name="Milano")
    before = stored()
    answer = upload(
        browser_of(anna),
        lines(
            "site_id,name,owner_name,contact_email",
            f"{roma.site_id},Trattoria Roma,,",
            f"{milano.site_id},Osteria Milano,,milano@new.example",
            ",Napoli,Nino,nino@napoli.example",
        ),
    )
    assert answer.status_code == 200
    assert results(answer) == ["change", "register", "unchanged"]
    page = answer.content.decode()
    assert "<del>Milano</del> → <ins>Osteria Milano</ins>" in page
    assert "<ins>Napoli</ins>" in page
    assert 'value="Apply"' in page
    assert {(result, number) for result, number, _ in answer.context["counts"]} == {
        ("refused", 0),
        ("change", 1),
        ("register", 1),
        ("unchanged", 1),
    }
    assert stored() == before


def test_a_time_is_shown_in_the_viewers_zone(anna: Admin, register: Register) -> None:
    site = register(license_expires_at="2030-01-01T00:00:00Z")
    browser = browser_of(anna)
    browser.cookies["zone"] = "Europe/Berlin"
    answer = upload(browser, lines("site_id,license_expires_at", f"{site.site_id},2031-06-30T23:30:00Z"))
    assert "2030-01-01 01:00 CET" in answer.content.decode()
    assert "2031-07-01 01:30 CEST" in answer.content.decode()


WRONG = [
    ("name", ""),
    ("name", "x" * 201),
    ("name", "two\nlines"),
    ("owner_name", "x" * 201),
    ("contact_email", "nobody"),
    ("contact_email", "a" * 250 + "@b.example"),
    ("timezone", "Europe/Atlantis"),
    ("license_expires_at", "2026-12-31"),
    ("license_expires_at", "0001-01-01T00:00:00+23:59"),
]


@pytest.mark.parametrize(("column", "value"), WRONG)
def test_the_import_refuses_what_the_api_refuses_with_the_same_words(
    column: str, value: str, anna: Admin, api: APIClient, roma: RegisteredSite
) -> None:
    facts = {"name": "Roma", "owner_name": "G", "contact_email": "g@x.example", column: value}
    answer = api.post("/api/sites", facts)
    assert answer.status_code == 400
    row = ",".join(f'"{cell}"' for cell in facts.values())
    shown = upload(browser_of(anna), lines(",".join(facts), row, "ok,ok,ok@x.example" + "," * (len(facts) - 3)))
    [(line, blamed, why)] = problems(shown)
    assert (line, blamed) == (2, column)
    reasons = answer.json()["errors"]
    assert all(reason["detail"] in why for reason in reasons) or (value == "" and "required" in why)
    assert 'value="Apply"' not in shown.content.decode()


@pytest.mark.parametrize(("column", "value"), [each for each in WRONG if each[1]])
def test_a_changed_row_obeys_the_rules_of_an_edit(
    column: str, value: str, anna: Admin, api: APIClient, roma: RegisteredSite
) -> None:
    reasons = api.patch(roma.path, {column: value}).json()["errors"]
    shown = upload(browser_of(anna), lines(f"site_id,{column}", f'{roma.site_id},"{value}"'))
    [(line, blamed, why)] = problems(shown)
    assert (line, blamed) == (2, column)
    assert all(reason["detail"] in why for reason in reasons)


def test_booleans_may_be_written_as_a_spreadsheet_writes_them(anna: Admin, roma: RegisteredSite) -> None:
    for cell, result in {"TRUE": "unchanged", "true": "unchanged", "False": "change", "yes": "refused"}.items():
        answer = upload(browser_of(anna), lines("site_id,is_active", f"{roma.site_id},{cell}"))
        assert results(answer) == [result], cell


def test_a_new_site_cannot_be_inactive(anna: Admin) -> None:
    answer = upload(browser_of(anna), lines(NEW + ",is_active", "A,B,c@d.example,false", "A,B,c@d.example,true"))
    assert results(answer) == ["refused", "register"]
    assert problems(answer)[0][:2] == (2, "is_active")


def test_a_site_id_that_is_unknown_deregistered_malformed_or_repeated_is_refused(
    anna: Admin, api: APIClient, roma: RegisteredSite, register: Register
) -> None:
    gone, twice = register(name="Gone"), register(name="Twice")
    api.delete(gone.path)
    ids = [UNKNOWN_ID, gone.site_id, "12", twice.site_id, twice.site_id.upper(), roma.site_id]
    answer = upload(browser_of(anna), lines("site_id,owner_name", *(f"{each},Somebody" for each in ids)))
    assert [(line, column) for line, column, _ in problems(answer)] == [(n, "site_id") for n in range(2, 7)]
    whys = [why for *_, why in problems(answer)]
    assert "no such site" in whys[0]
    assert "Gone is deregistered" in whys[1]
    assert "Not the id" in whys[2]
    assert "line 6" in whys[3]
    assert "line 5" in whys[4]
    assert results(answer).count("change") == 1


def test_locks_and_other_columns_of_an_export_are_ignored_and_named(
    anna: Admin, api: APIClient, roma: RegisteredSite
) -> None:
    api.post(f"{roma.path}/lock", {"reason": "unpaid"})
    row = f"{roma.site_id},false,,offline,…abcd"
    answer = upload(browser_of(anna), lines("site_id,is_locked,lock_reason,status,key_hint", row))
    assert results(answer) == ["unchanged"]
    assert "is_locked, lock_reason, status, key_hint" in answer.content.decode()


def test_unknown_columns_are_named(anna: Admin) -> None:
    assert "Unknown: secret_key, Name." in refusal(upload(browser_of(anna), lines("name,secret_key,Name", "a,b,c")))


def test_lines_are_counted_as_an_editor_counts_them(anna: Admin) -> None:
    answer = upload(
        browser_of(anna),
        lines(NEW, '"quoted\r\nname",B,c@d.example', "", ",,", "A,B,nobody", "A,B"),
    )
    assert [(line, column) for line, column, _ in problems(answer)] == [(2, "name"), (6, "contact_email"), (7, "")]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_every_common_form_of_csv_is_read(end: str, delimiter: str, mark: bytes, anna: Admin) -> None:
    rows = [["contact_email", "name", "owner_name"], ["a@b.example", "Café, Köln", "Frau; Öz"]]
    text = end.join(delimiter.join(f'"{cell}"' for cell in row) for row in rows)
    answer = upload(browser_of(anna), mark + text.encode())
    assert results(answer) == ["register"]
    assert answer.context["rows"][0]["row"].after["name"] == "Café, Köln"
    assert answer.context["rows"][0]["row"].after["owner_name"] == "Frau; Öz"


def test_more_than_two_hundred_new_sites_are_refused(anna: Admin) -> None:
    answer = upload(browser_of(anna), lines(NEW, *(f"Site {n},B,c@d.example" for n in range(202))))
    assert [line for line, *_ in problems(answer)] == [202, 203]
    assert {why[:23] for *_, why in problems(answer)} == {"A file can register at "}


def test_more_than_a_thousand_rows_are_refused(anna: Admin) -> None:
    rows = [f"{UNKNOWN_ID},A" for _ in range(1_001)]
    assert "more than 1,000 rows" in refusal(upload(browser_of(anna), lines("site_id,name", *rows)))
    answer = upload(browser_of(anna), lines("site_id,name", *rows[1:]))
    assert answer.context["refused"] == 1_000
    assert len(answer.content) < 300_000
    assert len(answer.context["rows"]) == 50
    second = browser_of(anna).get(f"{IMPORT}{SiteImport.objects.get().pk}/?page=2")
    assert second.context["rows"][0]["row"].line == 52


def test_the_preview_needs_as_many_queries_for_few_rows_as_for_many(anna: Admin, register: Register) -> None:
    sites = [register(name=f"Site {number}") for number in range(40)]
    browser = browser_of(anna)
    upload(browser, lines(NEW, "A,B,c@d.example"))

    def cost(number: int) -> int:
        rows = [f"{site.site_id},Renamed,," for site in sites[:number]] + [",A,B,c@d.example"] * number
        with CaptureQueriesContext(connection) as queries:
            assert len(results(upload(browser, lines("site_id," + NEW, *rows)))) == min(50, 2 * number)
        return len(queries)

    assert cost(1) == cost(40) <= 13


@pytest.mark.parametrize("name", ["ben", "vera"])
def test_only_a_sysadmin_may_import(name: str, request: pytest.FixtureRequest, anna: Admin) -> None:
    upload(browser_of(anna), lines(NEW, "A,B,c@d.example"))
    started = SiteImport.objects.get()
    browser = browser_of(request.getfixturevalue(name))
    for path in (IMPORT, f"{IMPORT}template.csv", f"{IMPORT}{started.pk}/"):
        assert browser.get(path).status_code == browser.post(path).status_code == 403
    assert "Import CSV" not in browser.get("/admin/sites/site/").content.decode()
    assert Site.objects.count() == 0


def test_the_import_accepts_the_header_of_the_template(anna: Admin) -> None:
    browser = browser_of(anna)
    template = browser.get(f"{IMPORT}template.csv")
    assert template.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "no row below it" in refusal(upload(browser, template.content))
    assert template.content.decode("utf-8-sig").startswith(
        "site_id,name,owner_name,contact_email,contact_phone,timezone,"
    )


def test_files_that_were_not_applied_are_deleted_after_a_day(anna: Admin, capsys) -> None:
    browser = browser_of(anna)
    upload(browser, lines(NEW, "A,B,c@d.example"))
    SiteImport.objects.update(created_at=timezone.now() - timedelta(hours=25))
    upload(browser, lines(NEW, "D,E,f@g.example"))
    assert [row["name"] for row in SiteImport.objects.get().rows] == ["D"]
    SiteImport.objects.update(created_at=timezone.now() - timedelta(hours=23))
    call_command("prune")
    assert SiteImport.objects.exists()
    SiteImport.objects.update(created_at=timezone.now() - timedelta(hours=25))
    call_command("prune", "--json")
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["site_imports"] == 1
    assert not SiteImport.objects.exists()
