"""The list of heartbeats: names, answers in words, and filters by time, answer and site."""

import re
from datetime import timedelta
from urllib.parse import quote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Admin
from conftest import Clock, Register, RegisteredSite
from heartbeat.models import Heartbeat
from panel.heartbeats.filters import received_query
from panel.tests.screen import browser_of

LIST = "/admin/heartbeat/heartbeat/"


def rows(admin: Admin, query: str = "", zone: str = "UTC") -> list[str]:
    browser = browser_of(admin)
    browser.cookies["zone"] = zone
    html = browser.get(LIST + query).content.decode()
    body = html.partition("<tbody>")[2].partition("</tbody>")[0]
    return [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in body.split("</tr>")[:-1]]


def test_a_row_says_who_called_from_where_and_what_it_was_told(anna: Admin, roma: RegisteredSite) -> None:
    roma.call_home(version="2.1.0", uptime_seconds=7_500)
    (row,) = rows(anna)
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC Trattoria Roma 127\.0\.0\.1 2\.1\.0 2 hours, 5 minutes ● licensed", row
    ), row
    html = browser_of(anna).get(LIST).content.decode()
    assert f'href="/admin/sites/site/{roma.site_id}/change/"' in html


def test_a_page_costs_the_same_for_many_heartbeats(anna: Admin, register: Register) -> None:
    browser = browser_of(anna)

    def cost() -> int:
        for name in ("Roma", "Napoli"):
            register(name=name).call_home()
        with CaptureQueriesContext(connection) as queries:
            assert browser.get(LIST).status_code == 200
        return len(queries)

    # The session, the viewer, the mark in the header, the number of heartbeats, and the heartbeats with their sites.
    assert cost() == cost() == 5


def test_answers_are_found(anna: Admin, register: Register, clock: Clock) -> None:
    well, locked, expired = (register(name=name) for name in ("Well", "Locked", "Expired"))
    for site in (well, locked, expired):
        site.call_home()
    Heartbeat.objects.filter(site_id=locked.site_id).update(locked=True)
    Heartbeat.objects.filter(site_id=expired.site_id).update(licensed=False)
    for answer, name in (("service", "Well"), ("locked", "Locked"), ("unlicensed", "Expired")):
        (row,) = rows(anna, f"?answer={answer}")
        assert name in row
    assert rows(anna, "?answer=nonsense") == []


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata"])
def test_times_begin_with_the_first_and_end_before_the_last(
    anna: Admin, roma: RegisteredSite, clock: Clock, zone: str
) -> None:
    begin = timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
    for number, minutes in enumerate((-1, 0, 59, 60)):
        roma.call_home(version=f"{number}.0.0")
        newest = Heartbeat.objects.order_by("-id")[:1].get()
        Heartbeat.objects.filter(pk=newest.pk).update(received_at=begin + timedelta(minutes=minutes), due_at=None)
    local = timezone.localtime(begin, timezone.get_fixed_timezone(330) if zone == "Asia/Kolkata" else None)
    last = local + timedelta(hours=1)
    typed = f"?from={local:%Y-%m-%dT%H:%M}&until={last:%Y-%m-%dT%H:%M}"
    linked = f"?{received_query(begin, begin + timedelta(hours=1))}"
    for query in (typed, linked):
        assert [re.findall(r" (\d)\.0\.0 ", row) for row in rows(anna, query, zone)] == [["2"], ["1"]], query
    html = browser_of(anna).get(LIST + linked).content.decode()
    assert f'name="from" value="{begin:%Y-%m-%dT%H:%M}"' in html


@pytest.mark.parametrize("typed", ["yesterday", "9999-12-31", "0001-01-01", "2026-02-30", "2026-13-01T00:00"])
def test_what_is_no_time_finds_nothing(anna: Admin, roma: RegisteredSite, typed: str) -> None:
    roma.call_home()
    assert rows(anna, f"?from={quote(typed)}") == []
    assert rows(anna, f"?until={quote(typed)}") == []


def test_the_heartbeats_of_one_site_are_under_its_name(anna: Admin, register: Register) -> None:
    roma, kiel = register(name="Roma"), register(name="Kiel")
    roma.call_home()
    html = browser_of(anna).get(f"{LIST}?site__site_id__exact={kiel.site_id}").content.decode()
    assert "Heartbeats of Kiel" in html
    assert "No heartbeats" in html
    (row,) = rows(anna, f"?site__site_id__exact={roma.site_id}")
    assert "Roma" in row


def test_the_page_of_one_says_the_same_in_words(anna: Admin, roma: RegisteredSite) -> None:
    roma.call_home(version="2.1.0")
    html = browser_of(anna).get(f"{LIST}{Heartbeat.objects.get().pk}/change/").content.decode()
    assert "Next one due by" in html
    assert "licensed" in html
    assert "No." not in html


def test_of_all_sites_a_long_period_in_the_past_shows_its_last_day(anna: Admin, register: Register) -> None:
    roma, at = register(name="Roma"), timezone.now().replace(second=0, microsecond=0)
    for days in (1, 2, 4):
        roma.call_home(version=f"{days}.0.0")
        newest = Heartbeat.objects.order_by("-id")[:1].get()
        Heartbeat.objects.filter(pk=newest.pk).update(received_at=at - timedelta(days=days, minutes=-1), due_at=None)
    end = (at - timedelta(days=1)).isoformat()
    begin = (at - timedelta(days=5)).isoformat()

    def versions(query: str) -> list[str]:
        return [re.findall(r" (\d)\.0\.0 ", row)[0] for row in rows(anna, query)]

    for query in (f"?until={quote(end)}", f"?from={quote(begin)}&until={quote(end)}"):
        assert versions(query) == ["2"], query
        html = browser_of(anna).get(LIST + query).content.decode()
        assert f'name="from" value="{at - timedelta(days=2):%Y-%m-%dT%H:%M}"' in html
    assert versions(f"?from={quote(begin)}") == ["4", "2", "1"], "the newest that came first"
    assert versions(f"?until={quote(end)}&site__site_id__exact={roma.site_id}") == ["2", "4"]


@pytest.mark.parametrize(("query", "order"), [("", "id"), ("?from=2026-01-01", "id"), ("?until=2026-01-02", "time")])
def test_only_the_heartbeats_of_a_day_are_sorted_by_time(anna: Admin, query: str, order: str) -> None:
    found = browser_of(anna).get(LIST + query).context["cl"].queryset.query.order_by
    assert found[0] == {"id": "-id", "time": "-received_at"}[order]
