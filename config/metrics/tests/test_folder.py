"""The folder in which worker processes keep their counters for each other."""

import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.metrics import folder


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.delenv(folder.VARIABLE, raising=False)
    folder.open_folder()
    yield Path(os.environ[folder.VARIABLE])
    folder.close_folder()


def test_it_is_for_our_user_alone_and_empty(own: Path) -> None:
    (own / "counter_1.db").write_bytes(b"of an earlier process with the same number")
    folder.open_folder()
    assert stat.S_IMODE(own.stat().st_mode) == 0o700
    assert list(own.iterdir()) == []


def test_it_goes_with_the_server(own: Path) -> None:
    folder.close_folder()
    assert not own.exists()


def test_a_child_of_the_server_does_not_remove_it(own: Path) -> None:
    child = os.fork()
    if child == 0:
        folder.close_folder()
        os._exit(0)
    os.waitpid(child, 0)
    assert own.exists()


def test_the_next_server_removes_that_of_a_killed_one_and_no_other() -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    running = subprocess.Popen(["sleep", "60"])
    folders = [folder.shared_memory() / f"{folder.PREFIX}{process.pid}" for process in (ended, running)]
    try:
        for each in folders:
            each.mkdir()
        folder.remove_abandoned(folder.shared_memory())
        assert [each.exists() for each in folders] == [False, True]
    finally:
        running.kill()
        running.wait()
        folders[1].rmdir()
