"""A site that calls far more often than it is told to is shown in the list, on its page and on the dashboard."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Admin
from conftest import Register, RegisteredSite
from heartbeat.tests.calls import NOON, call_at
from panel.dashboard.tests.test_attention import lines
from panel.dashboard.tests.test_dashboard import browser_of, page
from sites.call_rate import most_calls_a_day
from sites.models import SitePulse

pytestmark = pytest.mark.any_database

HOUR = timedelta(hours=1)
BADGE = "calls too often"


def calls_a_day(site: RegisteredSite) -> float:
    return float(SitePulse.objects.values_list("recent_calls", flat=True).get(pk=site.site_id) or 0)


def call_every(site: RegisteredSite, pause: timedelta, *, times: int) -> None:
    for number in range(times):
        call_at(site, NOON + number * pause)


def call_now(site: RegisteredSite, times: int) -> None:
    """Calls of the last hours, spread so that no limit is reached."""
    for number in range(times):
        call_at(site, timezone.now() - (times - number) * timedelta(seconds=2))


def shown(admin: Admin, path: str) -> str:
    return str(browser_of(admin).get(path).content.decode())


def test_a_site_that_calls_as_told_calls_four_times_a_day(roma: RegisteredSite) -> None:
    call_every(roma, 6 * HOUR, times=40)
    assert 4 < calls_a_day(roma) < 5


def test_a_site_that_calls_every_hour_calls_24_times_a_day(roma: RegisteredSite) -> None:
    call_every(roma, HOUR, times=120)
    assert 24 < calls_a_day(roma) < 25


def test_calls_of_days_ago_no_longer_count(roma: RegisteredSite) -> None:
    call_every(roma, timedelta(seconds=2), times=30)
    call_at(roma, NOON + timedelta(days=10))
    assert 1 <= calls_a_day(roma) < 1.01
    call_at(roma, NOON + timedelta(days=4_000))
    assert calls_a_day(roma) == 1


def test_ten_times_as_many_calls_as_expected_are_too_many(settings: Any) -> None:
    assert most_calls_a_day() == 40
    settings.HEARTBEAT_INTERVAL = HOUR
    assert most_calls_a_day() == 240
    settings.HEARTBEAT_INTERVAL = timedelta(days=7)
    assert most_calls_a_day() == 40


@pytest.mark.parametrize(("times", "too_often"), [(40, False), (42, True)])
def test_the_list_the_page_and_the_dashboard_agree(
    vera: Admin, roma: RegisteredSite, times: int, too_often: bool
) -> None:
    call_now(roma, times)
    site_page = shown(vera, f"/admin/sites/site/{uuid.UUID(roma.site_id)}/change/")
    assert (BADGE in shown(vera, "/admin/sites/site/")) is too_often
    assert (BADGE in site_page) is too_often
    assert ("About 42 calls in the last day, where 4 are expected." in site_page) is too_often
    assert (BADGE in page(vera)) is too_often


def test_the_dashboard_says_how_often_it_calls(vera: Admin, roma: RegisteredSite) -> None:
    call_now(roma, 50)
    assert lines(page(vera)) == [
        "▲ calls too often Trattoria Roma About 50 calls in the last day, where 4 are expected. just now"
    ]


def test_a_site_that_stopped_calling_is_shown_as_offline_alone(vera: Admin, roma: RegisteredSite) -> None:
    call_now(roma, 50)
    long_ago = timezone.now() - timedelta(days=3)
    SitePulse.objects.update(last_seen_at=long_ago, due_at=long_ago + HOUR)
    assert BADGE not in shown(vera, "/admin/sites/site/")
    assert [line.split()[1] for line in lines(page(vera))] == ["offline"]


def test_it_costs_no_query(vera: Admin, register: Register, roma: RegisteredSite) -> None:
    counts = []
    for site in (roma, register(name="Napoli"), register(name="Milano")):
        call_now(site, 50)
        page(vera)
        with CaptureQueriesContext(connection) as queries:
            page(vera)
        counts.append(len(queries))
    assert len(set(counts)) == 1
