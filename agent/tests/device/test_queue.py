"""The queue on the disk: nothing damages more than one record, and nothing raises."""

from __future__ import annotations

import errno
import logging
import os
import random
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcullis_agent.device.queue import MOST_IN_MEMORY, Queue, Record
from portcullis_agent.device.ranges import Ranges

LARGE = 1024 * 1024


def filled(folder: Path, count: int, max_bytes: int = LARGE) -> Queue:
    queue = Queue(folder, max_bytes)
    for number in range(1, count + 1):
        queue.append({"value": number})
    return queue


def values(queue: Queue, count: int = 100_000) -> list[int]:
    return [record.content["value"] for record in queue.oldest(count)]


def test_records_come_back_in_order_after_a_restart(tmp_path: Path) -> None:
    filled(tmp_path, 500)
    again = Queue(tmp_path, LARGE)
    assert (values(again), len(again)) == (list(range(1, 501)), 500)
    assert again.append({"value": 501}).number == 501


def test_what_was_acknowledged_does_not_come_back(tmp_path: Path) -> None:
    queue = filled(tmp_path, 500, 16_000)
    queue.acknowledge(queue.oldest(1_000)[:40])
    newest = queue.append({"value": 501})
    queue.acknowledge([newest])
    for found in (queue, Queue(tmp_path, 16_000)):
        assert values(found, 3)[0] == values(queue, 1)[0]
        assert 501 not in values(found)
        assert len(found) == len(values(found))
    queue.acknowledge(queue.oldest(1_000))
    again = Queue(tmp_path, 16_000)
    assert (values(again), len(again), list(tmp_path.glob("*.log"))) == ([], 0, [])
    assert again.append({"value": 0}).number == 502, "a number that the server acknowledged is never used again"


def test_without_the_file_of_acknowledgements_everything_is_sent_again(tmp_path: Path) -> None:
    queue = filled(tmp_path, 10)
    queue.acknowledge(queue.oldest(5))
    for damaged in (b"", b"\0" * 40, b"zz [[1],[9]]", b"00000000 [[1],[9]]\n"):
        (tmp_path / "acknowledged").write_bytes(damaged)
        assert values(Queue(tmp_path, LARGE)) == list(range(1, 11))


def test_a_full_queue_loses_its_oldest_records_and_counts_them(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    queue = filled(tmp_path, 3_000, 16_000)
    kept = values(queue)
    assert kept == list(range(kept[0], 3_001))
    assert queue.lost + len(kept) == 3_000
    assert len(queue) == len(kept)
    assert 14_000 < sum(file.stat().st_size for file in tmp_path.glob("*.log")) <= 16_000
    assert len(caplog.records) == 1, "said once"


def test_a_segment_cut_at_any_byte_loses_only_what_was_cut(tmp_path: Path) -> None:
    filled(tmp_path, 8)
    [segment] = tmp_path.glob("*.log")
    whole = segment.read_bytes()
    ends = [end for end in range(len(whole) + 1) if whole[:end].endswith(b"}\n") or end == len(whole)]
    for length in range(len(whole) + 1):
        segment.write_bytes(whole[:length])
        queue = Queue(tmp_path, LARGE)
        count = sum(end - 1 <= length for end in dict.fromkeys(ends))  # the line end itself may be missing
        assert values(queue) == list(range(1, count + 1))
        added = queue.append({"value": 99})
        assert values(Queue(tmp_path, LARGE)) == [*range(1, count + 1), 99]
        for file in tmp_path.glob("*.log"):
            file.unlink()
        assert added.number > count


def test_a_flipped_byte_loses_one_record_at_most(tmp_path: Path) -> None:
    filled(tmp_path, 8)
    [segment] = tmp_path.glob("*.log")
    whole = segment.read_bytes()
    for position in range(len(whole)):
        for bit in (0, 5, 7):
            damaged = bytearray(whole)
            damaged[position] ^= 1 << bit
            segment.write_bytes(damaged)
            found = values(Queue(tmp_path, LARGE))
            assert found == sorted(found)
            assert set(range(1, 9)) - set(found) <= {position * 8 // len(whole) + 1}, (position, found)


def test_any_bytes_can_be_read(tmp_path: Path) -> None:
    source = random.Random(4)
    for _ in range(50):
        (tmp_path / f"{1:020}.log").write_bytes(source.randbytes(2_000) + b"\n" + Record(7, {"value": 7}).encode())
        assert values(Queue(tmp_path, LARGE)) == [7]


def test_a_record_in_the_middle_of_another_file_does_not_hide_what_comes_after(tmp_path: Path) -> None:
    queue = filled(tmp_path, 3)
    segment = next(tmp_path.glob("*.log"))
    segment.write_bytes(segment.read_bytes() + b"\n0123")
    queue.append({"value": 4})
    assert values(Queue(tmp_path, LARGE)) == [1, 2, 3, 4]


def test_a_disk_that_cannot_be_written_keeps_the_newest_records_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    queue = filled(tmp_path, 2)
    for code in (errno.ENOSPC, errno.EROFS, errno.EIO):
        with monkeypatch.context() as patch:

            def refuse(*_: object, code: int = code) -> int:
                raise OSError(code, os.strerror(code))

            patch.setattr(os, "write", refuse)
            for number in range(150):
                queue.append({"value": number})
            assert len(queue) == len(values(queue)) == 2 + MOST_IN_MEMORY
            assert queue.problem
        queue.append({"value": 500})
        assert queue.problem is None
        assert len(Queue(tmp_path, LARGE)) == 3 + MOST_IN_MEMORY, "the disk has what was in memory"
        queue.acknowledge(queue.oldest(1_000)[2:])
    assert queue.lost == 3 * 50
    said = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(said) == 3 * 2 + 1, "the failure, the recovery, and the first loss"


def test_what_is_damaged_while_the_queue_is_open_is_not_waited_for(tmp_path: Path) -> None:
    queue = filled(tmp_path, 9)
    [segment] = tmp_path.glob("*.log")
    segment.write_bytes(b"\0" * 100)
    assert (values(queue), len(queue)) == ([], 0)
    shutil.rmtree(tmp_path)
    assert (values(queue), queue.problem) == ([], None)
    queue.append({"value": 10})
    assert values(queue) == values(Queue(tmp_path, LARGE)) == [10]
    assert queue.problem is None


def test_a_disk_that_fails_collects_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", refuse)
    queue = filled(tmp_path, 300)
    assert list(tmp_path.glob("*.log")) == []
    assert queue.lost == 200


@given(st.lists(st.integers(1, 40)), st.integers(0, 40))
def test_ranges_are_a_set_of_numbers(numbers: list[int], up_to: int) -> None:
    ranges, plain = Ranges(), set()
    for number in numbers:
        ranges.add(number)
        plain.add(number)
    ranges.add_up_to(up_to)
    plain.update(range(1, up_to + 1))
    for found in (ranges, Ranges.decode(ranges.encode())):
        assert {number for number in range(50) if number in found} == plain
        assert found.highest == max(plain, default=0)
        assert all(end + 1 < start for end, start in zip(found._ends, found._starts[1:]))
