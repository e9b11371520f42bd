"""`POST /api/health`: what is accepted, counted as a duplicate, and rejected."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError
from rest_framework.test import APIClient

from audit.actors import SYSTEM
from conftest import Clock
from fleet.devices.services import retire_device
from fleet.telemetry.limits import MAX_ITEMS
from fleet.telemetry.models import HealthSample, MarkedHour
from fleet.telemetry.tests.conftest import NewReporter, Reporter, sample

pytestmark = pytest.mark.django_db
ALL_ACCEPTED = {"accepted": 1, "duplicates": 0, "rejected": []}


def codes(verdict: dict[str, Any]) -> list[tuple[int, str, str]]:
    return [(item["index"], each["pointer"], each["code"]) for item in verdict["rejected"] for each in item["errors"]]


def test_one_sample_is_stored_with_the_time_of_the_call(till: Reporter, clock: Clock) -> None:
    answer = till.post("health", sample(temperature_celsius=-3, disk_used_percent=None))
    assert (answer.status_code, answer.json()) == (200, ALL_ACCEPTED)
    assert answer["Cache-Control"] == "no-store"
    stored = HealthSample.objects.get()
    assert (stored.device_id, stored.at, stored.cpu_usage_percent) == (till.id, clock.at, 12.5)
    assert (stored.memory_used_mb, stored.memory_total_mb) == (512, 2048)
    assert (stored.temperature_celsius, stored.disk_used_percent) == (-3, None)


def test_a_call_that_is_repeated_stores_nothing_more(till: Reporter, clock: Clock) -> None:
    batch = [sample(clock.at - timedelta(minutes=minutes)) for minutes in range(5)]
    assert till.health(*batch) == {"accepted": 5, "duplicates": 0, "rejected": []}
    assert till.health(*reversed(batch)) == {"accepted": 0, "duplicates": 5, "rejected": []}
    assert HealthSample.objects.count() == 5


def test_of_one_moment_the_first_sample_stays(till: Reporter, clock: Clock) -> None:
    assert till.health(
        sample(clock.at, cpu_usage_percent=1), sample(clock.at, cpu_usage_percent=2), sample(cpu_usage_percent=3)
    ) == {"accepted": 1, "duplicates": 2, "rejected": []}
    assert till.health(sample(clock.at, cpu_usage_percent=4))["duplicates"] == 1
    assert HealthSample.objects.get().cpu_usage_percent == 1


def test_the_same_moment_in_another_zone_is_the_same(till: Reporter, clock: Clock) -> None:
    assert till.health(sample(at="2026-06-01T14:00:00+02:00"), sample(at="2026-06-01T12:00:00.000Z")) == {
        "accepted": 1,
        "duplicates": 1,
        "rejected": [],
    }


def test_two_devices_may_report_the_same_moment(till: Reporter, new_reporter: NewReporter, clock: Clock) -> None:
    other = new_reporter("till-2")
    assert till.health(sample(clock.at)) == other.health(sample(clock.at)) == ALL_ACCEPTED
    assert set(HealthSample.objects.values_list("device_id", flat=True)) == {till.id, other.id}


@pytest.mark.parametrize(
    ("wrong", "pointer", "code"),
    [
        ({"cpu_usage_percent": "5"}, "/cpu_usage_percent", "invalid"),
        ({"cpu_usage_percent": True}, "/cpu_usage_percent", "invalid"),
        ({"cpu_usage_percent": None}, "/cpu_usage_percent", "null"),
        ({"cpu_usage_percent": [1]}, "/cpu_usage_percent", "invalid"),
        ({"cpu_usage_percent": 100.1}, "/cpu_usage_percent", "max_value"),
        ({"cpu_usage_percent": -0.1}, "/cpu_usage_percent", "min_value"),
        ({"cpu_usage_percent": 10**400}, "/cpu_usage_percent", "max_value"),
        ({"memory_used_mb": -1}, "/memory_used_mb", "min_value"),
        ({"memory_used_mb": 2049}, "/memory_used_mb", "above_total"),
        ({"memory_total_mb": 10**9 + 1}, "/memory_total_mb", "max_value"),
        ({"memory_total_mb": 0, "memory_used_mb": 0}, "/memory_total_mb", "min_value"),
        ({"temperature_celsius": 301}, "/temperature_celsius", "max_value"),
        ({"temperature_celsius": -101}, "/temperature_celsius", "min_value"),
        ({"temperature_celsius": False}, "/temperature_celsius", "invalid"),
        ({"disk_used_percent": 101}, "/disk_used_percent", "max_value"),
        ({"at": "2026-05-02T11:59:59Z"}, "/at", "too_old"),
        ({"at": "2026-06-01T12:05:01Z"}, "/at", "in_the_future"),
        ({"at": "2026-06-01T12:00:00"}, "/at", "invalid"),
        ({"at": "yesterday"}, "/at", "invalid"),
        ({"at": 1780315200}, "/at", "invalid"),
        ({"at": "0000-06-01T12:00:00Z"}, "/at", "invalid"),
        ({"at": "9999-12-31T23:59:59-12:00"}, "/at", "invalid"),
    ],
)
def test_a_bad_sample_does_not_spoil_the_others(
    till: Reporter, clock: Clock, wrong: dict[str, Any], pointer: str, code: str
) -> None:
    good = [sample(clock.at - timedelta(minutes=minutes)) for minutes in (1, 2)]
    verdict = till.health(good[0], sample(**wrong), good[1])
    assert (verdict["accepted"], verdict["duplicates"]) == (2, 0)
    assert codes(verdict) == [(1, pointer, code)]
    assert verdict["rejected"][0]["errors"][0]["detail"]
    assert HealthSample.objects.count() == 2


@pytest.mark.parametrize("item", [None, 5, "text", [], [sample()], True])
def test_what_is_no_object_is_rejected(till: Reporter, item: Any) -> None:
    verdict = till.health(item, sample())
    assert verdict["accepted"] == 1
    assert codes(verdict) == [(0, "", "null" if item is None else "invalid")]


def test_all_that_is_missing_is_named(till: Reporter) -> None:
    answer = till.post("health", {})
    assert answer.status_code == 200
    assert codes(answer.json()) == [
        (0, "/cpu_usage_percent", "required"),
        (0, "/memory_used_mb", "required"),
        (0, "/memory_total_mb", "required"),
    ]


def test_the_limits_themselves_are_accepted(till: Reporter, clock: Clock) -> None:
    low = sample(clock.at - timedelta(days=30), cpu_usage_percent=0, memory_used_mb=0, memory_total_mb=0.001)
    high = sample(clock.at + timedelta(minutes=5), cpu_usage_percent=100, memory_used_mb=10**9, memory_total_mb=10**9)
    assert till.health(
        {**low, "temperature_celsius": -100, "disk_used_percent": 0},
        {**high, "temperature_celsius": 300, "disk_used_percent": 100, "unknown": {"ignored": True}},
    ) == {"accepted": 2, "duplicates": 0, "rejected": []}


@pytest.mark.parametrize(
    "body",
    [{"samples": []}, {"samples": [sample()] * (MAX_ITEMS + 1)}, {"samples": None}, {"samples": sample()}],
    ids=["none", "too many", "null", "no list"],
)
def test_a_batch_has_1_to_1000_samples(till: Reporter, body: Any) -> None:
    answer = till.post("health", body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert answer.json()["errors"][0]["pointer"] == "/samples"
    assert not HealthSample.objects.exists()


def test_a_thousand_samples_are_stored(till: Reporter, clock: Clock) -> None:
    batch = [sample(clock.at - timedelta(minutes=minutes)) for minutes in range(MAX_ITEMS)]
    assert till.health(*batch)["accepted"] == HealthSample.objects.count() == MAX_ITEMS


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_not_json_are_unreadable(till: Reporter, text: str) -> None:
    body = '{"cpu_usage_percent": NUMBER, "memory_used_mb": 1, "memory_total_mb": 1}'.replace("NUMBER", text)
    headers = {"X-Device-ID": str(till.id), "X-Device-Key": till.key}
    answer = APIClient().post("/api/health", body, content_type="application/json", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "unreadable")


@pytest.mark.parametrize("headers", [{}, {"X-Device-ID": ""}, {"X-Device-Key": "pdk_1"}, {"X-Device-ID": "x\0y"}])
@pytest.mark.parametrize("path", ["health", "telemetry"])
def test_without_credentials_of_a_device_nothing_is_read(till: Reporter, path: str, headers: dict[str, str]) -> None:
    answer = APIClient().post(f"/api/{path}", "no JSON", content_type="application/json", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_device_credentials")
    assert answer["WWW-Authenticate"]


def test_an_admin_is_no_device(api: APIClient) -> None:
    assert api.post("/api/health", sample()).status_code == 401
    assert api.post("/api/telemetry", sample()).status_code == 401


def test_a_retired_device_is_refused(till: Reporter, clock: Clock) -> None:
    retire_device(till.id, by=SYSTEM, at=clock.at)
    assert till.post("health", sample()).status_code == 401


def test_query_parameters_and_other_methods_are_refused(till: Reporter) -> None:
    assert till.post("health?at=now", sample()).status_code == 400
    headers = {"X-Device-ID": str(till.id), "X-Device-Key": till.key}
    answer = APIClient().get("/api/health", headers=headers)
    assert (answer.status_code, answer["Allow"]) == (405, "POST")


def test_the_hours_of_new_samples_are_marked(till: Reporter, clock: Clock) -> None:
    till.health(sample(clock.at), sample(clock.at - timedelta(hours=1)), sample(clock.at - timedelta(minutes=61)))
    marks = MarkedHour.objects.order_by("hour").values_list("kind", "device_id", "hour", "day")
    day = clock.at.replace(hour=0)
    hours = [clock.at - timedelta(hours=ago) for ago in (2, 1, 0)]
    assert list(marks) == [("health", till.id, hour, day) for hour in hours]
    MarkedHour.objects.all().delete()
    till.health(sample(clock.at))
    assert not MarkedHour.objects.exists(), "a duplicate changes no hour"


@pytest.mark.parametrize(
    "wrong",
    [
        {"cpu_usage_percent": 101},
        {"memory_used_mb": 3},
        {"memory_total_mb": 2e9, "memory_used_mb": 1},
        {"memory_total_mb": 0, "memory_used_mb": 0},
        {"temperature_celsius": 301},
        {"disk_used_percent": -1},
    ],
)
def test_the_database_refuses_what_is_out_of_range(till: Reporter, clock: Clock, wrong: dict[str, Any]) -> None:
    good = {"cpu_usage_percent": 1, "memory_used_mb": 1, "memory_total_mb": 2}
    HealthSample.objects.create(device_id=till.id, at=clock.at, **good)
    with pytest.raises(IntegrityError, match="healthsample_"):
        HealthSample.objects.create(device_id=till.id, at=clock.at + timedelta(1), **(good | wrong))


def test_a_device_has_one_sample_for_a_moment_in_the_database(till: Reporter, clock: Clock) -> None:
    values = {"cpu_usage_percent": 1, "memory_used_mb": 1, "memory_total_mb": 2}
    HealthSample.objects.create(device_id=till.id, at=clock.at, **values)
    with pytest.raises(IntegrityError):
        HealthSample.objects.bulk_create([HealthSample(device_id=till.id, at=clock.at, **values)])


def test_an_unknown_device_cannot_be_given_by_the_body(till: Reporter, clock: Clock) -> None:
    till.health(sample(clock.at, device_id=str(uuid.uuid4()), device="other"))
    assert HealthSample.objects.get().device_id == till.id
