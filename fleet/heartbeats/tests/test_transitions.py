"""The history of the status of devices."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.actors import SYSTEM
from conftest import Clock, RegisteredSite
from fleet.devices.services import retire_device
from fleet.heartbeats.models import DeviceStatusChange
from fleet.heartbeats.tests.calls import RegisteredDevice, a_device
from fleet.heartbeats.transitions import note_transitions

pytestmark = pytest.mark.django_db


@pytest.fixture
def till(roma: RegisteredSite, clock: Clock) -> RegisteredDevice:
    return a_device(roma)


def history(device: RegisteredDevice) -> list[tuple[str, object]]:
    return list(DeviceStatusChange.objects.filter(device=device.id).order_by("id").values_list("status", "at"))


def test_each_change_is_noted_once_with_the_time_since_when_it_holds(till: RegisteredDevice, clock: Clock) -> None:
    registered = clock.at
    assert note_transitions(at=clock.at) == {"devices": 1}
    called = clock.move(minutes=1)
    pace = timedelta(seconds=till.call().json()["next_heartbeat_seconds"])
    for _ in range(2):
        note_transitions(at=clock.at)
    note_transitions(at=clock.move(seconds=pace.total_seconds() + 5))
    note_transitions(at=clock.move(hours=1))
    back = clock.move(minutes=1)
    till.call(status="stopped")
    note_transitions(at=clock.move(seconds=9))
    assert history(till) == [
        ("never_seen", registered),
        ("online", called),
        ("late", called + pace),
        ("offline", called + 2 * pace),
        ("stopped", back),
    ]
    assert note_transitions(at=clock.move(days=1)) is None


def test_a_retired_device_has_stopped_and_changes_no_more(till: RegisteredDevice, clock: Clock) -> None:
    till.call()
    note_transitions(at=clock.at)
    retired = clock.move(minutes=5)
    retire_device(till.id, by=SYSTEM, at=clock.at)
    note_transitions(at=clock.move(hours=1))
    assert history(till)[-1] == ("stopped", retired)
    assert note_transitions(at=clock.move(hours=1)) is None


def test_any_number_of_devices_takes_the_same_statements(roma: RegisteredSite, clock: Clock) -> None:
    numbers = []
    for amount in (1, 30):
        for number in range(amount):
            a_device(roma, f"d{amount}-{number}")
        with CaptureQueriesContext(connection) as captured:
            assert note_transitions(at=clock.at) == {"devices": amount}
        numbers.append(len(captured))
    assert numbers[0] == numbers[1]
