"""A file under the name of a backup is whole; one that is not whole is refused."""

import errno
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import pytest

from backup import archive as archives
from backup.archive import Manifest
from backup.errors import BackupFailed, BackupUnreadable

NAME = "portcullis-20261128T120000Z.zip"
MANIFEST = Manifest("2026-11-28T12:00:00Z", "1.0", "sqlite", "3.40", ["sites.0001_initial"], {"sites_site": 1}, {})


def written(folder: Path) -> Path:
    with archives.new_file(folder, NAME) as partial, ZipFile(partial, "w") as archive:
        archive.writestr("database.sqlite3", b"rows " * 1000)
        archives.write_manifest(archive, MANIFEST)
    return folder / NAME


def test_a_whole_file_is_read_back(tmp_path: Path) -> None:
    with archives.opened(written(tmp_path / "new")) as (_, manifest):
        assert manifest == MANIFEST


def test_the_file_and_a_new_folder_are_for_their_owner_alone(tmp_path: Path) -> None:
    file = written(tmp_path / "new")
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_until_the_end_there_is_no_file_of_that_name(tmp_path: Path) -> None:
    with archives.new_file(tmp_path, NAME) as partial:
        partial.write_text("half")
        assert not (tmp_path / NAME).exists()
    assert (tmp_path / NAME).read_text() == "half"


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    def fill_the_disk() -> None:
        with archives.new_file(tmp_path, NAME) as partial:
            partial.write_text("half")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(BackupFailed, match="No space left on device"):
        fill_the_disk()
    assert list(tmp_path.iterdir()) == []


def test_a_backup_is_never_replaced_by_another(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("the first")
    with pytest.raises(BackupFailed, match="exists already"):
        written(tmp_path)
    assert (tmp_path / NAME).read_text() == "the first"


def test_a_file_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    file = written(tmp_path)
    file.write_bytes(file.read_bytes()[:-30])
    with pytest.raises(BackupUnreadable, match="not a whole backup"), archives.opened(file):
        pass


def test_a_changed_byte_is_found(tmp_path: Path) -> None:
    file = written(tmp_path)
    file.write_bytes(file.read_bytes().replace(b"rows rows", b"rows rats", 1))
    with pytest.raises(BackupUnreadable, match="another checksum"), archives.opened(file):
        pass


def test_other_files_are_refused(tmp_path: Path) -> None:
    missing, text, foreign = tmp_path / "missing", tmp_path / "text", tmp_path / "foreign"
    text.write_text("hello")
    with ZipFile(foreign, "w") as archive:
        archive.writestr("picture.png", b"")
    for file, words in (
        (missing, "cannot be read"),
        (text, "not a whole backup"),
        (foreign, "not a backup of Portcullis"),
    ):
        with pytest.raises(BackupUnreadable, match=words), archives.opened(file):
            pass


def test_a_later_format_is_refused(tmp_path: Path) -> None:
    with ZipFile(tmp_path / NAME, "w") as archive:
        archives.write_manifest(archive, replace(MANIFEST, format=2))
    with pytest.raises(BackupUnreadable, match="format 2"), archives.opened(tmp_path / NAME):
        pass
