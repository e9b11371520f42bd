"""Multipart bodies that no form sends, and the limit of the body."""

from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from common.web.request_body import body_limit, page_body_limit
from conftest import RegisteredSite
from documents.files.tests.conftest import TEXT, stored_names
from documents.models import SiteFile
from sites.tests.conftest import assert_problem

BOUNDARY = "xxBOUNDARYxx"
END = f"--{BOUNDARY}--\r\n".encode()
KIND = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="kind"\r\n\r\nother\r\n'.encode()
FILE = (
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'.encode() + TEXT + b"\r\n"
)


OTHER = FILE.replace(b'name="file"; filename="a.txt"', b'name="o"; filename="k"')
OTHER_KIND = OTHER.replace(b'name="o"', b'name="kind"')


def post(api: APIClient, site: RegisteredSite, body: bytes) -> Any:
    return api.generic("POST", f"{site.path}/upload", body, content_type=f"multipart/form-data; boundary={BOUNDARY}")


@pytest.mark.django_db
def test_a_body_that_ends_early_is_refused(api: APIClient, roma: RegisteredSite) -> None:
    body = (KIND + FILE + END).removesuffix(b"\r\n")
    for cut in (1, 3, len(END), len(END) + 1, len(END) + 10):
        assert_problem(post(api, roma, body[:-cut]), 400, "unreadable")
    assert (stored_names(), SiteFile.objects.count()) == ([], 0)
    assert post(api, roma, body).status_code == 201


@pytest.mark.django_db
def test_two_files_or_two_kinds_are_refused(api: APIClient, roma: RegisteredSite) -> None:
    assert_problem(post(api, roma, KIND + FILE + FILE + END), 400, "invalid", "/file")
    assert_problem(post(api, roma, KIND + KIND + FILE + END), 400, "invalid", "/kind")
    text = FILE.replace(b'; filename="a.txt"', b"")
    assert_problem(post(api, roma, KIND + text + END), 400, "invalid", "/file")
    assert (stored_names(), SiteFile.objects.count()) == ([], 0)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "other", [OTHER, OTHER + OTHER, OTHER_KIND, OTHER.replace(TEXT, b""), OTHER.replace(TEXT, bytes(300_000))]
)
def test_files_of_other_names_are_forgotten_wherever_they_stand(
    api: APIClient, roma: RegisteredSite, settings: Any, tmp_path: Path, other: bytes
) -> None:
    settings.FILE_UPLOAD_TEMP_DIR = arriving = tmp_path / "arriving"
    arriving.mkdir()
    settings.FILE_MAX_BYTES = 100_000
    for parts in permutations([KIND, FILE, other]):
        answer = post(api, roma, b"".join(parts) + END)
        assert answer.status_code == 201, answer.content
        assert answer.json()["size"] == len(TEXT)
    assert_problem(post(api, roma, KIND + other + END), 400, "invalid", "/file")
    assert_problem(post(api, roma, KIND + FILE + other), 400, "unreadable")
    assert list(arriving.iterdir()) == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("given", "name"),
    [
        (b'filename=".."', "file.txt"),
        (b'filename="/"', "file.txt"),
        (b'filename="a/"', "file.txt"),
        (b'filename="\x01"', "file.txt"),
        (b"filename*=utf-8''%ff.txt", "\ufffd.txt"),
        (b"filename*=utf-8''%2e%2e", "file.txt"),
    ],
)
def test_a_file_with_a_useless_name_gets_another(api: APIClient, roma: RegisteredSite, given: bytes, name: str) -> None:
    answer = post(api, roma, KIND + FILE.replace(b'filename="a.txt"', given) + END)
    assert (answer.status_code, answer.json().get("name")) == (201, name)


@pytest.mark.django_db
@pytest.mark.parametrize("given", [b'filename="\xe9.txt"', b"filename*=nonsense''x.txt"])
def test_a_file_whose_name_cannot_be_read_is_refused_with_the_reason(
    api: APIClient, roma: RegisteredSite, given: bytes
) -> None:
    answer = post(api, roma, KIND + FILE.replace(b'filename="a.txt"', given) + END)
    assert_problem(answer, 400, "invalid", "/file")
    assert "must be in UTF-8" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("path", "megabytes"),
    [
        ("/api/sites/0b6f4c1e/upload", 11),
        ("/api/v1/sites/0b6f4c1e/upload/", 11),
        ("/api/sites/0b6f4c1e/lock", 0.0625),
        ("/api/sites/upload", 0.0625),
        ("/api/sites/a/b/upload", 0.0625),
        ("/api/devices/0b6f4c1e/upload", 0.0625),
    ],
)
def test_only_an_upload_has_a_larger_body(path: str, megabytes: float) -> None:
    assert body_limit(path) == megabytes * 1024 * 1024


def test_only_the_form_for_a_file_has_a_larger_body() -> None:
    assert page_body_limit("/admin/sites/site/0b6f4c1e/files/add/") == 11 * 1024 * 1024
    for path in ("/admin/sites/site/0b6f4c1e/change/", "/admin/login/", "/admin/sites/site/a/b/files/add/"):
        assert page_body_limit(path) == 5_000_000
