"""Was a site there: the slots of its bar, its outages, the share of the time in which it was not offline."""

import itertools
import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from conftest import Register, RegisteredSite
from demo.services import backdate_demo_sites
from heartbeat.availability import Outage, availability, heartbeat_slots, outages, percent
from heartbeat.models import Heartbeat
from heartbeat.schedule import pace_of
from heartbeat.tests.calls import MICROSECOND, NOON, call_at
from heartbeat.tests.histories import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    Called,
    register_at,
    stretches_offline,
    write_history,
)
from sites.models import Site, SitePulse


def states(site: Site, *, at: datetime = NOW, **options: Any) -> list[str]:
    return [slot.state.value for slot in heartbeat_slots([site], at=at, **options)[site.pk]]


def called(ago: timedelta, promise: timedelta | None = 6 * HOUR) -> Called:
    at = NOW - ago
    return Called(at, promise and at + promise)


@pytest.fixture
def site(roma: RegisteredSite) -> Site:
    """Registered a year before NOW."""
    return register_at(uuid.UUID(roma.site_id), NOW - 365 * DAY)


# --- Against the model ---------------------------------------------------------------------------------------------

HISTORIES = st.lists(
    st.tuples(st.integers(1, 5000), st.none() | st.integers(1, 800)), max_size=30
)  # minutes since the call before, minutes until the next was due


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    history=HISTORIES,
    minutes_since_the_last=st.integers(0, 20_000),
    grace=st.sampled_from([0, 60, 300]),
    written_in_order=st.booleans(),
)
def test_all_of_it_is_as_if_status_had_been_asked_at_every_moment(
    site: Site, history: list[Any], minutes_since_the_last: int, grace: int, written_in_order: bool
) -> None:
    calls, moment = [], NOW - minutes_since_the_last * MINUTE
    for since_the_one_before, promise in reversed(history):
        calls.append(Called(moment, None if promise is None else moment + promise * MINUTE))
        moment -= since_the_one_before * MINUTE
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("django.conf.settings.HEARTBEAT_GRACE", grace * MINUTE)
        write_history(site.pk, calls[::-1] if written_in_order else calls)
        check_slots(site, calls)
        check_availability(site, calls)
        check_outages(site, calls)


def check_slots(site: Site, calls: list[Called]) -> None:
    for slot in heartbeat_slots([site], at=NOW)[site.pk]:
        inside = any(slot.starts_at < call.at <= slot.ends_at for call in calls)
        unheard = not any(call.at <= slot.ends_at for call in calls)
        offline = stretches_offline(site.pk, calls, slot.starts_at, slot.ends_at)
        assert slot.state == ("seen" if inside or not (unheard or offline) else "missed")


def check_availability(site: Site, calls: list[Called]) -> None:
    for days, share in availability(site, at=NOW).items():
        start = max(NOW - days * DAY, min((call.at for call in calls), default=NOW))
        gone = sum((end - begin for begin, end in stretches_offline(site.pk, calls, start, NOW)), timedelta())
        assert share == (1 - gone / (NOW - start) if start < NOW else None)


def check_outages(site: Site, calls: list[Called]) -> None:
    since = NOW - 30 * DAY
    expected = [
        Outage(begin, None if end == NOW and not any(call.at == NOW for call in calls) else end)
        for begin, end in stretches_offline(site.pk, calls, NOW - 365 * DAY, NOW)
        if end > since
    ]
    assert outages(site.pk, since=since, at=NOW) == expected[::-1]


# --- The promise ---------------------------------------------------------------------------------------------------


def test_the_history_keeps_when_the_site_was_told_to_call(roma: RegisteredSite) -> None:
    told = call_at(roma, NOON).next_heartbeat_seconds
    call_at(roma, NOON + HOUR)
    assert [row.due_at - row.received_at for row in Heartbeat.objects.all()] == [timedelta(seconds=told)] * 2


def test_the_promise_of_a_late_call_is_its_own(roma: RegisteredSite) -> None:
    call_at(roma, NOON)
    call_at(roma, NOON - HOUR)
    late = Heartbeat.objects.get(received_at=NOON - HOUR)
    assert late.due_at == NOON - HOUR + (SitePulse.objects.get().due_at - NOON)


def test_a_promise_before_the_call_is_refused_by_the_database(roma: RegisteredSite) -> None:
    call_at(roma, NOON)
    with pytest.raises(IntegrityError, match="heartbeat_due_after_received"), transaction.atomic():
        Heartbeat.objects.update(due_at=NOON)


def test_the_api_shows_what_the_contract_names_and_no_more(api: APIClient, roma: RegisteredSite) -> None:
    roma.call_home()
    (row,) = api.get(f"{roma.path}/heartbeats").json()["results"]
    assert list(row) == ["received_at", "ip", "version", "uptime_seconds", "licensed", "locked"]


# --- Slots ---------------------------------------------------------------------------------------------------------


def test_slots_follow_one_another_and_end_now(site: Site) -> None:
    row = heartbeat_slots([site], at=NOW)[site.pk]
    assert len(row) == 28
    assert row[-1].ends_at == NOW
    assert all(slot.ends_at - slot.starts_at == 6 * HOUR for slot in row)
    assert all(one.ends_at == following.starts_at for one, following in itertools.pairwise(row))


def test_a_site_that_calls_a_little_less_often_than_a_slot_is_long_misses_none(site: Site) -> None:
    pace = 6 * HOUR + 18 * MINUTE
    write_history(site.pk, [called(pace * number, pace) for number in range(40)])
    assert states(site) == ["seen"] * 28


def test_a_slot_without_a_call_is_missed_once_the_site_is_overdue(site: Site, settings: Any) -> None:
    settings.HEARTBEAT_GRACE = HOUR
    write_history(site.pk, [called(13 * HOUR, 6 * HOUR)])  # overdue since 6 hours
    assert states(site, slots=3) == ["seen", "seen", "missed"]
    write_history(site.pk, [called(13 * HOUR + MICROSECOND, 6 * HOUR)])
    assert states(site, slots=3) == ["seen", "missed", "missed"]


def test_a_call_ends_the_gap_in_its_own_slot(site: Site) -> None:
    write_history(site.pk, [called(32 * HOUR), called(HOUR)])
    assert states(site, slots=6) == ["seen", "missed", "missed", "missed", "missed", "seen"]


def test_the_promise_is_looked_up_however_long_ago_it_was_given(site: Site) -> None:
    write_history(site.pk, [called(80 * DAY, 78 * DAY)])
    assert states(site, slots=5) == ["missed"] * 5
    write_history(site.pk, [called(80 * DAY, 81 * DAY)])
    assert states(site, slots=5) == ["seen"] * 5


def test_a_site_that_was_never_seen_has_missed_all_since_its_registration(site: Site) -> None:
    assert states(site, slots=4) == ["missed"] * 4
    assert states(register_at(site.pk, NOW - 12 * HOUR), slots=4) == ["before", "before", "missed", "missed"]


def test_a_site_that_was_registered_an_hour_ago_may_still_call(site: Site) -> None:
    site = register_at(site.pk, NOW - HOUR)
    assert states(site, slots=3) == ["before", "before", "running"]
    write_history(site.pk, [called(MINUTE)])
    assert states(site, slots=3) == ["before", "before", "seen"]


def test_nothing_is_expected_of_a_site_that_was_deregistered(api: APIClient, roma: RegisteredSite, site: Site) -> None:
    write_history(site.pk, [called(20 * HOUR)])
    Site.objects.filter(pk=site.pk).update(deregistered_at=NOW - 14 * HOUR)
    site.refresh_from_db()
    assert states(site, slots=4) == ["seen", "seen", "before", "before"]
    assert availability(site, at=NOW) == {7: 1, 30: 1, 90: 1}
    assert outages(site.pk, since=NOW - DAY, at=NOW) == []
    Site.objects.filter(pk=site.pk).update(deregistered_at=NOW - 12 * HOUR)
    assert outages(site.pk, since=NOW - DAY, at=NOW) == [Outage(NOW - 13 * HOUR, NOW - 12 * HOUR)]
    assert outages(site.pk, since=NOW - 12 * HOUR, at=NOW) == []


def test_a_site_gone_for_longer_than_the_history_goes_back_is_still_known_to_be_gone(site: Site) -> None:
    write_history(site.pk, [called(100 * DAY)])
    Heartbeat.objects.all().delete()
    assert states(site, slots=3) == ["missed"] * 3
    assert availability(site, at=NOW) == {7: 0, 30: 0, 90: 0}
    grace = timedelta(hours=1)
    assert outages(site.pk, since=NOW - DAY, at=NOW) == [Outage(NOW - 100 * DAY + 6 * HOUR + grace, None)]


def test_a_promise_outlasts_the_row_that_held_it(site: Site) -> None:
    write_history(site.pk, [called(3 * DAY, 4 * DAY)])
    Heartbeat.objects.all().delete()
    assert states(site, slots=3) == ["seen"] * 3


def test_a_call_at_the_very_end_of_a_slot_belongs_to_that_slot(site: Site) -> None:
    write_history(site.pk, [called(6 * HOUR, MINUTE)])
    assert states(site, slots=2) == ["seen", "missed"]


def test_what_was_pruned_is_not_called_missed(site: Site, settings: Any) -> None:
    settings.HEARTBEAT_HISTORY = 2 * DAY
    write_history(site.pk, [called(6 * HOUR * number) for number in range(8)])
    assert states(site, slots=4, length=DAY) == ["before", "before", "seen", "seen"]


def test_a_row_without_a_promise_counts_as_promised_for_the_usual_pace(site: Site, settings: Any) -> None:
    settings.HEARTBEAT_GRACE = timedelta(0)
    usual = timedelta(seconds=pace_of(site.pk).usual_seconds)
    write_history(site.pk, [called(20 * HOUR, None), called(MINUTE)])
    assert outages(site.pk, since=NOW - DAY, at=NOW) == [Outage(NOW - 20 * HOUR + usual, NOW - MINUTE)]


def test_the_end_of_a_licence_shortens_the_promise(register: Register, settings: Any) -> None:
    settings.HEARTBEAT_GRACE = MINUTE
    bari = register(license_expires_at="2030-06-01T13:00:00Z")
    told = call_at(bari, NOON).next_heartbeat_seconds
    assert told <= 3660
    (outage,) = outages(uuid.UUID(bari.site_id), since=NOON, at=NOON + 3 * HOUR)
    assert outage == Outage(NOON + timedelta(seconds=told) + MINUTE, None)


def test_another_interval_changes_no_promise_of_the_past(roma: RegisteredSite, settings: Any) -> None:
    settings.HEARTBEAT_GRACE = timedelta(0)
    for hour in (0, 6, 12):
        call_at(roma, NOON + hour * 0.94 * HOUR)
    settings.HEARTBEAT_INTERVAL = HOUR
    call_at(roma, NOON + 16.9 * HOUR)
    assert outages(uuid.UUID(roma.site_id), since=NOON, at=NOON + 17.8 * HOUR) == []
    assert len(outages(uuid.UUID(roma.site_id), since=NOON, at=NOON + 18 * HOUR)) == 1


def test_a_call_from_a_clock_that_ran_ahead_does_not_count_before_its_time(site: Site) -> None:
    write_history(site.pk, [called(20 * HOUR), called(-2 * HOUR)])
    assert states(site, slots=2) == ["missed", "missed"]
    assert [outage.ended_at for outage in outages(site.pk, since=NOW - DAY, at=NOW)] == [None]


def test_a_demo_site_that_was_moved_into_the_past_is_missed_there(register: Register) -> None:
    demo = register(contact_email="giulia@demo.portcullis.example")
    for _ in range(3):
        demo.call_home()
    at = timezone.now()
    backdate_demo_sites({uuid.UUID(demo.site_id): "offline"}, at=at)
    site, pulse = Site.objects.get(), SitePulse.objects.get()
    assert Heartbeat.objects.order_by("-received_at")[0].due_at == pulse.due_at
    assert states(site, at=at, slots=1, length=HOUR / 60) == ["missed"]
    assert outages(site.pk, since=at - 30 * DAY, at=at) == [Outage(pulse.due_at + HOUR, None)]


def test_a_page_of_sites_is_one_query_that_gets_a_row_for_each_slot(register: Register) -> None:
    sites = [register_at(uuid.UUID(register(name=f"S{number}").site_id), NOW - DAY) for number in range(12)]
    write_history(sites[3].pk, [called(number * MINUTE) for number in range(600)])
    with CaptureQueriesContext(connection) as queries:
        found = heartbeat_slots(sites, at=NOW)
    assert len(queries) == 1
    assert set(found) == {site.pk for site in sites}
    assert [site.pk for site in sites if found[site.pk][-1].state == "seen"] == [sites[3].pk]
    with CaptureQueriesContext(connection) as queries:
        assert heartbeat_slots([], at=NOW) == {}
    assert not queries


def test_a_bar_of_90_days_is_one_query_too(site: Site) -> None:
    write_history(site.pk, [called(number * 6 * HOUR) for number in range(400)])
    with CaptureQueriesContext(connection) as queries:
        assert states(site, slots=90, length=DAY) == ["seen"] * 90
    assert len(queries) == 1


# --- Outages and shares --------------------------------------------------------------------------------------------


def test_all_figures_are_one_query_however_many_outages_there_were(site: Site) -> None:
    write_history(site.pk, [called(number * 2 * HOUR, MINUTE) for number in range(1000)])  # away every other hour
    with CaptureQueriesContext(connection) as queries:
        shares = availability(site, at=NOW)
    assert len(queries) == 1
    assert shares[7] == pytest.approx(61 / 120)
    with CaptureQueriesContext(connection) as queries:
        assert len(outages(site.pk, since=NOW - 365 * DAY, at=NOW)) == 100
    assert len(queries) == 1


def test_the_share_counts_from_the_first_heartbeat(site: Site, settings: Any) -> None:
    settings.HEARTBEAT_GRACE = HOUR
    assert availability(site, at=NOW) == {7: None, 30: None, 90: None}
    write_history(site.pk, [called(10 * HOUR, 4 * HOUR)])
    assert availability(site, at=NOW) == {7: 0.5, 30: 0.5, 90: 0.5}
    write_history(site.pk, [called(timedelta(0))])
    assert availability(site, at=NOW) == {7: None, 30: None, 90: None}


@pytest.mark.parametrize(
    ("share", "printed"),
    [
        (None, "–"),
        (1.0, "100 %"),
        (1 - 1e-12, "99.99 %"),
        (0.99989, "99.98 %"),
        (0.9998, "99.98 %"),
        (0.5, "50.00 %"),
        (0.29, "29.00 %"),
        (1e-9, "0.00 %"),
        (0.0, "0 %"),
    ],
)
def test_only_a_site_that_was_never_offline_has_100_percent(share: float | None, printed: str) -> None:
    assert percent(share) == printed


def test_a_microsecond_offline_in_90_days_is_not_100_percent(site: Site, settings: Any) -> None:
    settings.HEARTBEAT_GRACE = timedelta(0)
    write_history(site.pk, [called(100 * DAY, 100 * DAY - HOUR - MICROSECOND), called(HOUR, 6 * HOUR)])
    shares = availability(site, at=NOW)
    assert percent(shares[90]) == "99.99 %"
