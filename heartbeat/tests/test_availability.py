"""The slots of a site's bar, its outages, and the share of the time in which it was not offline."""

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
    Call,
    periods_offline,
    register_at,
    write_history,
)
from sites.models import Site, SitePulse


def states(site: Site, *, at: datetime = NOW, **options: Any) -> list[str]:
    return [slot.state.value for slot in heartbeat_slots([site], at=at, **options)[site.pk]]


def called(ago: timedelta, promise: timedelta | None = 6 * HOUR) -> Call:
    at = NOW - ago
    return Call(at, promise and at + promise)


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
def test_slots_availability_and_outages_agree_with_the_status_at_every_moment(
    site: Site, history: list[Any], minutes_since_the_last: int, grace: int, written_in_order: bool
) -> None:
    calls, moment = [], NOW - minutes_since_the_last * MINUTE
    for since_the_one_before, due_after in reversed(history):
        calls.append(Call(moment, None if due_after is None else moment + due_after * MINUTE))
        moment -= since_the_one_before * MINUTE
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("django.conf.settings.HEARTBEAT_GRACE", grace * MINUTE)
        write_history(site.pk, calls[::-1] if written_in_order else calls)
        check_slots(site, calls)
        check_availability(site, calls)
        check_outages(site, calls)


def check_slots(site: Site, calls: list[Call]) -> None:
    for slot in heartbeat_slots([site], at=NOW)[site.pk]:
        inside = any(slot.starts_at < call.at <= slot.ends_at for call in calls)
        is_first_call_ahead = not any(call.at <= slot.ends_at for call in calls)
        offline = periods_offline(site.pk, calls, slot.starts_at, slot.ends_at)
        assert slot.state == ("seen" if inside or not (is_first_call_ahead or offline) else "missed")


def check_availability(site: Site, calls: list[Call]) -> None:
    for days, share in availability(site, at=NOW).items():
        start = max(NOW - days * DAY, min((call.at for call in calls), default=NOW))
        time_offline = sum((end - begin for begin, end in periods_offline(site.pk, calls, start, NOW)), timedelta())
        assert share == (1 - time_offline / (NOW - start) if start < NOW else None)


def check_outages(site: Site, calls: list[Call]) -> None:
    since = NOW - 30 * DAY
    expected = [
        Outage(begin, None if end == NOW and not any(call.at == NOW for call in calls) else end)
        for begin, end in periods_offline(site.pk, calls, NOW - 365 * DAY, NOW)
        if end > since
    ]
    assert outages(site.pk, since=since, at=NOW) == expected[::-1]


# --- The due time --------------------------------------------------------------------------------------------------


def test_the_history_stores_when_the_next_call_is_due(roma: RegisteredSite) -> None:
    seconds = call_at(roma, NOON).next_heartbeat_seconds
    call_at(roma, NOON + HOUR)
    assert [row.due_at - row.received_at for row in Heartbeat.objects.all()] == [timedelta(seconds=seconds)] * 2


def test_a_call_that_is_recorded_late_has_its_own_due_time(roma: RegisteredSite) -> None:
    call_at(roma, NOON)
    call_at(roma, NOON - MINUTE)
    late = Heartbeat.objects.get(received_at=NOON - MINUTE)
    assert late.due_at == NOON - MINUTE + (SitePulse.objects.get().due_at - NOON)


def test_the_database_refuses_a_due_time_that_is_not_after_the_call(roma: RegisteredSite) -> None:
    call_at(roma, NOON)
    with pytest.raises(IntegrityError, match="heartbeat_due_after_received"), transaction.atomic():
        Heartbeat.objects.update(due_at=NOON)


def test_the_api_shows_exactly_the_documented_fields(api: APIClient, roma: RegisteredSite) -> None:
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
    write_history(site.pk, [called(13 * HOUR, 6 * HOUR)])  # overdue for 6 hours
    assert states(site, slots=3) == ["seen", "seen", "missed"]
    write_history(site.pk, [called(13 * HOUR + MICROSECOND, 6 * HOUR)])
    assert states(site, slots=3) == ["seen", "missed", "missed"]


def test_a_call_ends_the_gap_in_its_own_slot(site: Site) -> None:
    write_history(site.pk, [called(32 * HOUR), called(HOUR)])
    assert states(site, slots=6) == ["seen", "missed", "missed", "missed", "missed", "seen"]


def test_the_due_time_of_the_last_call_counts_however_old_the_call_is(site: Site) -> None:
    write_history(site.pk, [called(80 * DAY, 78 * DAY)])
    assert states(site, slots=5) == ["missed"] * 5
    write_history(site.pk, [called(80 * DAY, 81 * DAY)])
    assert states(site, slots=5) == ["seen"] * 5


def test_a_site_that_was_never_seen_has_missed_every_slot_since_its_registration(site: Site) -> None:
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


def test_a_site_whose_whole_history_was_pruned_is_still_offline(site: Site) -> None:
    write_history(site.pk, [called(100 * DAY)])
    Heartbeat.objects.all().delete()
    assert states(site, slots=3) == ["missed"] * 3
    assert availability(site, at=NOW) == {7: 0, 30: 0, 90: 0}
    grace = timedelta(hours=1)
    assert outages(site.pk, since=NOW - DAY, at=NOW) == [Outage(NOW - 100 * DAY + 6 * HOUR + grace, None)]


def test_a_due_time_still_counts_after_its_row_was_pruned(site: Site) -> None:
    write_history(site.pk, [called(3 * DAY, 4 * DAY)])
    Heartbeat.objects.all().delete()
    assert states(site, slots=3) == ["seen"] * 3


def test_a_call_at_the_end_of_a_slot_belongs_to_that_slot(site: Site) -> None:
    write_history(site.pk, [called(6 * HOUR, MINUTE)])
    assert states(site, slots=2) == ["seen", "missed"]


def test_slots_older_than_the_history_are_not_missed(site: Site, settings: Any) -> None:
    settings.HEARTBEAT_HISTORY = 2 * DAY
    write_history(site.pk, [called(6 * HOUR * number) for number in range(8)])
    assert states(site, slots=4, length=DAY) == ["before", "before", "seen", "seen"]


def test_a_row_without_a_due_time_counts_as_due_after_the_usual_pace(site: Site, settings: Any) -> None:
    settings.HEARTBEAT_GRACE = timedelta(0)
    usual = timedelta(seconds=pace_of(site.pk).usual_seconds)
    write_history(site.pk, [called(20 * HOUR, None), called(MINUTE)])
    assert outages(site.pk, since=NOW - DAY, at=NOW) == [Outage(NOW - 20 * HOUR + usual, NOW - MINUTE)]


def test_the_end_of_a_licence_makes_the_next_call_due_earlier(register: Register, settings: Any) -> None:
    settings.HEARTBEAT_GRACE = MINUTE
    bari = register(license_expires_at="2030-06-01T13:00:00Z")
    seconds = call_at(bari, NOON).next_heartbeat_seconds
    assert seconds <= 3660
    (outage,) = outages(uuid.UUID(bari.site_id), since=NOON, at=NOON + 3 * HOUR)
    assert outage == Outage(NOON + timedelta(seconds=seconds) + MINUTE, None)


def test_another_interval_does_not_change_earlier_due_times(roma: RegisteredSite, settings: Any) -> None:
    settings.HEARTBEAT_GRACE = timedelta(0)
    for hour in (0, 6, 12):
        call_at(roma, NOON + hour * 0.94 * HOUR)
    settings.HEARTBEAT_INTERVAL = HOUR
    call_at(roma, NOON + 16.9 * HOUR)
    assert outages(uuid.UUID(roma.site_id), since=NOON, at=NOON + 17.8 * HOUR) == []
    assert len(outages(uuid.UUID(roma.site_id), since=NOON, at=NOON + 18 * HOUR)) == 1


def test_a_call_with_a_time_in_the_future_does_not_count_yet(site: Site) -> None:
    write_history(site.pk, [called(20 * HOUR), called(-2 * HOUR)])
    assert states(site, slots=2) == ["missed", "missed"]
    assert [outage.ended_at for outage in outages(site.pk, since=NOW - DAY, at=NOW)] == [None]


def test_a_demo_site_that_was_moved_into_the_past_is_missed_there(api: APIClient) -> None:
    body = {"name": "Roma", "owner_name": "Giulia", "contact_email": "giulia@demo.portcullis.example"}
    answer = api.post("/api/sites", body, headers={"X-Request-ID": "portcullis-demo-roma"})
    demo = RegisteredSite(answer.data["site_id"], answer.data["secret_key"])
    for _ in range(3):
        demo.call_home()
    at = timezone.now()
    backdate_demo_sites({uuid.UUID(demo.site_id): "offline"}, at=at)
    site, pulse = Site.objects.get(), SitePulse.objects.get()
    assert Heartbeat.objects.order_by("-received_at")[0].due_at == pulse.due_at
    assert states(site, at=at, slots=1, length=HOUR / 60) == ["missed"]
    assert outages(site.pk, since=at - 30 * DAY, at=at) == [Outage(pulse.due_at + HOUR, None)]


def test_a_page_of_sites_takes_one_query(register: Register) -> None:
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


def test_a_bar_of_90_days_takes_one_query(site: Site) -> None:
    write_history(site.pk, [called(number * 6 * HOUR) for number in range(400)])
    with CaptureQueriesContext(connection) as queries:
        assert states(site, slots=90, length=DAY) == ["seen"] * 90
    assert len(queries) == 1


# --- Outages and shares --------------------------------------------------------------------------------------------


def test_shares_and_outages_take_one_query_each_however_many_outages_there_were(site: Site) -> None:
    write_history(site.pk, [called(number * 2 * HOUR, MINUTE) for number in range(1000)])  # offline every other hour
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
