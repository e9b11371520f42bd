"""In a channel's quiet hours only what is critical is sent, by the time of day in its zone."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from alerts.incidents.services import NewIncident, open_incidents, resolve_incidents
from alerts.kinds import Kind
from alerts.models import AlertChannel
from alerts.outbox.quiet_hours import is_quiet
from alerts.tests.estate import Estate
from alerts.tests.outside import Outside


def channel(begin: str, end: str, zone: str = "UTC") -> AlertChannel:
    return AlertChannel(quiet_from=time.fromisoformat(begin), quiet_until=time.fromisoformat(end), timezone=zone)


@pytest.mark.parametrize(
    ("begin", "end", "quiet", "loud"),
    [
        ("12:00", "14:00", ["12:00", "13:59"], ["11:59", "14:00", "00:00"]),
        ("22:00", "07:00", ["22:00", "23:59", "00:00", "06:59"], ["21:59", "07:00", "12:00"]),
        ("00:00", "06:00", ["00:00", "05:59"], ["06:00", "23:59"]),
        ("18:00", "00:00", ["18:00", "23:59"], ["00:00", "17:59"]),
    ],
)
def test_hours_begin_with_their_first_minute_and_end_before_their_last(
    begin: str, end: str, quiet: list[str], loud: list[str]
) -> None:
    for times, expected in ((quiet, True), (loud, False)):
        for each in times:
            at = datetime.combine(date(2026, 6, 1), time.fromisoformat(each), tzinfo=UTC)
            assert is_quiet(channel(begin, end), at=at) is expected, each


def test_without_quiet_hours_no_time_is_quiet() -> None:
    assert not is_quiet(AlertChannel(), at=datetime(2026, 6, 1, 3, tzinfo=UTC))


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        (datetime(2026, 3, 28, 12, tzinfo=UTC), 8),  # the night of 29 March lacks an hour
        (datetime(2026, 3, 29, 12, tzinfo=UTC), 9),
        (datetime(2026, 10, 24, 12, tzinfo=UTC), 10),  # that of 25 October has one twice
    ],
)
def test_a_night_is_as_long_as_the_clocks_of_its_zone_say(day: datetime, hours: int) -> None:
    night = channel("22:00", "07:00", "Europe/Rome")
    minutes = sum(is_quiet(night, at=day + timedelta(minutes=minute)) for minute in range(24 * 60))
    assert minutes == hours * 60


def test_an_hour_that_the_clocks_leave_out_is_no_quiet_hour() -> None:
    night = channel("02:00", "03:00", "Europe/Rome")
    day = datetime(2026, 3, 29, tzinfo=UTC)
    assert not any(is_quiet(night, at=day + timedelta(minutes=minute)) for minute in range(24 * 60))


def test_what_is_not_critical_waits_for_the_end_of_the_night(estate: Estate) -> None:
    estate.channel(quiet_from=time(22), quiet_until=time(7), timezone="Europe/Rome")
    estate.now = datetime(2026, 6, 1, 21, tzinfo=UTC)  # 23:00 there
    outside = Outside(estate.now)
    kinds = [Kind.LICENSE_ENDED, Kind.SIGN_IN_ATTACK]
    warning, critical = open_incidents(
        [NewIncident(kind, kind.label, "", since=estate.now) for kind in kinds], at=estate.now
    )
    assert [message.incident["id"] for message in outside.deliver()] == [str(critical.id)]  # type: ignore[index]
    resolve_incidents([critical.pk, warning.pk], at=estate.now)
    assert [message.type for message in outside.deliver()] == ["incident.resolved"]
    assert not outside.deliver(later=timedelta(hours=7, minutes=59))
    later = outside.deliver(later=timedelta(minutes=1))
    assert [message.type for message in later] == ["incident.opened", "incident.resolved"]
