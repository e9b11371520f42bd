"""Whose silence counts after outages of the control plane, at any moment."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.evidence.timeline import Span, Timeline

START = datetime(2026, 6, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
minutes = st.integers(0, 3_000)


def moment(minute: int) -> datetime:
    return START + timedelta(minutes=minute)


def timeline(*outages: tuple[int, int], until: int, time_to_return: timedelta = HOUR) -> Timeline:
    return Timeline([Span(moment(begin), moment(end)) for begin, end in outages], moment(until), time_to_return)


def test_without_an_outage_patience_alone_counts() -> None:
    assert timeline(until=600).silent_before(HOUR) == moment(540)


def test_sites_get_the_time_to_return_after_an_outage() -> None:
    assert timeline((300, 400), until=459).silent_before(HOUR) == moment(240)
    assert timeline((300, 400), until=460).silent_before(HOUR) == moment(400)


def test_time_in_an_outage_does_not_count() -> None:
    # 40 minutes before it and 20 after it are the hour.
    short = timeline((300, 400), until=420, time_to_return=timedelta(0))
    assert short.silent_before(HOUR) == moment(260)


def test_a_second_outage_within_the_time_to_return_begins_it_anew() -> None:
    twice = timeline((300, 400), (430, 440), until=495)
    assert twice.silent_before(HOUR) == moment(240)
    assert timeline((300, 400), (430, 440), until=500).silent_before(HOUR) > moment(400)


def test_a_site_that_was_silent_before_an_outage_stays_silent() -> None:
    for until in range(300, 600, 7):
        during = timeline((300, 301), until=until) if until >= 301 else timeline(until=until)
        assert during.silent_before(HOUR) > moment(239)


@st.composite
def outages_in_order(draw: st.DrawFn) -> list[Span]:
    ends = sorted(draw(st.sets(minutes, max_size=12)))
    # Odd seconds, so that no return ends at the very moment at which another outage begins: then both answers are right.
    times_to_return = st.none() | st.integers(0, 600).map(lambda number: timedelta(minutes=number, seconds=7))
    return [
        Span(moment(begin), moment(end), draw(times_to_return))
        for begin, end in zip(ends[::2], ends[1::2], strict=False)
    ]


@settings(max_examples=1000, deadline=None)
@given(outages_in_order(), minutes, minutes, st.integers(1, 400), st.integers(0, 400))
def test_both_directions_agree(outages: list[Span], due: int, until: int, patience: int, time_to_return: int) -> None:
    known = [span for span in outages if span.ended_at <= moment(until)]
    # Nothing is judged during an outage: the clock of the evidence stands still at its beginning.
    known_until = min(
        [moment(until), *(span.began_at for span in outages if span.began_at <= moment(until) < span.ended_at)]
    )
    line = Timeline(known, known_until, timedelta(minutes=time_to_return, seconds=3))
    patient = timedelta(minutes=patience, seconds=20)
    silent_at = line.silent_at(moment(due), patient)
    # The same holds for the moment at which all become silent that were due during an outage.
    if silent_at != line.known_until:
        assert (moment(due) < line.silent_before(patient)) == (silent_at < line.known_until)
