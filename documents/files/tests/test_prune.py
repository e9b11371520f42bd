"""What is deleted when it is no longer kept."""

from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from django.core.files import File
from django.core.files.storage import default_storage, storages
from django.utils import timezone
from rest_framework.test import APIClient

from conftest import RegisteredSite
from documents.files import prune
from documents.files.errors import FileStorageUnavailable
from documents.files.prune import prune_files
from documents.files.tests.conftest import ON_BOTH, Upload, picture, stored_names
from documents.models import SiteFile
from sites.models import Site

pytestmark = [pytest.mark.django_db, ON_BOTH]
DAY = timedelta(days=1)


def storage_fails(*_: Any) -> None:
    raise FileStorageUnavailable


def test_a_file_that_is_kept_stays(upload: Upload) -> None:
    upload()
    assert prune_files(at=timezone.now() + 1_000 * DAY) == {"files": 0, "files_without_a_row": 0}
    assert len(stored_names()) == 1


def test_a_deleted_file_goes_if_the_storage_failed_before(
    api: APIClient,
    upload: Upload,
    roma: RegisteredSite,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    file = upload().json()
    with monkeypatch.context() as outage, django_capture_on_commit_callbacks(execute=True):
        outage.setattr(type(storages["default"]), "delete", storage_fails)
        assert api.delete(f"{roma.path}/files/{file['id']}").status_code == 204
        with pytest.raises(FileStorageUnavailable):
            prune_files(at=timezone.now())
    assert (len(stored_names()), SiteFile.objects.count()) == (1, 1)
    assert prune_files(at=timezone.now()) == {"files": 1, "files_without_a_row": 0}
    assert (stored_names(), SiteFile.objects.count()) == ([], 0)


def test_files_of_a_deregistered_site_are_kept_for_ninety_days(
    api: APIClient, upload: Upload, roma: RegisteredSite
) -> None:
    upload()
    api.delete(roma.path)
    end = Site.objects.get().deregistered_at
    assert end
    assert prune_files(at=end + 90 * DAY - timedelta(seconds=1))["files"] == 0
    assert prune_files(at=end + 90 * DAY)["files"] == 1
    assert (stored_names(), SiteFile.objects.count()) == ([], 0)


def test_bytes_without_a_row_go_after_a_day(upload: Upload) -> None:
    upload()
    default_storage.save("sites/left.txt", File(BytesIO(b"a crash came between the bytes and the row")))
    assert prune_files(at=timezone.now())["files_without_a_row"] == 0
    assert prune_files(at=timezone.now() + 2 * DAY)["files_without_a_row"] == 1
    assert stored_names() == [SiteFile.objects.get().stored_as]


def test_a_preview_stays_as_long_as_its_picture(upload: Upload) -> None:
    upload(picture("PNG"))
    assert prune_files(at=timezone.now() + 2 * DAY)["files_without_a_row"] == 0
    assert len(stored_names()) == 2
    SiteFile.objects.update(deleted_at=timezone.now())
    assert prune_files(at=timezone.now())["files"] == 1
    assert stored_names() == []


def test_one_file_that_cannot_be_deleted_does_not_keep_the_others(
    upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        upload()
    default_storage.save("sites/left.txt", File(BytesIO(b"a crash came between the bytes and the row")))
    SiteFile.objects.update(deleted_at=timezone.now())
    bad = SiteFile.objects.order_by("stored_as").values_list("stored_as", flat=True)[0]
    backend = type(storages["default"])
    usual = backend.delete

    def delete(self: Any, name: str) -> None:
        if name == bad:
            raise FileStorageUnavailable
        usual(self, name)

    monkeypatch.setattr(backend, "delete", delete)
    with pytest.raises(FileStorageUnavailable, match=r"^1 files could not be deleted"):
        prune_files(at=timezone.now() + 2 * DAY)
    assert list(SiteFile.objects.values_list("stored_as", flat=True)) == stored_names() == [bad]


def test_a_storage_that_is_down_is_not_asked_for_each_file(upload: Upload, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def delete(_: Any, name: str) -> None:
        asked.append(name)
        raise FileStorageUnavailable

    for _ in range(5):
        upload()
    SiteFile.objects.update(deleted_at=timezone.now())
    monkeypatch.setattr(prune, "MAX_FAILURES_IN_A_ROW", 3)
    monkeypatch.setattr(type(storages["default"]), "delete", delete)
    with pytest.raises(FileStorageUnavailable):
        prune_files(at=timezone.now())
    assert len(asked) == 3


def test_names_are_compared_in_batches(upload: Upload, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prune, "BATCH", 2)
    upload(picture("PNG"))
    for number in range(4):
        upload()
        default_storage.save(f"sites/{number}.txt", File(BytesIO(b"left")))
    assert prune_files(at=timezone.now() + 2 * DAY)["files_without_a_row"] == 4
    assert len(stored_names()) == 6


def test_files_that_were_marked_stay_deleted_when_the_site_is_restored(
    api: APIClient, upload: Upload, roma: RegisteredSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload()
    api.delete(roma.path)
    end = Site.objects.get().deregistered_at
    assert end
    with monkeypatch.context() as outage:
        outage.setattr(type(storages["default"]), "delete", storage_fails)
        with pytest.raises(FileStorageUnavailable):
            prune_files(at=end + 90 * DAY)
    Site.objects.update(deregistered_at=None)
    assert api.get(f"{roma.path}/files").json()["count"] == 0
    assert prune_files(at=end + 91 * DAY)["files"] == 1


def test_without_any_file_there_is_nothing_to_do() -> None:
    assert prune_files(at=timezone.now()) == {"files": 0, "files_without_a_row": 0}
