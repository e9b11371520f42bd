"""A disk that has no room left, or fails, at each step of an upload."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import File
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.test import Client

from accounts.models import Admin
from conftest import RegisteredSite
from documents.files import services
from documents.files.tests.conftest import TEXT, Upload, stored_names
from documents.models import SiteFile
from sites.tests.conftest import assert_problem

pytestmark = pytest.mark.django_db

FAILURES = pytest.mark.parametrize(
    ("number", "status", "code"),
    [(errno.ENOSPC, 507, "file_storage_full"), (errno.EIO, 503, "file_storage_unavailable")],
)


def failing(number: int) -> Any:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    return fail


@FAILURES
@pytest.mark.parametrize("step", ["new_file", "receive_data_chunk", "file_complete"])
def test_while_a_file_arrives(
    upload: Upload, monkeypatch: pytest.MonkeyPatch, step: str, number: int, status: int, code: str
) -> None:
    monkeypatch.setattr(TemporaryFileUploadHandler, step, failing(number))
    assert_problem(upload(), status, code)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_in_the_middle_of_a_file(
    upload: Upload, monkeypatch: pytest.MonkeyPatch, anna: Admin, roma: RegisteredSite
) -> None:
    """Closing the file tries again to write what is in its buffer."""
    usual = TemporaryFileUploadHandler.new_file

    def new_file(self: Any, *args: Any, **kwargs: Any) -> None:
        usual(self, *args, **kwargs)
        full = os.open("/dev/full", os.O_RDWR)
        os.dup2(full, self.file.fileno())
        os.close(full)

    monkeypatch.setattr(TemporaryFileUploadHandler, "new_file", new_file)
    assert_problem(upload(b"a" * 20_000), 507, "file_storage_full")
    assert_problem(upload(), 507, "file_storage_full")
    browser = Client()
    browser.force_login(anna)
    form = {"kind": "other", "file": SimpleUploadedFile("note.txt", TEXT), "complete": "yes"}
    answer = browser.post(f"/admin/sites/site/{roma.site_id}/files/add/", form, headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()) == (507, {"error": "The server has no room for the file"})


@FAILURES
def test_while_a_file_is_checked(
    upload: Upload, monkeypatch: pytest.MonkeyPatch, number: int, status: int, code: str
) -> None:
    monkeypatch.setattr(services, "sha256_of", failing(number))
    assert_problem(upload(), status, code)


@FAILURES
def test_nothing_stays_of_a_file_that_was_half_stored(
    upload: Upload, monkeypatch: pytest.MonkeyPatch, number: int, status: int, code: str
) -> None:
    def chunks(*_: Any, **__: Any) -> Any:
        yield b"half"
        failing(number)()

    monkeypatch.setattr(File, "chunks", chunks)
    assert_problem(upload(), status, code)
    assert (stored_names(), SiteFile.objects.count()) == ([], 0)


@FAILURES
def test_nothing_stays_of_a_file_that_may_not_survive_a_power_cut(
    upload: Upload, monkeypatch: pytest.MonkeyPatch, number: int, status: int, code: str
) -> None:
    monkeypatch.setattr(os, "fsync", failing(number))
    assert_problem(upload(), status, code)
    assert stored_names() == []


def test_a_file_and_the_folders_with_its_entry_are_synced(
    upload: Upload, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    synced = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.readlink(f"/proc/self/fd/{descriptor}")))
    upload()
    assert synced == [str(folder / SiteFile.objects.get().stored_as), str(folder / "sites"), str(folder)]
