"""Storages that fail, and what an upload leaves behind."""

import hashlib
import os
import tempfile
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from documents.files import bucket, services
from documents.files.tests.conftest import ON_BOTH, Upload, free_port, stored_names, use_bucket
from documents.models import SiteFile
from sites.tests.conftest import assert_problem

pytestmark = pytest.mark.django_db

MEBIBYTE = 1024 * 1024


def test_an_outage_of_s3_is_said(
    upload: Upload, settings: Any, s3: str, monkeypatch: pytest.MonkeyPatch, storage: None
) -> None:
    use_bucket(settings, s3)
    default_storage.bucket.create()  # type: ignore[attr-defined]
    url = upload().json()["url"]
    monkeypatch.setitem(bucket.LIMITS, "retries", {"mode": "standard", "total_max_attempts": 1})
    use_bucket(settings, f"http://127.0.0.1:{free_port()}")
    for answer in (upload(), APIClient().get(url)):
        assert_problem(answer, 503, "file_storage_unavailable")
        assert answer["Retry-After"] == "5"
    assert SiteFile.objects.count() == 1


def test_a_bucket_that_does_not_exist_is_said(upload: Upload, settings: Any, s3: str) -> None:
    use_bucket(settings, s3, bucket_name="another")
    assert_problem(upload(), 503, "file_storage_unavailable")


@ON_BOTH
def test_a_file_that_is_gone_is_said(upload: Upload) -> None:
    url = upload().json()["url"]
    default_storage.delete(SiteFile.objects.get().stored_as)
    assert_problem(APIClient().get(url), 404, "file_missing")


def test_a_folder_that_cannot_be_written_is_said(upload: Upload, folder: Path) -> None:
    folder.write_text("a file in its place")
    assert_problem(upload(), 503, "file_storage_unavailable")


@ON_BOTH
def test_the_quota_of_a_site(upload: Upload, settings: Any) -> None:
    settings.FILES_BYTES_PER_SITE = 1_000
    upload(b"a" * 600)
    assert_problem(upload(b"a" * 401), 409, "quota_exceeded")
    assert len(stored_names()) == 1
    assert upload(b"a" * 400).status_code == 201
    SiteFile.objects.filter(size=600).update(deleted_at="2026-01-01T00:00:00Z")
    assert upload(b"a" * 600).status_code == 201


def test_the_files_of_a_site_are_counted_twice_only(upload: Upload) -> None:
    """Before the work, and under the site's lock."""
    with CaptureQueriesContext(connection) as queries:
        upload()
    assert len([query for query in queries if "SUM(" in query["sql"]]) == 2
    assert [
        query["sql"] for query in queries if "COUNT(*)" in query["sql"] and "documents_sitefile" in query["sql"]
    ] == []


def test_a_site_has_a_thousand_files_at_most(upload: Upload, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "MAX_FILES_PER_SITE", 1)
    upload()
    assert_problem(upload(), 409, "quota_exceeded")
    assert len(stored_names()) == 1


def test_a_file_over_the_limit_is_refused(upload: Upload, settings: Any) -> None:
    settings.FILE_MAX_BYTES = 1_000
    assert_problem(upload(b"a" * 1_001), 413, "body_too_large")
    assert upload(b"a" * 1_000).status_code == 201


def test_ten_megabytes_stay_out_of_the_memory(upload: Upload, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test's client holds the body itself, so it is measured from the parser on."""
    peaks = []
    usual = services.add_file

    def measured(*arguments: Any, **facts: Any) -> Any:
        tracemalloc.start()
        try:
            return usual(*arguments, **facts)
        finally:
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()

    monkeypatch.setattr(services, "add_file", measured)
    content = os.urandom(MEBIBYTE // 2).hex().encode() * 10
    file = upload(content).json()
    assert file["size"] == 10 * MEBIBYTE
    assert file["sha256"] == hashlib.sha256(content).hexdigest()
    assert peaks[0] < 2 * MEBIBYTE
    sent = APIClient().get(file["url"])
    assert max(map(len, sent.streaming_content)) <= 256 * 1024


def test_no_temporary_file_is_left(upload: Upload, settings: Any, tmp_path: Path) -> None:
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "arriving"
    settings.FILE_UPLOAD_TEMP_DIR.mkdir()
    assert tempfile.gettempdir() != str(settings.FILE_UPLOAD_TEMP_DIR)
    upload()
    upload(b"<html>")
    upload(kind="nonsense")
    settings.FILE_MAX_BYTES = 10
    upload()
    assert list(settings.FILE_UPLOAD_TEMP_DIR.iterdir()) == []


@pytest.mark.parametrize(
    ("command", "status", "code"),
    [
        (["true"], 201, None),
        (["grep", "-q", "Call before"], 201, None),
        (["false"], 400, "file_refused"),
        (["grep", "-q", "no such text"], 400, "file_refused"),
        (["/no/such/command"], 503, "file_scan_unavailable"),
        (["sh", "-c", "sleep 5"], 503, "file_scan_unavailable"),
        (["sh", "-c", "echo 'ERROR: Could not connect to clamd' >&2; exit 2"], 503, "file_scan_unavailable"),
        (["sh", "-c", "kill -9 $$"], 503, "file_scan_unavailable"),
    ],
)
def test_a_scan_decides(
    upload: Upload,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    command: list[str],
    status: int,
    code: str | None,
) -> None:
    monkeypatch.setattr("documents.files.scan.SECONDS", 1)
    settings.FILE_SCAN_COMMAND = command
    answer = upload()
    assert (answer.status_code, answer.json().get("code")) == (status, code)
    assert len(stored_names()) == (status == 201)
