"""`kill -9` while the queue is written, and a disk that is full: nothing acknowledged to the caller is lost or damaged."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from portcullis_agent.device.queue import Queue

from .writing import MAX_BYTES

PACKAGE = Path(__file__).resolve().parents[3]
KILLS = 25


def test_a_kill_at_any_instant_loses_no_record(tmp_path: Path) -> None:
    source, highest = random.Random(9), 0
    command = [sys.executable, "-m", "tests.device.disk.writing", str(tmp_path)]
    process = subprocess.Popen(
        command, cwd=PACKAGE, env={"PYTHONPATH": "src"}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin
    assert process.stdout
    for _ in range(KILLS):
        process.stdin.write("\n")
        process.stdin.flush()
        child = int(process.stdout.readline().split()[1])
        first = int(process.stdout.readline())
        assert first > highest, "a number is never used twice"
        time.sleep(source.uniform(0, 0.04))
        os.kill(child, signal.SIGKILL)
        taken = first
        for line in process.stdout:
            if line.startswith("ended"):
                assert int(line.split()[1]) == signal.SIGKILL
                break
            taken = int(line)
        queue = Queue(tmp_path, MAX_BYTES)
        waiting = [record.number for record in queue.oldest(100_000)]
        assert waiting == list(range(waiting[0], waiting[-1] + 1)), "no gap"
        assert waiting[-1] - taken in {0, 1}, "the last may be on the disk before it is printed"
        assert len(waiting) == len(queue)
        assert queue.size <= MAX_BYTES
        highest = waiting[-1]
    process.stdin.close()
    process.wait(20)
    process.stdout.close()
    assert highest > KILLS


@contextmanager
def mounted_disk(folder: Path) -> Iterator[bool]:
    """A disk of half a MB in the folder; False if this user may not mount one."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"No disk can be mounted here, files are limited instead: {done.stderr.strip()}")
        yield False
        return
    try:
        yield True
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_loses_samples_says_so_once_and_stops_nothing(tmp_path: Path) -> None:
    with mounted_disk(tmp_path / "disk") as is_mounted:
        found = fill(tmp_path / "disk", limited=not is_mounted)
    check(found)


def test_files_that_cannot_grow_lose_samples_say_so_once_and_stop_nothing(tmp_path: Path) -> None:
    check(fill(tmp_path / "disk", limited=True))


def check(found: dict[str, Any]) -> None:
    on_disk = found["on_disk"]
    assert on_disk == list(range(1, len(on_disk) + 1)), "what was written can be read"
    assert 100 < len(on_disk) < 2_000
    assert found["in_memory"] == list(range(5_901, 6_001)), "the newest are kept"
    assert found["lost"] + found["waiting"] == 6_000
    assert found["problem"]
    assert len([text for text in found["said"] if "/health cannot be used" in text]) == 1
    assert found["config"] == {"number": 6_000}, "what cannot be stored counts until the end of the process"


def fill(folder: Path, *, limited: bool) -> dict[str, Any]:
    """What a device came to on a full disk. `limited`: its files cannot grow beyond 100 KiB or less."""
    # Beyond the limit a write fails with EFBIG, because Python ignores the signal.
    prefix = ["sh", "-c", 'ulimit -f 100 && exec "$@"', "sh"] if limited else []
    command = [*prefix, sys.executable, "-m", "tests.device.disk.filling", str(folder)]
    environment = {"PYTHONPATH": "src", "PATH": os.environ["PATH"]}
    done = subprocess.run(
        command, cwd=PACKAGE, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found
