"""`GET /api/devices/{id}/health` and `/telemetry`."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.models import Admin
from audit.actors import SYSTEM
from conftest import Clock, SignIn
from fleet.devices.services import retire_device
from fleet.telemetry.models import HealthSample
from fleet.telemetry.rollup import compute_marked_hours
from fleet.telemetry.tests.conftest import NewReporter, Reporter, period, sample

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def read(api: APIClient, till: Reporter, what: str, **query: str) -> Any:
    answer = api.get(f"/api/devices/{till.id}/{what}", query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_a_day_of_samples_is_answered_as_they_came(api: APIClient, till: Reporter, clock: Clock) -> None:
    till.health(
        sample(clock.at - timedelta(minutes=5), temperature_celsius=41.25),
        sample(clock.at - DAY, disk_used_percent=7),
        sample(clock.at - DAY - timedelta(seconds=1)),
        sample(clock.at),
    )
    usual = {"cpu_usage_percent": 12.5, "memory_used_mb": 512.0, "memory_total_mb": 2048.0}
    assert read(api, till, "health") == {
        "resolution": "raw",
        "points": [
            {"at": "2026-05-31T12:00:00Z", **usual, "temperature_celsius": None, "disk_used_percent": 7.0},
            {"at": "2026-06-01T11:55:00Z", **usual, "temperature_celsius": 41.25, "disk_used_percent": None},
        ],
    }


@pytest.mark.parametrize("computed", [True, False])
@pytest.mark.parametrize("resolution", ["hour", "day"])
def test_hours_and_days_have_least_mean_and_greatest(
    api: APIClient, till: Reporter, clock: Clock, computed: bool, resolution: str
) -> None:
    start = clock.at.replace(hour=0) - DAY
    till.health(
        sample(start, cpu_usage_percent=10, temperature_celsius=40),
        sample(start + timedelta(minutes=30), cpu_usage_percent=20),
    )
    if computed:
        compute_marked_hours(at=clock.at)
    found = read(api, till, "health", **{"from": "2026-05-30T00:00:00Z", "resolution": resolution})
    assert found == {
        "resolution": resolution,
        "points": [
            {
                "at": "2026-05-31T00:00:00Z",
                "samples": 2,
                "cpu_usage_percent": {"min": 10.0, "mean": 15.0, "max": 20.0},
                "memory_used_mb": {"min": 512.0, "mean": 512.0, "max": 512.0},
                "memory_total_mb": {"min": 2048.0, "mean": 2048.0, "max": 2048.0},
                "temperature_celsius": {"min": 40.0, "mean": 40.0, "max": 40.0},
                "disk_used_percent": None,
            }
        ],
    }


@pytest.mark.parametrize("resolution", ["hour", "day"])
def test_what_came_after_an_hour_was_computed_is_in_the_answer(
    api: APIClient, till: Reporter, clock: Clock, resolution: str
) -> None:
    start = clock.at.replace(hour=0) - DAY
    till.health(sample(start, cpu_usage_percent=10), sample(start + 5 * HOUR, cpu_usage_percent=1))
    compute_marked_hours(at=clock.at)
    till.health(sample(start + timedelta(minutes=1), cpu_usage_percent=30), sample(clock.at))
    points = read(
        api, till, "health", **{"from": "2026-05-30T00:00:00Z", "to": "2026-06-02T00:00:00Z", "resolution": resolution}
    )
    spreads = [(point["samples"], point["cpu_usage_percent"]["mean"]) for point in points["points"]]
    assert spreads == (
        [(2, 20), (1, 1), (1, 12.5)] if resolution == "hour" else [(3, pytest.approx(41 / 3)), (1, 12.5)]
    )


@pytest.mark.parametrize("computed", [True, False])
def test_telemetry_by_hours_and_days(api: APIClient, till: Reporter, clock: Clock, computed: bool) -> None:
    start = clock.at.replace(hour=0) - DAY
    till.telemetry(
        period(start, 15, total_orders=1, average_latency=10),
        period(start + timedelta(minutes=15), 45, total_orders=2, average_latency=30),
        period(start + HOUR, 60, total_orders=4, queue=3),
    )
    if computed:
        compute_marked_hours(at=clock.at)
    since = {"from": "2026-05-31T00:00:00Z"}
    assert read(api, till, "telemetry", **since, resolution="hour")["points"] == [
        {"at": "2026-05-31T00:00:00Z", "average_latency": 25.0, "total_orders": 3.0},
        {"at": "2026-05-31T01:00:00Z", "queue": 3.0, "total_orders": 4.0},
    ]
    assert read(api, till, "telemetry", **since, resolution="day")["points"] == [
        {"at": "2026-05-31T00:00:00Z", "average_latency": 25.0, "queue": 3.0, "total_orders": 7.0}
    ]
    assert read(api, till, "telemetry", **since, resolution="raw")["points"][1] == {
        "at": "2026-05-31T00:15:00Z",
        "period_end": "2026-05-31T01:00:00Z",
        "average_latency": 30.0,
        "total_orders": 2.0,
    }


@pytest.mark.parametrize(
    ("span", "resolution"),
    [(HOUR, "raw"), (36 * HOUR, "raw"), (37 * HOUR, "hour"), (40 * DAY, "hour"), (41 * DAY, "day"), (900 * DAY, "day")],
)
@pytest.mark.parametrize("what", ["health", "telemetry"])
def test_the_resolution_is_chosen_by_the_span(
    api: APIClient, till: Reporter, clock: Clock, what: str, span: timedelta, resolution: str
) -> None:
    since = (clock.at - span).isoformat()
    assert read(api, till, what, **{"from": since}) == {"resolution": resolution, "points": []}


def thousand_and(more: int, till: Reporter, clock: Clock) -> None:
    values = {"cpu_usage_percent": 1, "memory_used_mb": 1, "memory_total_mb": 1}
    HealthSample.objects.bulk_create(
        HealthSample(device_id=till.id, at=clock.at - timedelta(seconds=second + 1), **values)
        for second in range(1_000 + more)
    )


def test_more_than_1000_raw_points_are_refused(api: APIClient, till: Reporter, clock: Clock) -> None:
    thousand_and(0, till, clock)
    assert len(read(api, till, "health", resolution="raw")["points"]) == 1_000
    HealthSample.objects.create(
        device_id=till.id, at=clock.at - HOUR, cpu_usage_percent=1, memory_used_mb=1, memory_total_mb=1
    )
    answer = api.get(f"/api/devices/{till.id}/health", {"resolution": "raw"})
    assert (answer.status_code, answer.json()["code"]) == (400, "too_many_points")


def test_where_nothing_was_asked_for_they_are_answered_by_the_hour(
    api: APIClient, till: Reporter, clock: Clock
) -> None:
    thousand_and(1, till, clock)
    assert read(api, till, "health")["resolution"] == "hour"


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"from": "2026-06-01T12:00:00Z"}, "/to"),
        ({"from": "2026-06-01T12:00:00Z", "to": "2026-06-01T11:00:00Z"}, "/to"),
        ({"from": "today"}, "/from"),
        ({"to": "2026-06-01"}, "/to"),
        ({"resolution": "minute"}, "/resolution"),
        ({"resolution": ""}, "/resolution"),
        ({"since": "2026-06-01T11:00:00Z"}, "/since"),
        ({"from": ["2026-06-01T11:00:00Z", "2026-06-01T10:00:00Z"]}, "/from"),
    ],
)
@pytest.mark.parametrize("what", ["health", "telemetry"])
def test_wrong_queries_are_refused(
    api: APIClient, till: Reporter, clock: Clock, what: str, query: dict[str, Any], pointer: str
) -> None:
    answer = api.get(f"/api/devices/{till.id}/{what}", query)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize("what", ["health", "telemetry"])
def test_the_first_and_the_last_moment_that_there_are(api: APIClient, till: Reporter, clock: Clock, what: str) -> None:
    for query in (
        {"to": "0001-01-01T00:00:01Z"},
        {"from": "0001-01-01T00:00:00Z", "to": "9999-12-31T23:59:59Z"},
        {"from": "9999-12-31T23:59:58Z", "to": "9999-12-31T23:59:59.999999Z", "resolution": "day"},
    ):
        assert read(api, till, what, **query)["points"] == []


@pytest.mark.parametrize("what", ["health", "telemetry"])
def test_only_admins_read_and_only_of_live_devices(
    vera: Admin, signed_in: SignIn, till: Reporter, clock: Clock, what: str
) -> None:
    viewer, path = signed_in(vera), f"/api/devices/{till.id}/{what}"
    assert viewer.get(path).status_code == viewer.get(path + "/").status_code == 200
    headers = {"X-Device-ID": str(till.id), "X-Device-Key": till.key}
    assert APIClient().get(path, headers=headers).status_code == 401
    assert APIClient().get(path).status_code == 401
    for unknown in (uuid.uuid4(), "till-1", str(till.id).replace("-", "")):
        answer = viewer.get(f"/api/devices/{unknown}/{what}")
        assert (answer.status_code, answer.json()["code"]) == (404, "device_not_found")
    retire_device(till.id, by=SYSTEM, at=clock.at)
    assert viewer.get(path).status_code == 404


def test_other_devices_are_not_in_the_answer(
    api: APIClient, till: Reporter, new_reporter: NewReporter, clock: Clock
) -> None:
    other = new_reporter("till-2")
    other.health(sample(clock.at - HOUR))
    other.telemetry(period(clock.at - HOUR, total_a=1))
    for what in ("health", "telemetry"):
        for resolution in ("raw", "hour", "day"):
            query = {"from": "2026-06-01T00:00:00Z", "resolution": resolution}
            assert read(api, till, what, **query)["points"] == []
            assert len(read(api, other, what, **query)["points"]) == 1


@pytest.mark.parametrize(("resolution", "most"), [("raw", 3), ("hour", 5), ("day", 6)])
@pytest.mark.parametrize("what", ["health", "telemetry"])
def test_the_number_of_statements(
    api: APIClient, till: Reporter, clock: Clock, what: str, resolution: str, most: int
) -> None:
    """Two are of the sign-in, one is of the device. Two hours are marked, and SQLite has a statement for each."""
    till.health(*(sample(clock.at - number * HOUR) for number in range(40)))
    till.telemetry(*(period(clock.at - number * HOUR, total_a=1) for number in range(1, 40)))
    compute_marked_hours(at=clock.at - HOUR)
    with CaptureQueriesContext(connection) as queries:
        read(api, till, what, resolution=resolution, **{"from": "2026-05-30T00:00:00Z"})
    if resolution == "day" and what == "health":
        most += connection.vendor == "sqlite"
    assert len(queries) == most, [query["sql"] for query in queries]
