"""What a device is answered."""

import uuid
from datetime import timedelta

import pytest
from rest_framework.test import APIClient

from audit.actors import SYSTEM
from conftest import Clock, RegisteredSite
from fleet.devices.services import update_device
from fleet.heartbeats.commands import send_command
from fleet.heartbeats.tests.calls import RegisteredDevice, a_device
from sites.services import deregister_site, lock_site, set_license_expiry

pytestmark = pytest.mark.django_db


@pytest.fixture
def till(roma: RegisteredSite, clock: Clock) -> RegisteredDevice:
    return a_device(roma)


def test_an_answer_without_news_is_short(till: RegisteredDevice) -> None:
    answer = till.call(config_version=1)
    assert answer.status_code == 200
    assert list(answer.json()) == [
        "server_time",
        "next_heartbeat_seconds",
        "config_version",
        "commands",
        "licensed",
        "locked",
    ]
    assert len(answer.content) == 130
    assert answer.json()["commands"] == []
    assert (answer.json()["licensed"], answer.json()["locked"]) == (True, False)


def test_the_pace_is_spread_by_a_fifth_and_the_same_for_each_device(roma: RegisteredSite) -> None:
    devices = [a_device(roma, f"d{number}") for number in range(40)]
    paces = [device.call().json()["next_heartbeat_seconds"] for device in devices]
    assert paces == [device.call().json()["next_heartbeat_seconds"] for device in devices]
    assert set(paces) <= set(range(24, 37))
    assert len(set(paces)) > 5


def test_the_configuration_travels_only_if_its_version_differs(till: RegisteredDevice, clock: Clock) -> None:
    assert till.call().json()["config"] == {}
    clock.move(seconds=30)
    update_device(till.id, {"config": {"printer": "kitchen"}}, by=SYSTEM, at=clock.at)
    answer = till.call(config_version=1).json()
    assert (answer["config_version"], answer["config"]) == (2, {"printer": "kitchen"})
    clock.move(seconds=30)
    assert "config" not in till.call(config_version=2).json()
    assert till.pulse.config_version == 2


def test_a_command_is_answered_once(till: RegisteredDevice, clock: Clock) -> None:
    send_command(till.id, "restart", by=SYSTEM, at=clock.at)
    (command,) = till.call().json()["commands"]
    assert command["name"] == "restart"
    assert till.call().json()["commands"] == []


def test_an_old_command_is_not_answered(till: RegisteredDevice, clock: Clock) -> None:
    send_command(till.id, "restart", by=SYSTEM, at=clock.at)
    clock.move(hours=1)
    assert till.call().json()["commands"] == []


def test_devices_of_a_site_without_service_are_told_so_and_still_answered(
    till: RegisteredDevice, roma: RegisteredSite, clock: Clock
) -> None:
    site_id = uuid.UUID(roma.site_id)
    lock_site(site_id, reason="unpaid", by=SYSTEM, at=clock.at)
    assert (till.call().json()["licensed"], till.call().json()["locked"]) == (True, True)
    set_license_expiry(site_id, license_expires_at=clock.at - timedelta(days=1), by=SYSTEM, at=clock.at)
    assert (till.call().json()["licensed"], till.call().json()["locked"]) == (False, True)
    deregister_site(site_id, by=SYSTEM, at=clock.at)
    answer = till.call()
    assert (answer.status_code, answer.json()["licensed"]) == (200, False)


def test_all_wrong_credentials_get_the_same_answer(till: RegisteredDevice) -> None:
    client = APIClient()
    right, other = till.headers, str(uuid.uuid4())
    wrong = [
        {**right, "X-Device-Key": right["X-Device-Key"][:-1]},
        {**right, "X-Device-ID": other},
        {**right, "X-Device-ID": "till-1"},
        {"X-Device-ID": right["X-Device-ID"]},
        {"X-Device-Key": right["X-Device-Key"]},
        {},
    ]
    answers = [client.post("/api/devices/heartbeat", {}, format="json", headers=headers) for headers in wrong]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert answers[0].json()["code"] == "invalid_device_credentials"
    assert all(answer["WWW-Authenticate"] for answer in answers)


@pytest.mark.parametrize(
    "body",
    [
        {"status": "late"},
        {"status": 1},
        {"uptime_seconds": -1},
        {"uptime_seconds": True},
        {"uptime_seconds": 2**53},
        {"firmware_version": ""},
        {"firmware_version": "1\n"},
        {"boot_id": "x"},
        {"sequence": -1},
        {"config_version": "1"},
        {"config_version": 2**31},
    ],
)
def test_what_is_wrong_is_named(till: RegisteredDevice, body: dict[str, object]) -> None:
    answer = till.call(**body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, f"/{next(iter(body))}")
    assert till.pulse.last_seen_at is None
