"""`backup --check` fails with one sentence if there is no recent backup. It needs no database."""

import json
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from backup.archive import file_name


def put_backup(folder: Path, *, hours: float) -> Path:
    file = folder / file_name(timezone.now() - timedelta(hours=hours))
    file.touch()
    return file


def check(folder: Path, *options: str) -> str:
    out = StringIO()
    call_command("backup", "--check", "--folder", str(folder), *options, stdout=out)
    return out.getvalue().strip()


def test_a_recent_backup_is_named(tmp_path: Path) -> None:
    put_backup(tmp_path, hours=50)
    file = put_backup(tmp_path, hours=29)
    assert check(tmp_path) == f"{file} is 29.0 hours old."
    assert json.loads(check(tmp_path, "--json"))["age_hours"] == 29.0


def test_one_that_is_too_old_fails(tmp_path: Path) -> None:
    file = put_backup(tmp_path, hours=31)
    with pytest.raises(CommandError) as refused:
        check(tmp_path)
    assert str(refused.value) == f"The newest backup is 31.0 hours old, which is more than 30: {file}."
    assert check(tmp_path, "--max-age-hours", "32")


def test_none_at_all_fails(tmp_path: Path) -> None:
    (tmp_path / ".portcullis-1.partial").touch()  # of a backup that was killed
    with pytest.raises(CommandError, match="There is no backup in "):
        check(tmp_path)


def test_one_from_the_future_does_not_count(tmp_path: Path) -> None:
    put_backup(tmp_path, hours=-48)
    with pytest.raises(CommandError, match="There is no backup in "):
        check(tmp_path)


def test_a_folder_that_is_not_there_fails(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read: No such file or directory"):
        check(tmp_path / "elsewhere")


@pytest.mark.parametrize("hours", ["0", "-1", "nan", "inf"])
def test_an_age_that_is_none_is_refused(tmp_path: Path, hours: str) -> None:
    with pytest.raises(CommandError, match="--max-age-hours must be more than 0"):
        check(tmp_path, f"--max-age-hours={hours}")


def test_a_check_makes_no_backup(tmp_path: Path) -> None:
    file = put_backup(tmp_path, hours=1)
    check(tmp_path)
    assert list(tmp_path.iterdir()) == [file]
