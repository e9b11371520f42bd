"""Outages of the control plane itself are no site's silence. What fails beside them is reported, once."""

from collections import Counter
from datetime import timedelta

import pytest

from alerts.evidence.marks import mark_receiving
from alerts.evidence.timeline import read_timeline
from alerts.incidents.judge import check_alerts
from alerts.kinds import Kind
from alerts.models import Outage, ReceivingMark
from alerts.simulation.history import History, Period, Restore, SimulatedSite, instant
from alerts.simulation.world import World
from alerts.tests.estate import DAY, HOUR, MINUTE, Estate


def ran(history: History) -> World:
    world = World(history, channels=["webhook"])
    world.run()
    return world


@pytest.mark.django_db
@pytest.mark.parametrize("when", ["before", "during", "after"])
@pytest.mark.parametrize("outage", [10 * 60, 6 * 3_600, 2 * 86_400], ids=["10 minutes", "6 hours", "2 days"])
def test_exactly_the_sites_that_fail_beside_an_outage_are_reported_once(outage: float, when: str) -> None:
    began = 10.0 * 3_600
    fails_at = {"before": began - 3_600, "during": began + outage / 2, "after": began + outage + 2 * 3_600}[when]
    failure = Period(fails_at, fails_at + outage + 86_400)
    sites = [
        SimulatedSite(f"11.0.{number}.1", number * 500.0, 1e9, [failure] if number in (5, 15, 25) else [])
        for number in range(40)
    ]
    world = ran(History(began + 2 * outage + 3 * 86_400, sites, [Period(began, began + outage)]))
    assert sorted(each.site for each in world.noticed) == [5, 15, 25]
    assert all(each.is_alone for each in world.noticed)
    told = Counter((each.message.type, each.message.incident["kind"]) for each in world.told if each.message.incident)
    assert told == {
        ("incident.opened", Kind.SITE_OFFLINE): 3,
        ("incident.resolved", Kind.SITE_OFFLINE): 3,
        ("incident.opened", Kind.CONTROL_PLANE_WAS_DOWN): 1,
        ("incident.resolved", Kind.CONTROL_PLANE_WAS_DOWN): 1,
    }
    recorded = Outage.objects.get()
    assert (recorded.began_at, recorded.ended_at) == (instant(began), instant(began + outage))


@pytest.mark.django_db
@pytest.mark.parametrize("age", [2, 10, 30], ids=lambda hours: f"backup {hours} hours old")
def test_after_a_restore_sites_have_until_their_next_heartbeat(age: float) -> None:
    """The heartbeats since the backup are lost: each site calls when the answer to a lost one told it to."""
    restored_at = 40.0 * 3_600
    failure = Period(restored_at - 3_600, restored_at + 2 * 86_400)
    sites = [
        SimulatedSite(f"11.0.{number}.1", number * 500.0, 1e9, [failure] if number == 5 else []) for number in range(40)
    ]
    history = History(
        restored_at + 86_400,
        sites,
        [Period(restored_at - 1_800, restored_at)],
        restores=[Restore(restored_at - age * 3_600, restored_at)],
    )
    assert [each.site for each in ran(history).noticed] == [5]


def test_sites_get_the_time_to_return_and_no_longer(estate: Estate) -> None:
    sites = estate.add(3)
    estate.check(hours=1)
    estate.be_down(2 * DAY)
    estate.check()
    estate.check(minutes=59, seconds=59)
    assert not estate.unresolved(Kind.SITE_OFFLINE)
    estate.check(seconds=1)
    assert {each.site_id for each in estate.unresolved(Kind.SITE_OFFLINE)} == {site.pk for site in sites}


def test_a_site_that_was_offline_before_an_outage_stays_reported_and_is_not_reported_again(estate: Estate) -> None:
    channel = estate.channel()
    estate.add()
    estate.check(hours=8)
    estate.be_down(6 * HOUR)
    estate.check_until(estate.now + 4 * HOUR)
    assert [type_ for type_, kind in estate.told(channel) if kind == Kind.SITE_OFFLINE] == ["opened"]


def test_outages_in_a_row_are_one_incident_that_is_told_again_with_each(estate: Estate) -> None:
    channel = estate.channel()
    estate.add(3)
    estate.check(hours=1)
    for _ in range(3):
        estate.be_down(5 * HOUR)
        estate.check(seconds=10)
        estate.check_until(estate.now + 40 * MINUTE)
    assert not estate.unresolved(Kind.SITE_OFFLINE)
    [incident] = estate.unresolved(Kind.CONTROL_PLANE_WAS_DOWN)
    assert incident.outages.count() == 3
    assert "3 times, for 15 hours" in incident.title
    assert [type_ for type_, kind in estate.told(channel)] == ["opened", "reminded", "reminded"]
    estate.check_until(estate.now + 30 * MINUTE)
    assert len(estate.unresolved(Kind.SITE_OFFLINE)) == 3


def test_nothing_is_silent_while_heartbeats_cannot_be_received_though_the_worker_judges(estate: Estate) -> None:
    estate.add(3)
    estate.check(hours=1)
    for hours in range(1, 48):
        check_alerts(at=estate.now + hours * HOUR)
    assert not estate.unresolved()
    estate.be_down(48 * HOUR)
    estate.check()
    assert [each.kind for each in estate.unresolved()] == [Kind.CONTROL_PLANE_WAS_DOWN]


def test_without_a_worker_the_web_processes_alone_prove_that_sites_were_silent(estate: Estate) -> None:
    estate.add()
    for minutes in range(0, 9 * 60, 1):
        mark_receiving(at=estate.now + minutes * MINUTE)
    check_alerts(at=estate.now + 9 * HOUR)
    assert not Outage.objects.exists()
    assert [each.kind for each in estate.unresolved()] == [Kind.SITE_OFFLINE]


def test_a_pause_that_is_shorter_than_the_shortest_outage_is_none(estate: Estate) -> None:
    estate.be_down(timedelta(seconds=119))
    estate.check()
    assert not Outage.objects.exists()
    estate.be_down(timedelta(seconds=120))
    assert Outage.objects.count() == 1


def test_an_outage_that_ends_while_the_judge_works_is_an_outage(estate: Estate) -> None:
    """The judge has read the clock, then a web process comes back and notes that it can receive."""
    estate.add(3)
    estate.check(hours=1)
    at = estate.now + 2 * DAY
    mark_receiving(at=at + timedelta(milliseconds=5))
    check_alerts(at=at)
    assert not estate.unresolved(Kind.SITE_OFFLINE)
    assert read_timeline(at=at).known_until == estate.now


def test_a_mark_of_the_past_changes_nothing_and_one_far_ahead_is_overwritten(estate: Estate) -> None:
    mark_receiving(at=estate.now - MINUTE)
    assert ReceivingMark.objects.get().at == estate.now
    ReceivingMark.objects.update(at=estate.now + DAY)
    mark_receiving(at=estate.now + MINUTE)
    assert ReceivingMark.objects.get().at == estate.now + MINUTE


def test_seven_sites_that_fail_beside_an_outage_are_no_fifth_of_a_large_estate(estate: Estate) -> None:
    """All that returned are counted, also if none of them was due in the last quarter of an hour."""
    sites = estate.add(200)
    failing = sites[:7]
    estate.check(hours=1)
    estate.be_down(2 * DAY)
    estate.check(minutes=5)
    estate.call(*sites[7:])
    estate.check(minutes=56)
    assert len(estate.unresolved(Kind.SITE_OFFLINE)) == len(failing)
    assert not estate.unresolved(Kind.SITES_OFFLINE_TOGETHER)
