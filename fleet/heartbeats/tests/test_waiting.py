"""The heartbeats that wait to be written: none is lost and none counts twice, whatever the database does."""

import threading
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from django.db import DataError, OperationalError

from fleet.heartbeats import beats
from fleet.heartbeats.beats import Beat, WaitingBeats
from fleet.heartbeats.pace import load, seconds_until_next_call

AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
ONE, OTHER, BAD = (uuid.UUID(int=number) for number in (1, 2, 3))


class Database:
    """What a WaitingBeats writes to. `fault` is raised by the next writes, after the rows if `is_written`."""

    def __init__(self) -> None:
        self.rows: list[dict[uuid.UUID, int]] = []
        self.fault: Exception | None = None
        self.is_written = False

    def write(self, given: Mapping[uuid.UUID, Beat]) -> None:
        if BAD in given:
            raise DataError("bad")
        if self.fault is None or self.is_written:
            self.rows.append({pk: sum(each.counts.values()) for pk, each in given.items()})
        if self.fault is not None:
            raise self.fault


@pytest.fixture
def database() -> Database:
    return Database()


@pytest.fixture
def waiting(database: Database) -> WaitingBeats:
    collected = WaitingBeats(database.write)
    collected.is_collecting = True
    load.seconds = 0.0
    return collected


def call(waiting: WaitingBeats, device_id: uuid.UUID, *, seconds: int = 0) -> None:
    at = AT + timedelta(seconds=seconds)
    waiting.add(device_id, Beat(at, at + timedelta(seconds=30)))


def test_all_that_came_is_written_at_once(waiting: WaitingBeats, database: Database) -> None:
    for seconds in range(3):
        call(waiting, ONE, seconds=seconds)
    call(waiting, OTHER)
    waiting.write_waiting()
    waiting.write_waiting()
    assert database.rows == [{ONE: 3, OTHER: 1}]


def test_what_fails_is_written_later_and_apart_from_newer_ones(waiting: WaitingBeats, database: Database) -> None:
    """So that a batch of which the answer to the commit was lost is recognized by its times."""
    call(waiting, ONE)
    database.fault, database.is_written = OperationalError("gone"), True
    with pytest.raises(OperationalError):
        waiting.write_waiting()
    call(waiting, ONE, seconds=30)
    database.fault = None
    waiting.write_waiting()
    assert database.rows == [{ONE: 1}, {ONE: 1}, {ONE: 1}]
    assert load.seconds < 1


def test_no_failure_loses_anything(waiting: WaitingBeats, database: Database) -> None:
    for fault in (OperationalError("gone"), RuntimeError("a defect"), MemoryError()):
        call(waiting, ONE)
        database.fault = fault
        with pytest.raises(type(fault)):
            waiting.write_waiting()
        database.fault = None
        waiting.write_waiting()
    assert database.rows == [{ONE: 1}] * 3


def test_a_beat_that_the_database_refuses_keeps_no_other_waiting(
    waiting: WaitingBeats, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    for device_id in (ONE, BAD, OTHER):
        call(waiting, device_id)
    waiting.write_waiting()
    assert {device_id for row in database.rows for device_id in row} == {ONE, OTHER}
    assert str(BAD) in caplog.text
    waiting.write_waiting()
    assert len(database.rows) == 2


def test_without_room_a_beat_is_written_by_its_request(
    waiting: WaitingBeats, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beats, "MAX_WAITING", 1)
    call(waiting, ONE)
    call(waiting, OTHER)
    assert database.rows == [{OTHER: 1}]
    call(waiting, ONE, seconds=1)
    assert len(waiting.waiting) == 1


def test_the_end_of_a_process_waits_for_a_write_that_is_under_way() -> None:
    began, may_end, written = threading.Event(), threading.Event(), []

    def write(given: Mapping[uuid.UUID, Beat]) -> None:
        began.set()
        assert may_end.wait(5)
        written.extend(given)

    waiting = WaitingBeats(write)
    waiting.is_collecting = True
    call(waiting, ONE)
    first = threading.Thread(target=waiting.write_waiting)
    first.start()
    assert began.wait(5)
    call(waiting, OTHER)
    last = threading.Thread(target=waiting.write_waiting)
    last.start()
    last.join(0.1)
    assert last.is_alive()
    may_end.set()
    for thread in (first, last):
        thread.join(5)
    assert written == [ONE, OTHER]


def test_devices_call_less_often_while_writing_takes_long() -> None:
    load.seconds = 0.0
    usual = seconds_until_next_call(ONE)
    paces = []
    for load.seconds in (0.6, 1.2, 3.0, 100.0):
        paces.append(seconds_until_next_call(ONE))
    load.seconds = 0.0
    assert usual < paces[0] < paces[1] < paces[2] == paces[3] <= 300
