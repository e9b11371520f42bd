"""An import that ends, shortens or deactivates licences shows these rows, and asks for what the operations ask for."""

from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Admin
from audit.actors import Actor
from audit.models import Event
from common.errors import InvalidInput
from conftest import Register, RegisteredSite
from panel.sites.imports.tests.importing import apply, lines, messages, results, upload
from panel.tests.screen import browser_of
from sites.imports.services import apply_import
from sites.models import Site, SiteImport

HEADER = "site_id,name,license_expires_at,is_active"
ENDS = "2030-01-01T00:00:00Z"


def counted(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (",2020-01-01T00:00:00Z,", "The licence will have ended."),
        (",2029-12-31T23:59:59Z,", "The licence will end earlier."),
        (",,false", "The site will be inactive."),
        (",2020-01-01T00:00:00Z,false", "The site will be inactive. The licence will have ended."),
    ],
)
def test_a_row_that_takes_a_licence_away_is_marked_counted_and_needs_a_reason(
    cells: str, words: str, anna: Admin, register: Register
) -> None:
    roma, other = (register(name=name, license_expires_at=ENDS) for name in ("Roma", "Other"))
    browser = browser_of(anna)
    page = upload(browser, lines(HEADER, f"{other.site_id},Renamed,,", f"{roma.site_id},{cells}"))
    assert results(page) == ["change", "change"]
    assert [each["row"].name for each in page.context["rows"]] == ["Roma", "Other"], "the marked rows come first"
    assert counted(page).count(words) == 1
    assert "1 takes a licence away" in counted(page)
    assert "Each restaurant is told at its next heartbeat." in counted(page)
    assert 'class="destructive" value="Apply"' in counted(page)
    refused = apply(browser)
    assert "This field is required." in counted(refused)
    assert Site.objects.filter(name="Renamed").count() == 0
    assert messages(apply(browser, reason="contract ended")) == ["Import applied."]
    reasons = dict(Event.objects.filter(action="site.updated").values_list("subject_name", "reason"))
    assert reasons == {"Roma": "import sites.csv: contract ended", "Renamed": "import sites.csv"}


@pytest.mark.parametrize("cells", ["Renamed,,", ",2031-01-01T00:00:00Z,", ",,true", f",{ENDS},"])
def test_a_row_that_takes_nothing_away_needs_no_reason(cells: str, anna: Admin, register: Register) -> None:
    roma = register(license_expires_at=ENDS)
    browser = browser_of(anna)
    page = upload(browser, lines(HEADER, f"{roma.site_id},{cells}"))
    assert "licence away" not in counted(page)
    assert 'name="reason"' not in counted(page)
    assert "destructive" not in counted(page)
    apply(browser)
    assert SiteImport.objects.get().applied_at or results(page) == ["unchanged"]


def test_more_than_ten_such_rows_are_confirmed_by_typing_their_number(anna: Admin, register: Register) -> None:
    sites = [register(name=f"Site {number}", license_expires_at=ENDS) for number in range(11)]
    browser = browser_of(anna)
    page = upload(browser, lines(HEADER, *(f"{site.site_id},,,false" for site in sites)))
    assert "11 take a licence away" in counted(page)
    assert "Type 11 to confirm" in counted(page)
    for typed in ("", "10"):
        answer = apply(browser, reason="closed", typed_count=typed)
        assert "Type 11 to confirm." in counted(answer)
        assert "closed" in counted(answer), "the reason is not lost"
    assert Site.objects.filter(is_active=False).count() == 0
    apply(browser, reason="closed", typed_count="11")
    assert Site.objects.filter(is_active=False).count() == 11


def test_ten_such_rows_need_no_number(anna: Admin, register: Register) -> None:
    sites = [register(name=f"Site {number}", license_expires_at=ENDS) for number in range(10)]
    browser = browser_of(anna)
    page = upload(browser, lines(HEADER, *(f"{site.site_id},,,false" for site in sites)))
    assert "to confirm" not in counted(page)
    apply(browser, reason="closed")
    assert Site.objects.filter(is_active=False).count() == 10


def test_the_service_itself_requires_the_reason(anna: Admin, roma: RegisteredSite) -> None:
    upload(browser_of(anna), lines(HEADER, f"{roma.site_id},,,false"))
    started = SiteImport.objects.get()
    for reason in ("", "  ", "x" * 201, "\0"):
        with pytest.raises(InvalidInput) as refused:
            apply_import(started.pk, reason=reason, by=Actor(Event.Source.ADMIN, anna), at=timezone.now())
        assert refused.value.field == "reason"
    assert Site.objects.get().is_active


def test_the_longest_reason_is_recorded_whole(anna: Admin, roma: RegisteredSite) -> None:
    name = "n" * 251 + ".csv"
    browser = browser_of(anna)
    upload(browser, lines(HEADER, f"{roma.site_id},,,false"), name=name)
    apply(browser, reason="r" * 200)
    newest = Event.objects.newest_first().first()
    assert newest is not None
    assert newest.reason == f"import {name}: {'r' * 200}"
