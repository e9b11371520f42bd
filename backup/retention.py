"""Which backups of a folder are kept, and how old the newest one is."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from backup.archive import NAME, PARTIAL_SUFFIX
from backup.errors import NoRecentBackup

NAMED = re.compile(r"portcullis-\d{8}T\d{6}Z\.zip")
ALL_KEPT_FOR = timedelta(hours=24)
# A backup that still runs has a younger file.
ABANDONED_AFTER = timedelta(hours=24)


def made_at(file: Path) -> datetime:
    return datetime.strptime(file.name, NAME).replace(tzinfo=UTC)


def backups_in(folder: Path) -> list[Path]:
    """The newest first. Other files are none of ours."""
    return sorted((file for file in folder.iterdir() if NAMED.fullmatch(file.name)), key=made_at, reverse=True)


def recent_backup(folder: Path, *, max_age: timedelta, at: datetime) -> Path:
    """The newest backup; each of them was verified before it got its name. Raises NoRecentBackup."""
    try:
        # One from the future was made while the clock was wrong, and would hide that others are missing.
        newest = next((file for file in backups_in(folder) if made_at(file) <= at), None)
    except OSError as error:
        raise NoRecentBackup(f"{folder} cannot be read: {error.strerror}.") from error
    if newest is None:
        raise NoRecentBackup(f"There is no backup in {folder}.")
    age = at - made_at(newest)
    if age > max_age:
        raise NoRecentBackup(
            f"The newest backup is {hours(age):.1f} hours old, which is more than {hours(max_age):g}: {newest}."
        )
    return newest


def hours(duration: timedelta) -> float:
    return duration / timedelta(hours=1)


def superfluous(files: list[Path], *, daily: int, weekly: int, at: datetime) -> list[Path]:
    """Those to delete, of files with the newest first.

    Kept are all of the last 24 hours, and the newest of each of the last `daily` days and `weekly` weeks that have one: if no
    new ones are made, the old ones stay. Days and weeks are those of UTC.
    """
    days: dict[str, Path] = {}
    weeks: dict[str, Path] = {}
    for file in files:
        days.setdefault(f"{made_at(file):%Y-%m-%d}", file)
        weeks.setdefault(f"{made_at(file):%G-%V}", file)
    kept = {*list(days.values())[:daily], *list(weeks.values())[:weekly]}
    return [file for file in files if file not in kept and made_at(file) <= at - ALL_KEPT_FOR]


def delete_old(folder: Path, *, daily: int, weekly: int, at: datetime) -> list[Path]:
    """The deleted backups; also deletes what a backup that was killed has left."""
    old = superfluous(backups_in(folder), daily=daily, weekly=weekly, at=at)
    abandoned_since = (at - ABANDONED_AFTER).timestamp()
    partial = folder.glob(f".portcullis-*{PARTIAL_SUFFIX}")
    for file in [*old, *(file for file in partial if file.stat().st_mtime < abandoned_since)]:
        file.unlink(missing_ok=True)
    return old
