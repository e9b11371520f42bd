"""The list of events: rows in the words of the timeline, the filter by time, and the export."""

import csv
import json
import re
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Admin
from audit.actors import COMMAND, Actor
from audit.models import Event
from audit.services import Subject, record_event
from conftest import RegisteredSite
from panel.tests.screen import browser_of
from sites.imports.formulas import escape_formulas

PAGE = "/admin/audit/event/"
EXPORT = f"{PAGE}export.csv"


def rows(browser: Client, query: str = "") -> list[str]:
    html = browser.get(f"{PAGE}?{query}").content.decode()
    found = re.search(r'<ol class="event-rows">(.+?)</ol>', html, re.DOTALL)
    return [words(row) for row in re.findall(r"<li>(.+?)</li>", found[1], re.DOTALL)] if found else []


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def exported(browser: Client, query: str = "") -> list[dict[str, str]]:
    answer: Any = browser.get(f"{EXPORT}?{query}")
    assert answer.status_code == 200
    text = b"".join(answer.streaming_content).decode()
    assert text[0] == "\ufeff"
    return list(csv.DictReader(StringIO(text[1:])))


@pytest.mark.any_database
def test_a_row_says_who_did_what_to_which_site_and_what_changed(anna: Admin, roma: RegisteredSite, api: Any) -> None:
    api.patch(roma.path, {"owner_name": "Giulia Bianchi"})
    html = browser_of(anna).get(PAGE).content.decode()
    row = rows(browser_of(anna))[0]
    assert re.search(r"Edited : Trattoria Roma by anna \(sysadmin\) over the API from 127\.0\.0\.1", row)
    assert re.search(r"Owner .+ → became Giulia Bianchi", row)
    assert f'<a href="/admin/sites/site/{roma.site_id}/change/">Trattoria Roma</a>' in html
    assert f'by <a href="/admin/accounts/admin/{anna.pk}/change/">anna</a>' in html


@pytest.mark.any_database
def test_the_list_costs_the_same_for_many_events(anna: Admin, roma: RegisteredSite) -> None:
    browser = browser_of(anna)

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert browser.get(PAGE).status_code == 200
        return len(queries)

    few = cost()
    for number in range(20):
        event_at(number, by=anna)
    assert cost() == few


def event_at(hours_ago: float, *, by: Admin | None = None) -> None:
    record_event(
        "site.locked",
        subject=Subject("site", str(hours_ago), f"{hours_ago} hours ago"),
        by=Actor(Event.Source.ADMIN, by) if by else COMMAND,
        at=timezone.now() - timedelta(hours=hours_ago),
    )


@pytest.mark.parametrize(
    ("begin", "end", "number"),
    [(None, None, 3), (0, None, 1), (3, None, 2), (None, 3, 2), (10, 3, 2), (None, 20, 0), (3, 3, 1)],
)
def test_the_events_of_some_days(begin: int | None, end: int | None, number: int, anna: Admin) -> None:
    """Events of today, of three and of ten days ago; both days are included."""
    for days in (0, 3, 10):
        event_at(24 * days)
    today = timezone.localdate()
    query = "&".join(
        f"{name}={today - timedelta(days=days)}" for name, days in (("from", begin), ("until", end)) if days is not None
    )
    assert len(rows(browser_of(anna), query)) == number


def test_a_day_begins_at_midnight_in_the_zone_of_the_viewer(anna: Admin) -> None:
    event_at(0)
    event = Event.objects.get()
    kiritimati = (event.at + timedelta(hours=14)).date()
    browser = browser_of(anna)
    browser.cookies["zone"] = "Pacific/Kiritimati"
    assert len(rows(browser, f"from={kiritimati}&until={kiritimati}")) == 1
    assert rows(browser, f"from={kiritimati + timedelta(days=1)}") == []


@pytest.mark.parametrize("query", ["from=yesterday", "until=9999-12-31", "from=0001-01-01", "from=2026-02-30"])
def test_what_is_no_date_shows_nothing(query: str, anna: Admin) -> None:
    event_at(0)
    assert rows(browser_of(anna), query) == []
    assert "No events match." in browser_of(anna).get(f"{PAGE}?{query}").content.decode()


@pytest.mark.parametrize(("words", "days"), [("Today", 0), ("Last 7 days", 6), ("Last 30 days", 29)])
def test_a_preset_begins_so_many_days_before_today(words: str, days: int, anna: Admin) -> None:
    """Today is one of the days."""
    begin = timezone.localdate() - timedelta(days=days)
    html = browser_of(anna).get(f"{PAGE}?source=command&until=2026-01-01").content.decode()
    [query] = re.findall(rf'<a href="([^"]+)">{words}</a>', html)
    assert sorted(query.removeprefix("?").split("&amp;")) == [f"from={begin}", "source=command"]
    chosen = browser_of(anna).get(f"{PAGE}?from={begin}").content.decode()
    assert re.findall(r'<a href="[^"]*" aria-current="true">([^<]+)</a>', chosen)[0] == words


@pytest.mark.any_database
def test_a_row_about_something_new_shows_its_values_alone(anna: Admin, roma: RegisteredSite) -> None:
    row = rows(browser_of(anna))[0]
    assert "Registered : Trattoria Roma" in row
    assert re.search(r"Name Trattoria Roma\b", row)
    assert "became" not in row


def test_the_columns_of_the_stock_list_cannot_order_the_rows(anna: Admin) -> None:
    """No index has another order."""
    for hours in (1, 3, 2):
        event_at(hours)
    for order in ("0", "-0", "1"):
        assert [row.split(" : ")[1][:1] for row in rows(browser_of(anna), f"o={order}")] == ["2", "3", "1"]


def test_the_form_for_dates_keeps_the_other_filters(anna: Admin) -> None:
    for number in range(101):
        event_at(number)
    html = browser_of(anna).get(f"{PAGE}?source=command&q=ago&from=2026-01-01&p=2").content.decode()
    form = re.search(r'<form method="get" class="other-value period">(.+?)</form>', html, re.DOTALL)
    assert form
    assert re.findall(r'name="(\w+)" value="([^"]*)"', form[1]) == [
        ("source", "command"),
        ("q", "ago"),
        ("from", "2026-01-01"),
        ("until", ""),
    ]


def test_the_export_has_the_events_of_the_filters_and_is_an_event_itself(anna: Admin, ben: Admin) -> None:
    event_at(0, by=ben)
    event_at(48)
    today = timezone.localdate()
    assert exported(browser_of(anna), f"from={today}&source=admin&action=nonsense&q=hours") == []
    [row] = exported(browser_of(anna), f"from={today}&source=admin&actor={ben.pk}&q=hours")
    assert (row["action"], row["actor_name"], row["source"], row["subject_name"]) == (
        "site.locked",
        "ben",
        "admin",
        "0 hours ago",
    )
    events = Event.objects.filter(action="event_list.exported").order_by("sequence")
    assert [event.changes for event in events] == [
        {"exported_events": [None, 0], "filters": [None, f"from={today}, source=admin, a search"]},
        {"exported_events": [None, 1], "filters": [None, f"from={today}, source=admin, actor={ben.pk}, a search"]},
    ]
    assert {event.actor_name for event in events} == {"anna"}
    assert "Exported : the list of events by anna" in rows(browser_of(anna))[0]


def test_the_export_holds_each_event_once_newest_first(anna: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("panel.events.export.ROWS_AT_ONCE", 2)
    monkeypatch.setattr("panel.events.export.EVENTS_AT_ONCE", 3)
    for hours in range(10):
        event_at(hours)
    names = [row["subject_name"] for row in exported(browser_of(anna), "action=site.locked")]
    assert names == [f"{hours} hours ago" for hours in reversed(range(10))]
    assert Event.objects.get(action="event_list.exported").changes["exported_events"] == [None, 10]


def test_no_statement_of_an_export_reads_more_than_a_part(anna: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    """Except those of the list, which count up to a bound, and read one page."""
    monkeypatch.setattr("panel.events.export.EVENTS_AT_ONCE", 3)
    for hours in range(10):
        event_at(hours)
    with CaptureQueriesContext(connection) as queries:
        assert len(exported(browser_of(anna), "q=ago")) == 10
    reading = [query["sql"] for query in queries if "subject_name" in query["sql"] and "LIKE" in query["sql"]]
    parts = [sql for sql in reading if re.search(r'"sequence" > +-?\d+ AND .*"sequence" <= \d+', sql)]
    newest = Event.objects.order_by("-sequence")[1].sequence  # before the event of the export
    assert len(parts) == 2 * -(-newest // 3), "one that counts and one that reads for each part"
    assert all("LIMIT" in sql for sql in reading if sql not in parts)


def test_the_export_holds_the_changes_and_no_formula(anna: Admin) -> None:
    record_event(
        "site.locked",
        subject=Subject("site", 1, "=1+1"),
        by=COMMAND,
        at=timezone.now(),
        reason="@SUM(A1)",
        changes={"name": ("Café; -20%", "=2+2"), "owner_name": ("a;=1+1\t=2", "\\;+3")},
    )
    [row] = exported(browser_of(anna), "action=site.locked")
    assert (row["subject_name"], row["reason"]) == ("'=1+1", "'@SUM(A1)")
    assert json.loads(row["changes"]) == {"name": ["Café; -20%", "=2+2"], "owner_name": ["a;=1+1\t=2", "\\;+3"]}
    assert escape_formulas(row["changes"]) == row["changes"]


def test_an_export_of_all_events_counts_what_is_in_the_file(anna: Admin) -> None:
    """Without the event of the export itself."""
    event_at(0)
    event_at(1)
    for number in (2, 3):
        assert len(exported(browser_of(anna))) == number
        newest = Event.objects.order_by("-sequence")[0]
        assert newest.changes["exported_events"] == [None, number]


@pytest.mark.parametrize(("name", "allowed"), [("anna", True), ("ben", True), ("vera", False)])
def test_who_may_export_sites_may_export_events(name: str, allowed: bool, request: pytest.FixtureRequest) -> None:
    browser = browser_of(request.getfixturevalue(name))
    assert ("Export CSV" in browser.get(PAGE).content.decode()) is allowed
    assert (browser.get(EXPORT).status_code == 200) is allowed
    assert Event.objects.filter(action="event_list.exported").exists() is allowed


@pytest.mark.parametrize("query", ["q=%00", "subject_name__startswith=x"])
def test_a_refused_export_is_no_event(query: str, anna: Admin) -> None:
    browser = browser_of(anna)
    browser.raise_request_exception = False
    assert browser.get(f"{EXPORT}?{query}").status_code in (302, 400)
    assert not Event.objects.exists()
