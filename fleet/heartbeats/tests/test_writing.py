"""What heartbeats leave in the database; on PostgreSQL by the statement, on SQLite by the ORM."""

import random
import uuid
from collections import Counter
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from conftest import Clock, RegisteredSite
from fleet.devices.models import Device, DevicePulse
from fleet.heartbeats.beats import Beat, WaitingBeats
from fleet.heartbeats.models import HeartbeatDay
from fleet.heartbeats.tests.calls import RegisteredDevice, a_device
from fleet.heartbeats.writing import UPDATE_PULSES, columns_of, write_beats, write_late, write_with_orm

pytestmark = pytest.mark.django_db


@pytest.fixture
def till(roma: RegisteredSite, clock: Clock) -> RegisteredDevice:
    return a_device(roma, firmware_version="1.0.0")


def beat(at: datetime, **said: object) -> Beat:
    made = Beat(at, at + timedelta(seconds=30), **said)  # type: ignore[arg-type]
    made.counts = {at.date(): 1}
    return made


def counted(device: RegisteredDevice) -> dict[str, int]:
    """The day of the pulse may have a row, too, if the clock was set back."""
    days = Counter({str(each.day): each.heartbeats for each in HeartbeatDay.objects.filter(device=device.id)})
    return days + Counter({str(device.pulse.day): device.pulse.day_heartbeats})


def test_what_is_left_out_stays(till: RegisteredDevice, clock: Clock) -> None:
    boot = uuid.uuid4()
    till.call(firmware_version="1.1.0", uptime_seconds=5, boot_id=str(boot), sequence=7, config_version=1)
    clock.move(seconds=30)
    till.call()
    pulse = till.pulse
    assert pulse.last_seen_at == clock.at
    assert pulse.firmware_version == "1.1.0"
    assert (pulse.uptime_seconds, pulse.boot_id, pulse.sequence, pulse.config_version) == (5, boot, 7, 1)
    assert pulse.day_heartbeats == 2


def test_stopped_and_back(till: RegisteredDevice, clock: Clock) -> None:
    till.call(status="stopped")
    assert Device.objects.with_status(at=clock.at + timedelta(days=9)).get().status == "stopped"
    clock.move(hours=1)
    till.call(status="online")
    assert Device.objects.with_status(at=clock.at).get().status == "online"


def test_the_status_follows_the_time_that_the_device_was_told(till: RegisteredDevice, clock: Clock) -> None:
    pace = timedelta(seconds=till.call().json()["next_heartbeat_seconds"])
    moments = {
        "online": pace,
        "late": pace * 2,
        "offline": pace * 2 + timedelta(microseconds=1),
    }
    for status, after in moments.items():
        at = clock.at + after
        assert Device.objects.with_status(at=at).get().status == status
        assert Device.objects.in_status(status, at=at).count() == 1


def test_a_beat_that_is_written_late_only_counts(till: RegisteredDevice, clock: Clock) -> None:
    write_beats({till.id: beat(clock.at, firmware_version="2.0.0")})
    write_beats({till.id: beat(clock.at - timedelta(seconds=20), firmware_version="1.0.0", is_stopped=True)})
    pulse = till.pulse
    assert (pulse.last_seen_at, pulse.firmware_version, pulse.is_stopped) == (clock.at, "2.0.0", False)
    assert pulse.day_heartbeats == 2


def test_a_beat_that_is_written_twice_counts_once(till: RegisteredDevice, clock: Clock) -> None:
    for _ in range(2):
        write_beats({till.id: beat(clock.at)})
    assert till.pulse.day_heartbeats == 1


def test_a_clock_that_was_ahead_is_overwritten(till: RegisteredDevice, clock: Clock) -> None:
    write_beats({till.id: beat(clock.at + timedelta(minutes=6))})
    write_beats({till.id: beat(clock.at)})
    assert till.pulse.last_seen_at == clock.at


def test_heartbeats_are_counted_by_day(till: RegisteredDevice, clock: Clock) -> None:
    midnight = datetime(2026, 6, 2, tzinfo=clock.at.tzinfo)
    collected = WaitingBeats(write_beats)
    collected.is_collecting = True
    for seconds in (-90, -60, -1, 0, 30):
        collected.add(till.id, beat(midnight + timedelta(seconds=seconds)))
        if seconds in (-90, 30):
            collected.write_waiting()
    write_beats({till.id: beat(midnight - timedelta(seconds=2))})
    assert counted(till) == {"2026-06-01": 4, "2026-06-02": 2}


def test_statement_and_orm_write_the_same(roma: RegisteredSite, clock: Clock) -> None:
    """On PostgreSQL this compares the statement with `write_pulse`."""
    chance = random.Random(7)
    boots = [uuid.UUID(int=number) for number in range(3)]
    one, other = a_device(roma, "one"), a_device(roma, "other")
    for _ in range(60):
        at = clock.at + timedelta(seconds=chance.randrange(0, 200_000))
        said = {
            "is_stopped": chance.random() < 0.2,
            "firmware_version": chance.choice([None, "1", "2"]),
            "uptime_seconds": chance.choice([None, 5]),
            "config_version": chance.choice([None, 1, 2]),
        }
        if chance.random() < 0.5:
            said |= {"boot_id": chance.choice(boots), "sequence": chance.randrange(1, 99)}
        write_beats({one.id: beat(at, **said)})
        write_with_orm([other.id], {other.id: beat(at, **said)})
    rows = list(DevicePulse.objects.filter(pk__in=[one.id, other.id]).values())
    assert {**rows[0], "device_id": 0} == {**rows[1], "device_id": 0}
    assert counted(one) == counted(other)
    assert sum(counted(one).values()) == 60


@pytest.mark.postgresql
def test_any_number_of_devices_takes_the_same_statements(roma: RegisteredSite, clock: Clock) -> None:
    devices = [a_device(roma, f"d{number}") for number in range(50)]

    def statements(some: list[RegisteredDevice], at: datetime, **said: object) -> int:
        with CaptureQueriesContext(connection) as captured:
            write_beats({device.id: beat(at, **said) for device in some})
        return len(captured) - 2  # a savepoint and its release; BEGIN and COMMIT in production

    assert [statements(some, clock.move(seconds=1)) for some in (devices[:1], devices)] == [2, 2]
    assert DevicePulse.objects.filter(last_seen_at=None).count() == 0
    first = uuid.UUID(int=1)
    assert statements(devices, clock.move(seconds=1), boot_id=first, sequence=1) == 2
    restarted = [
        statements(some, clock.move(seconds=1), boot_id=uuid.UUID(int=number), sequence=1)
        for number, some in ((2, devices[:1]), (3, devices[1:]))
    ]
    assert restarted == [5, 5], "the boots that are replaced, the new ones, and whether there are too many"
    tomorrow = [statements(some, clock.move(days=1)) for some in (devices[:1], devices[1:])]
    assert tomorrow == [3, 3]
    assert HeartbeatDay.objects.count() == 50
    assert all(sum(counted(device).values()) >= 4 for device in devices)


@pytest.mark.postgresql
def test_a_beat_that_another_process_has_overtaken_only_counts(till: RegisteredDevice, clock: Clock) -> None:
    """It was written between the two statements."""
    write_beats({till.id: beat(clock.at)})
    late = beat(clock.at - timedelta(seconds=5), is_stopped=True)
    with connection.cursor() as cursor:
        cursor.execute(UPDATE_PULSES, columns_of([till.id], {till.id: late}))
        assert cursor.rowcount == 0
    write_late([till.id], {till.id: late})
    pulse = till.pulse
    assert (pulse.last_seen_at, pulse.is_stopped, pulse.day_heartbeats) == (clock.at, False, 2)
