"""Calls of one device, and the job, at the same time on PostgreSQL."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from audit.actors import SYSTEM
from conftest import Register
from fleet.devices.services import register_device
from fleet.telemetry.buckets import hour_of
from fleet.telemetry.models import HealthHour, HealthSample, MarkedHour, TelemetryPeriod
from fleet.telemetry.rollup import compute_marked_hours
from fleet.telemetry.services import Outcome, Period, Sample, store_periods, store_samples

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]
HOUR = timedelta(hours=1)

needs_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="is about PostgreSQL")


@pytest.fixture
def device_id(register: Register) -> Any:
    return register_device(register().site_id, device_id="till-1", by=SYSTEM, at=timezone.now()).device.pk


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """What they return; each in a thread and with a connection of its own, and all begin together."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        try:
            connection.ensure_connection()
            barrier.wait(timeout=10)
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(run, calls))


@needs_postgresql
def test_of_overlapping_periods_that_come_at_once_one_is_stored(device_id: Any) -> None:
    at = timezone.now()
    for number in range(10):
        start = at - (number + 2) * 2 * HOUR
        periods = [
            Period(start + timedelta(minutes=minutes), start + HOUR + timedelta(minutes=minutes), {"x": 1})
            for minutes in (0, 5, 10, 15)
        ]
        outcomes = at_once(*(lambda each=each: store_periods(device_id, [each], at=at) for each in periods))  # type: ignore[misc]
        assert sorted(outcome.value for (outcome,) in outcomes) == ["overlaps", "overlaps", "overlaps", "stored"]
    assert TelemetryPeriod.objects.count() == 10


@needs_postgresql
def test_the_same_samples_at_once_are_stored_once(device_id: Any) -> None:
    """In opposite orders, too: each call sorts them, so that two do not wait for each other."""
    at = timezone.now()
    batch = [Sample(at - number * timedelta(minutes=7), 1, 1, 1) for number in range(500)]
    orders = [batch, batch[::-1], batch[250:] + batch[:250], batch[::2] + batch[1::2]]
    for _ in range(3):
        numbers = at_once(*(lambda order=order: store_samples(device_id, order, at=at) for order in orders))  # type: ignore[misc]
        assert sum(numbers) == 500
        assert HealthSample.objects.count() == 500
        HealthSample.objects.all().delete()


@needs_postgresql
def test_a_sample_that_commits_while_its_hour_is_computed_is_not_lost(device_id: Any) -> None:
    """The mark is there already, so that the call has nothing to add to it."""
    hour = hour_of(timezone.now()) - 3 * HOUR
    store_samples(device_id, [Sample(hour, 10, 1, 1)], at=hour)
    stored, computed = threading.Event(), threading.Event()

    def call() -> None:
        with transaction.atomic():
            store_samples(device_id, [Sample(hour + timedelta(minutes=5), 20, 1, 1)], at=hour)
            stored.set()
            assert computed.wait(10)

    def job() -> Any:
        assert stored.wait(10)
        try:
            return compute_marked_hours(at=hour + HOUR)
        finally:
            computed.set()

    _, first = at_once(call, job)
    assert first is None, "the call holds the mark"
    assert compute_marked_hours(at=hour + HOUR) == {"health_hours": 1}
    assert HealthHour.objects.get().samples == 2
    assert not MarkedHour.objects.exists()


@needs_postgresql
def test_a_sample_that_comes_while_its_hour_is_computed_marks_it_again(
    device_id: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    hour = hour_of(timezone.now()) - 3 * HOUR
    store_samples(device_id, [Sample(hour, 10, 1, 1)], at=hour)
    taken = threading.Event()
    from fleet.telemetry import rollup

    usual = rollup.take_marks

    def take(*arguments: Any, **facts: Any) -> Any:
        found = usual(*arguments, **facts)
        taken.set()
        return found

    monkeypatch.setattr(rollup, "take_marks", take)

    def call() -> int:
        assert taken.wait(10)
        return store_samples(device_id, [Sample(hour + timedelta(minutes=5), 20, 1, 1)], at=hour)

    assert at_once(lambda: compute_marked_hours(at=hour + HOUR), call)[1] == 1
    compute_marked_hours(at=hour + HOUR)
    assert HealthHour.objects.get().samples == 2


@needs_postgresql
def test_many_calls_and_the_job_at_once_lose_nothing(device_id: Any) -> None:
    first = hour_of(timezone.now()) - 20 * HOUR

    def calls(offset: int) -> None:
        for number in range(60):
            moments = [first + timedelta(minutes=(number * 20 + hour * 60 + offset) % 1_140) for hour in (5, 1, 3)]
            store_samples(device_id, [Sample(moment, offset, 1, 1) for moment in moments], at=first)

    def job() -> None:
        for _ in range(60):
            compute_marked_hours(at=first + 20 * HOUR, at_once=3)

    at_once(job, *(lambda offset=offset: calls(offset) for offset in (0, 1, 2, 3)))  # type: ignore[misc]
    compute_marked_hours(at=first + 20 * HOUR)
    by_hour: dict[datetime, int] = {}
    for (moment,) in HealthSample.objects.values_list("at"):
        by_hour[hour_of(moment)] = by_hour.get(hour_of(moment), 0) + 1
    assert dict(HealthHour.objects.values_list("at", "samples")) == by_hour
    assert len(by_hour) == 19


@needs_postgresql
def test_the_devices_row_is_not_locked(device_id: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from fleet.devices.models import Device

    at = timezone.now()
    with transaction.atomic():
        Device.objects.select_for_update().get(pk=device_id)

        def call() -> Any:
            store_samples(device_id, [Sample(at, 1, 1, 1)], at=at)
            return store_periods(device_id, [Period(at - HOUR, at, {})], at=at)

        assert at_once(call) == [[Outcome.STORED]]
