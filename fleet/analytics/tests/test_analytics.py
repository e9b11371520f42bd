"""What analytics say, compared with adding everything up by hand."""

import random
import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from audit.actors import SYSTEM
from conftest import Clock, RegisteredSite
from fleet.devices.services import retire_device
from fleet.heartbeats.models import DeviceStatusChange, HeartbeatDay
from fleet.heartbeats.tests.calls import a_device
from fleet.telemetry.services import Period, Sample, store_periods, store_samples

pytestmark = pytest.mark.django_db

DAYS, HOUR = 5, timedelta(hours=1)
NONE = dict.fromkeys(("never_seen", "online", "late", "offline", "stopped"), 0)


@pytest.fixture
def first(clock: Clock) -> date:
    """The first of the days; noon of the last one is now."""
    return clock.at.date() - timedelta(days=DAYS - 1)


def path_of(site: RegisteredSite, first: date) -> str:
    return f"/api/analytics/location/{site.site_id}?from={first}T05:00:00Z"


def test_they_are_what_adding_up_gives(api: APIClient, roma: RegisteredSite, clock: Clock, first: date) -> None:
    chance, began = random.Random(3), datetime(first.year, first.month, first.day, tzinfo=UTC)
    devices = [a_device(roma, f"till-{number}") for number in range(4)]
    samples: list[Sample] = []
    totals: list[tuple[date, float]] = []
    averages: list[tuple[date, float, float]] = []
    heartbeats: dict[date, int] = {}
    for device in devices:
        own = [
            Sample(began + HOUR * hour, chance.uniform(0, 90), chance.uniform(1, 900), 1_000.0, chance.uniform(20, 70))
            for hour in range(0, DAYS * 24 - 12, chance.randrange(3, 9))
        ]
        store_samples(device.id, own, at=clock.at)
        samples += own
        for hour in range(0, DAYS * 24 - 14, 7):
            start, hours = began + HOUR * hour, chance.randrange(1, 3)
            metrics = {"total_orders": float(chance.randrange(9)), "average_wait": chance.uniform(0, 60)}
            store_periods(device.id, [Period(start, start + HOUR * hours, metrics)], at=clock.at)
            totals.append((start.date(), metrics["total_orders"]))
            averages.append((start.date(), metrics["average_wait"], float(hours)))
        for number in range(DAYS - 1):
            count = chance.randrange(1, 3_000)
            HeartbeatDay.objects.create(device_id=device.id, day=first + timedelta(days=number), heartbeats=count)
            heartbeats[first + timedelta(days=number)] = heartbeats.get(first + timedelta(days=number), 0) + count
        assert device.call(firmware_version=chance.choice(["1.0.0", "1.1.0"])).status_code == 200
    heartbeats[clock.at.date()] = len(devices)
    found = api.get(path_of(roma, first)).json()
    days = {day["day"]: day for day in found["by_day"]}
    assert list(days) == [str(first + timedelta(days=number)) for number in range(DAYS)]
    for day, answered in [(None, found), *((date.fromisoformat(day), answered) for day, answered in days.items())]:
        here = [sample for sample in samples if day in (None, sample.at.date())]
        for name, values in (
            ("cpu", [sample.cpu_usage_percent for sample in here]),
            ("memory", [sample.memory_used_mb for sample in here]),
            ("temperature", [float(sample.temperature_celsius or 0) for sample in here]),
        ):
            expected = {"min": min(values), "mean": sum(values) / len(values), "max": max(values)}
            assert answered["health"][name] == pytest.approx(expected)
        orders = sum(number for when, number in totals if day in (None, when))
        weights = [(value * hours, hours) for when, value, hours in averages if day in (None, when)]
        wait = sum(value for value, _ in weights) / sum(hours for _, hours in weights)
        assert answered["telemetry"] == pytest.approx({"total_orders": orders, "average_wait": wait})
        assert answered["heartbeats"] == sum(number for when, number in heartbeats.items() if day in (None, when))
    assert sum(found["firmware"].values()) == sum(found["devices"].values()) == len(devices)
    assert found["devices"] == NONE | {"online": len(devices)}


def test_without_devices_nothing_is_made_up(api: APIClient, roma: RegisteredSite, first: date) -> None:
    found = api.get(path_of(roma, first)).json()
    nothing = {"cpu": None, "memory": None, "temperature": None}
    assert (found["devices"], found["availability_percent"], found["heartbeats"]) == (NONE, None, 0)
    assert (found["health"], found["telemetry"], found["firmware"]) == (nothing, {}, {})
    assert len(found["by_day"]) == DAYS


def test_any_number_of_devices_takes_the_same_statements(api: APIClient, roma: RegisteredSite, first: date) -> None:
    numbers = []
    for amount in (1, 25):
        for number in range(amount):
            a_device(roma, f"d{amount}-{number}").call()
        with CaptureQueriesContext(connection) as captured:
            assert api.get(path_of(roma, first)).status_code == 200
        numbers.append(len(captured))
    assert numbers[0] == numbers[1]


def test_an_organization_has_the_devices_of_its_locations(api: APIClient, roma: RegisteredSite, clock: Clock) -> None:
    chain: dict[str, Any] = api.post("/api/organizations", {"name": "Conti"}).json()
    path = f"/api/analytics/organization/{chain['id']}"
    till, old = a_device(roma), a_device(roma, "old")
    for device in (till, old):
        DeviceStatusChange.objects.create(device_id=device.id, status="online", at=clock.at - timedelta(days=2))
    assert api.get(path).json()["devices"] == NONE
    api.patch(f"/api/sites/{roma.site_id}", {"organization_id": chain["id"]})
    assert api.get(path).json()["devices"] == NONE | {"never_seen": 2}
    retire_device(old.id, by=SYSTEM, at=clock.at)
    found = api.get(path).json()
    assert found["devices"] == NONE | {"never_seen": 1}
    assert found["availability_percent"] == 100.0, "the retired one was online until then"
    clock.move(days=1)
    assert api.get(path).json()["availability_percent"] == 100.0, "and has stopped since"


def test_availability_needs_no_worker(api: APIClient, roma: RegisteredSite, clock: Clock) -> None:
    """What no job has noted yet is taken from the newest heartbeat."""
    till = a_device(roma)
    path = f"/api/analytics/location/{roma.site_id}"
    assert api.get(path).json()["availability_percent"] is None
    till.call()
    clock.move(seconds=10)
    assert api.get(path).json()["availability_percent"] == 100.0
    clock.move(hours=10)
    assert api.get(path).json()["availability_percent"] is not None


@pytest.mark.parametrize(
    "query", ["from=x", "from=2026-06-01", "from=2026-06-02T00:00:00Z&to=2026-06-02T00:00:00Z", "days=3"]
)
def test_a_wrong_period_is_refused(api: APIClient, roma: RegisteredSite, query: str) -> None:
    assert api.get(f"/api/analytics/location/{roma.site_id}?{query}").status_code == 400
    assert api.get("/api/analytics/location/x").status_code == 404
    assert api.get(f"/api/analytics/organization/{uuid.uuid4()}").status_code == 404


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("to=0001-01-05T00:00:00Z", "/to"),
        ("from=0001-01-01T00:00:00Z&to=0001-01-05T00:00:00Z", "/from"),
        ("from=0001-12-31T23:59:59Z&to=0002-01-05T00:00:00Z", "/from"),
        ("to=9999-12-31T23:59:59Z", "/to"),
        ("from=9999-12-31T00:00:00Z&to=9999-12-31T23:59:59Z", "/to"),
    ],
)
def test_the_ends_of_the_calendar_are_refused(
    api: APIClient, roma: RegisteredSite, clock: Clock, query: str, pointer: str
) -> None:
    chain = api.post("/api/organizations", {"name": "Conti"}).json()["id"]
    api.patch(f"/api/sites/{roma.site_id}", {"organization_id": chain})
    DeviceStatusChange.objects.create(device_id=a_device(roma).id, status="online", at=clock.at)
    for path in (f"location/{roma.site_id}", f"organization/{chain}"):
        answer = api.get(f"/api/analytics/{path}?{query}")
        assert answer.status_code == 400, answer.content
        assert pointer in [error["pointer"] for error in answer.json()["errors"]]


@pytest.mark.parametrize("query", ["to=0002-01-01T00:00:00Z", "to=9998-12-31T23:59:59.999999Z"])
def test_years_near_the_ends_are_answered(api: APIClient, roma: RegisteredSite, clock: Clock, query: str) -> None:
    DeviceStatusChange.objects.create(device_id=a_device(roma).id, status="online", at=clock.at)
    assert len(api.get(f"/api/analytics/location/{roma.site_id}?{query}").json()["by_day"]) in (30, 31)
