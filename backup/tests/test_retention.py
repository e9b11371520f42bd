"""Old backups are deleted, but never all of them, and nothing else."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backup.archive import file_name
from backup.retention import backups_in, delete_old, superfluous

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)  # a Saturday


def backups(folder: Path, *ages: timedelta) -> list[Path]:
    files = [folder / file_name(NOW - age) for age in ages]
    for file in files:
        file.touch()
    return files


def days(*numbers: float) -> list[timedelta]:
    return [timedelta(days=number) for number in numbers]


def test_the_newest_of_each_day_and_of_each_week_is_kept(tmp_path: Path) -> None:
    backups(tmp_path, *days(*range(30)))
    kept = set(backups_in(tmp_path)) - set(superfluous(backups_in(tmp_path), daily=3, weekly=3, at=NOW))
    # The three newest days; the newest of this week is one of them, and of the two weeks before the Sundays.
    assert sorted(kept, reverse=True) == [tmp_path / file_name(NOW - age) for age in days(0, 1, 2, 6, 13)]


def test_of_several_on_a_former_day_the_newest_is_kept(tmp_path: Path) -> None:
    newer, older = backups(tmp_path, *days(3.0, 3.2))
    assert superfluous(backups_in(tmp_path), daily=9, weekly=0, at=NOW) == [older]
    assert newer.exists()


def test_all_of_the_last_24_hours_are_kept(tmp_path: Path) -> None:
    backups(tmp_path, *(timedelta(hours=number) for number in range(24)))
    assert superfluous(backups_in(tmp_path), daily=1, weekly=0, at=NOW) == []


def test_without_new_backups_the_old_ones_stay(tmp_path: Path) -> None:
    files = backups(tmp_path, *days(400, 401, 402))
    assert superfluous(files, daily=2, weekly=0, at=NOW) == files[2:]


def test_other_files_stay_and_abandoned_ones_go(tmp_path: Path) -> None:
    fresh, abandoned, foreign = (
        tmp_path / name
        for name in (".portcullis-1.partial", ".portcullis-2.partial", "portcullis-20200101T000000Z.zip.gpg")
    )
    (old,) = backups(tmp_path, timedelta(days=500))
    backups(tmp_path, timedelta())
    for file in (fresh, abandoned, foreign):
        file.touch()
        os.utime(file, (NOW.timestamp(), NOW.timestamp()))
    os.utime(abandoned, ((NOW - timedelta(hours=25)).timestamp(),) * 2)
    assert delete_old(tmp_path, daily=1, weekly=1, at=NOW) == [old]
    assert [file.exists() for file in (old, abandoned, fresh, foreign)] == [False, False, True, True]


@pytest.mark.parametrize("name", ["portcullis-20261128T120000Z.zip.part", "notes.txt", "portcullis-latest.zip"])
def test_only_whole_names_are_backups(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    assert backups_in(tmp_path) == []
