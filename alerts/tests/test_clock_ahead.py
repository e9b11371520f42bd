"""Outages that a clock recorded that was ahead, many outages in a row, and sites that have called since an outage."""

from datetime import timedelta

import pytest

from alerts.evidence.marks import mark_receiving
from alerts.evidence.timeline import Span, Timeline
from alerts.kinds import Kind
from alerts.models import Outage, ReceivingMark
from alerts.tests.estate import DAY, HOUR, MINUTE, START, Estate


@pytest.fixture
def estate(db: None) -> Estate:
    return Estate()


def test_an_outage_of_a_clock_that_was_ahead_is_forgotten(estate: Estate) -> None:
    estate.add(3)
    mark_receiving(at=estate.now + 365 * DAY)
    assert Outage.objects.count() == 1
    estate.check(minutes=1)
    mark_receiving(at=estate.now)
    assert ReceivingMark.objects.get(pk=ReceivingMark.WEB).at == estate.now
    assert not Outage.objects.exists()
    estate.check_until(START + 8 * HOUR)
    assert len(estate.unresolved(Kind.SITE_OFFLINE)) == 3
    assert not estate.unresolved(Kind.CONTROL_PLANE_WAS_DOWN)


def test_a_thousand_outages_in_a_row_are_judged() -> None:
    spans = [Span(START + number * HOUR, START + number * HOUR + 5 * MINUTE) for number in range(1_000)]
    line = Timeline(spans, START + 1_000 * HOUR, timedelta(hours=1))
    assert line.silent_before(HOUR) <= START + 1_000 * HOUR


def test_a_site_that_has_called_since_an_outage_does_not_get_the_time_to_return(estate: Estate) -> None:
    (site,) = estate.add()
    estate.be_down(10 * MINUTE)
    estate.check(seconds=10)
    estate.call(site, due_at=estate.now + 10 * MINUTE)
    due_at = site.pulse.due_at
    assert due_at is not None
    # A second outage that ended before the call would not matter either; this one did.
    estate.check_until(due_at + HOUR + MINUTE)
    (incident,) = estate.unresolved(Kind.SITE_OFFLINE)
    assert incident.since == due_at + HOUR


def test_short_outages_again_and_again_do_not_hide_a_site_that_is_silent_for_good(estate: Estate) -> None:
    """Each begins before the time to return after the one before has passed, but most of the time heartbeats are received."""
    calling, silent = estate.add(2)
    estate.check_until(START + 5 * HOUR)
    for _ in range(10):
        estate.be_down(3 * MINUTE)
        estate.call(calling, due_at=estate.now + 5 * MINUTE)
        estate.check_until(estate.now + 40 * MINUTE, every=5 * MINUTE)
    estate.check_until(estate.now + 2 * HOUR)
    assert silent.pk in estate.covered()
