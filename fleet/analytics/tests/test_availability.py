"""The share of time in which devices were available, compared with looking at each second."""

import itertools
import tracemalloc
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import RegisteredSite
from fleet.analytics.availability import (
    AVAILABLE,
    COUNTED,
    availability_by_day,
    changes_of,
    periods,
    seconds_by_day,
)
from fleet.devices.status import DeviceStatus
from fleet.heartbeats.models import DeviceStatusChange
from fleet.heartbeats.tests.calls import a_device

FIRST = datetime(2026, 6, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
# Hours since the day before FIRST, and what the device became.
histories = st.lists(st.tuples(st.integers(0, 99), st.sampled_from(DeviceStatus.values)), max_size=12)


@pytest.fixture
def four_devices(roma: RegisteredSite) -> list[uuid.UUID]:
    return [a_device(roma, name).id for name in ("one", "other", "third", "last")]


def brute_force(history: list[tuple[int, str]], hours: int) -> dict[str, tuple[float, float]]:
    """Hour by hour: what was the newest change up to it?"""
    found: dict[str, list[float]] = {}
    for hour in range(24, hours):
        at = FIRST - 24 * HOUR + hour * HOUR
        totals = found.setdefault(str(at.date()), [0.0, 0.0])
        past = [status for begun, status in history if begun <= hour]
        if past and past[-1] in COUNTED:
            totals[1] += 3_600
            totals[0] += 3_600 * (past[-1] in AVAILABLE)
    return {day: (available, counted) for day, (available, counted) in found.items()}


@pytest.mark.any_database
@given(histories, st.integers(25, 96))
def test_it_is_what_looking_at_each_hour_finds(history: list[tuple[int, str]], hours: int) -> None:
    history = sorted(history, key=lambda change: change[0])
    until = FIRST - 24 * HOUR + hours * HOUR
    changes = [("till", status, FIRST - 24 * HOUR + begun * HOUR) for begun, status in history if begun < hours]
    before = [change for change in changes if change[2] < FIRST]
    changes = before[-1:] + [change for change in changes if change[2] >= FIRST]
    found: dict[str, list[float]] = {}
    for status, began, ended in periods(changes, since=FIRST, until=until):  # type: ignore[arg-type]
        for day, seconds in seconds_by_day(began, ended) if status in COUNTED else ():
            totals = found.setdefault(str(day), [0.0, 0.0])
            totals[1] += seconds
            totals[0] += seconds * (status in AVAILABLE)
    expected = {day: totals for day, totals in brute_force(history, hours).items() if totals[1]}
    assert {day: tuple(totals) for day, totals in found.items() if totals[1]} == expected


@pytest.mark.django_db
def test_days_of_several_devices(roma: RegisteredSite) -> None:
    one, other, silent = (a_device(roma, name) for name in ("one", "other", "silent"))
    for device, status, hours in (
        (one, "online", -30),
        (one, "offline", 6),
        (one, "online", 12),
        (other, "never_seen", 0),
        (other, "online", 20),
        (other, "stopped", 30),
        (silent, "never_seen", 0),
    ):
        DeviceStatusChange.objects.create(device_id=device.id, status=status, at=FIRST + hours * HOUR)
    days = {"first": FIRST.date(), "last": FIRST.date() + timedelta(days=2), "at": FIRST + 50 * HOUR}
    found = availability_by_day([one.id, other.id, silent.id], **days)  # type: ignore[arg-type]
    assert [(each.available / 3_600, each.counted / 3_600) for each in found.values()] == [(22, 28), (30, 30), (2, 2)]
    assert [each.percent for each in found.values()] == [78.57, 100.0, 100.0]
    numbers = []
    for devices in ([one.id], [one.id, other.id, silent.id]):
        with CaptureQueriesContext(connection) as captured:
            availability_by_day(devices, **days)  # type: ignore[arg-type]
        numbers.append(len(captured))
    assert numbers == [3, 3]
    assert availability_by_day([silent.id], **days)[FIRST.date()].percent is None  # type: ignore[arg-type]


@pytest.mark.django_db
@given(st.lists(histories, min_size=1, max_size=4))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_changes_of_each_device_come_together_and_in_order(
    four_devices: list[uuid.UUID], drawn: list[list[tuple[int, str]]]
) -> None:
    DeviceStatusChange.objects.all().delete()
    expected = {}
    for device, history in zip(four_devices, drawn, strict=False):
        changes = [(device, status, FIRST - 24 * HOUR + begun * HOUR) for begun, status in history]
        for _, status, at in changes:
            DeviceStatusChange.objects.create(device_id=device, status=status, at=at)
        changes.sort(key=lambda change: change[2])
        expected[device] = [change for change in changes if change[2] < FIRST][-1:] + [
            change for change in changes if FIRST <= change[2] < FIRST + 48 * HOUR
        ]
    found = list(changes_of(four_devices, since=FIRST, until=FIRST + 48 * HOUR, at=FIRST + 48 * HOUR))
    grouped = {device: list(changes) for device, changes in itertools.groupby(found, key=lambda change: change[0])}
    assert grouped == {device: changes for device, changes in expected.items() if changes}
    assert sum(map(len, grouped.values())) == len(found), "a device that comes twice"


@pytest.mark.django_db
def test_long_histories_are_not_held_in_memory(roma: RegisteredSite) -> None:
    devices = [a_device(roma, name).id for name in ("one", "other")]
    number = 20_000
    DeviceStatusChange.objects.bulk_create(
        DeviceStatusChange(device_id=device, status=status, at=FIRST + step * timedelta(seconds=60))
        for step in range(number // 4)
        for device in devices
        for status in ("online", "offline")
    )
    tracemalloc.start()
    try:
        changes = changes_of(devices, since=FIRST, until=FIRST + timedelta(days=30), at=FIRST + timedelta(days=30))
        assert sum(1 for _ in changes) == number
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2_000_000, "as a list they take 9 MB"
