"""What uploads leave that were cut short."""

import os
import time
from pathlib import Path

import pytest
from django.db import OperationalError
from django.utils import timezone

from fleet.firmware.files.incoming import incoming_folder
from fleet.firmware.models import Firmware
from fleet.firmware.prune import OLD_AFTER_SECONDS, prune_firmware_uploads
from fleet.firmware.tests.conftest import Upload, files_in
from sites.tests.conftest import assert_problem

pytestmark = pytest.mark.django_db


def left(name: str, *, ago: float) -> Path:
    path = incoming_folder() / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"part")
    os.utime(path, (time.time() - ago,) * 2)
    return path


def prune() -> int:
    return prune_firmware_uploads(at=timezone.now())["firmware_uploads"]


def test_without_a_folder_there_is_nothing_to_do() -> None:
    assert prune() == 0


def test_an_old_upload_is_deleted_and_one_on_its_way_stays(folder: Path) -> None:
    left("old.bin", ago=OLD_AFTER_SECONDS + 1)
    left("new.bin", ago=OLD_AFTER_SECONDS - 60)
    assert prune() == 1
    assert files_in(folder) == ["incoming/new.bin"]


def test_what_a_killed_upload_has_stored_is_deleted_with_it(folder: Path) -> None:
    old = left("old.bin", ago=OLD_AFTER_SECONDS + 1)
    (folder / "old.bin").hardlink_to(old)
    assert prune() == 1
    assert files_in(folder) == []


def test_the_file_of_a_row_stays(folder: Path, upload: Upload) -> None:
    upload()
    name = Firmware.objects.get().file_name
    left(name, ago=OLD_AFTER_SECONDS + 1)
    assert prune() == 1
    assert files_in(folder) == [name]


def test_files_without_a_row_or_an_upload_are_not_touched(folder: Path, upload: Upload) -> None:
    """As after a restore of a backup that is older than the files."""
    upload()
    Firmware.objects.all().delete()
    before = files_in(folder)
    assert prune() == 0
    assert files_in(folder) == before


def test_the_next_upload_prunes_too(folder: Path, upload: Upload) -> None:
    left("old.bin", ago=OLD_AFTER_SECONDS + 1)
    upload()
    assert files_in(folder) == [Firmware.objects.get().file_name]


def test_an_upload_that_ends_while_another_one_looks_is_no_failure(
    folder: Path, upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    left("old.bin", ago=OLD_AFTER_SECONDS + 1)
    other = left("other.bin", ago=0)
    find = Path.glob

    def glob(folder: Path, pattern: str) -> list[Path]:
        found = list(find(folder, pattern))
        other.unlink()
        return found

    monkeypatch.setattr(Path, "glob", glob)
    answer = upload()
    assert answer.status_code == 201, answer.content
    assert files_in(folder) == [Firmware.objects.get().file_name]


def test_a_commit_whose_end_is_not_known_leaves_the_file_to_the_job(
    folder: Path, upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    def insert(*args: object, **kwargs: object) -> None:
        raise OperationalError("the connection was lost")

    monkeypatch.setattr("fleet.firmware.services.uploads.insert", insert)
    assert_problem(upload(), 503, "unavailable")
    [stored, incoming] = sorted(files_in(folder), key=len)
    assert incoming == f"incoming/{stored}"
    os.utime(folder / incoming, (0, 0))
    assert prune() == 1
    assert files_in(folder) == []
