"""Multipart bodies that no form sends."""

from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from fleet.firmware.models import Firmware
from fleet.firmware.tests.conftest import BYTES, FACTS, files_in, loaded
from sites.tests.conftest import assert_problem

pytestmark = pytest.mark.django_db

BOUNDARY = "xxBOUNDARYxx"


def text(name: str, value: str) -> bytes:
    return f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()


def file(
    content: bytes = BYTES, *, name: str = "file", disposition: str = '; filename="a.bin"', more: str = ""
) -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{disposition}\r\n{more}\r\n'
    return head.encode() + content + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()
TEXTS = b"".join(text(name, value) for name, value in FACTS.items())


def post(api: APIClient, body: bytes, content_type: str = f"multipart/form-data; boundary={BOUNDARY}") -> Any:
    return api.generic("POST", "/api/firmware", body, content_type=content_type)


def assert_refused(answer: Any, folder: Path, status: int, code: str, *pointers: str) -> None:
    assert_problem(answer, status, code, *pointers)
    assert files_in(folder) == []
    assert not Firmware.objects.exists()


def test_the_bodies_of_these_tests_are_taken_as_they_should_be(api: APIClient) -> None:
    assert post(api, TEXTS + file() + END).status_code == 201


def test_the_file_may_come_first_and_text_after_the_last_boundary(api: APIClient) -> None:
    assert post(api, file() + TEXTS + END + b"epilogue").status_code == 201


def test_files_of_other_names_are_forgotten_wherever_they_stand(api: APIClient) -> None:
    for number, parts in enumerate(permutations([TEXTS, file(), file(name="o"), file(name="product")])):
        version = f"9.0.{number}".encode()
        body = b"".join(parts).replace(FACTS["version"].encode() + b"\r\n", version + b"\r\n")
        answer = post(api, body + END)
        assert answer.status_code == 201, answer.content


def test_a_file_whose_name_cannot_be_read_is_refused_with_the_reason(api: APIClient) -> None:
    for given in (b'"\xe9.bin"', b"\"a.bin\"; filename*=nonsense''x"):
        answer = post(api, TEXTS + file().replace(b'"a.bin"', given) + END)
        assert_problem(answer, 400, "invalid", "/file")
        assert "must be in UTF-8" in answer.json()["detail"]


@pytest.mark.parametrize("cut", [1, 3, len(END), len(END) + 1, len(END) + 50_000, len(END) + len(BYTES) + 10])
def test_a_body_that_ends_early_is_refused(api: APIClient, folder: Path, cut: int) -> None:
    body = (TEXTS + file() + END).removesuffix(b"\r\n")
    assert_refused(post(api, body[:-cut]), folder, 400, "unreadable")


@pytest.mark.parametrize("parameter", ["", "; boundary=", "; boundary=ä", "; boundary=" + "b" * 300])
def test_a_body_without_a_boundary_is_refused(api: APIClient, folder: Path, parameter: str) -> None:
    answer = post(api, TEXTS + file() + END, f"multipart/form-data{parameter}")
    assert_refused(answer, folder, 400, "unreadable")


def test_a_body_with_another_boundary_is_refused(api: APIClient, folder: Path) -> None:
    other = "multipart/form-data; boundary=other"
    assert_refused(post(api, TEXTS + file() + END, other), folder, 400, "unreadable")


def test_an_empty_body_is_refused(api: APIClient, folder: Path) -> None:
    assert post(api, b"").status_code == 400
    assert files_in(folder) == []


@pytest.mark.parametrize("disposition", ["", '; filename=""'])
def test_a_file_without_a_name_is_refused(api: APIClient, folder: Path, disposition: str) -> None:
    answer = post(api, TEXTS + file(b"bytes", disposition=disposition) + END)
    assert_refused(answer, folder, 400, "invalid", "/file")


@pytest.mark.parametrize(
    "name", ["/", "..", "../../etc/passwd", "/etc/passwd", "..\\..\\boot.ini", "a\\x00b", "CON", "a" * 200]
)
def test_the_name_of_the_file_does_not_count(api: APIClient, folder: Path, name: str) -> None:
    answer = post(api, TEXTS + file(disposition=f'; filename="{name}"') + END)
    assert answer.status_code == 201, answer.content
    assert files_in(folder) == [Firmware.objects.get().file_name]
    sent = api.get(answer.json()["url"])
    assert loaded(sent) == BYTES
    assert sent["Content-Disposition"] == 'attachment; filename="till-1.0.0.bin"'


def test_a_huge_name_of_a_field_is_refused(api: APIClient, folder: Path) -> None:
    assert_refused(post(api, file() + text("n" * 100_000, "v") + TEXTS + END), folder, 400, "unreadable")


def test_a_huge_text_is_refused(api: APIClient, folder: Path) -> None:
    assert_refused(post(api, file() + TEXTS + text("notes", "n" * 3_000_000) + END), folder, 413, "body_too_large")


def test_ten_thousand_texts_are_refused(api: APIClient, folder: Path) -> None:
    many = b"".join(text(f"f{number}", "v") for number in range(10_000))
    assert_refused(post(api, file() + TEXTS + many + END), folder, 400, "bad_request")


def test_ten_thousand_files_are_refused(api: APIClient, folder: Path) -> None:
    many = b"".join(file(b"x", name=f"f{number}") for number in range(10_000))
    assert_refused(post(api, file() + TEXTS + many + END), folder, 400, "bad_request")


def test_headers_without_end_are_refused(api: APIClient, folder: Path) -> None:
    endless = f"--{BOUNDARY}\r\nContent-Disposition: form-data; ".encode() + b"a" * 100_000
    assert_refused(post(api, file() + endless + END), folder, 400, "unreadable")


def test_broken_base64_is_refused(api: APIClient, folder: Path) -> None:
    broken = file(b"abc", more="Content-Transfer-Encoding: base64\r\n")
    assert_refused(post(api, TEXTS + broken + END), folder, 400, "unreadable")


def test_bytes_that_look_like_a_boundary_are_kept(api: APIClient) -> None:
    content = b"\r\n--xxBOUNDARY\r\n--" + BYTES + b"\r\n--\r\n"
    answer = post(api, TEXTS + file(content) + END)
    assert loaded(api.get(answer.json()["url"])) == content
