"""Loading the file of a firmware: RFC 9110."""

import hashlib
import random
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import Admin
from conftest import SignIn
from fleet.firmware.api.ranges import Part, RangeNotSatisfiable, requested_part
from fleet.firmware.errors import FirmwareFileMissing
from fleet.firmware.models import Firmware
from fleet.firmware.tests.conftest import BYTES, Upload, loaded
from sites.tests.conftest import UNKNOWN_ID, assert_problem

pytestmark = pytest.mark.django_db

SIZE = len(BYTES)
TAG = f'"{hashlib.sha256(BYTES).hexdigest()}"'


@pytest.fixture
def path(upload: Upload) -> str:
    return str(upload().json()["url"])


def test_the_whole_file(device: APIClient, path: str) -> None:
    answer = device.get(path)
    assert answer.status_code == 200
    assert loaded(answer) == BYTES
    expected = {
        "ETag": TAG,
        "Content-Length": str(SIZE),
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Content-Type": "application/octet-stream",
        "Content-Disposition": 'attachment; filename="till-1.0.0.bin"',
        "X-Content-Type-Options": "nosniff",
    }
    assert {name: answer[name] for name in expected} == expected


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("prefix", ["/api/", "/api/v1/"])
def test_each_form_of_the_path(api: APIClient, path: str, prefix: str, slash: str) -> None:
    assert loaded(api.get(path.replace("/api/", prefix) + slash)) == BYTES


@pytest.mark.parametrize(
    ("wanted", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-", 0, SIZE),
        ("bytes=10-19", 10, 20),
        ("bytes=99999-", SIZE - 1, SIZE),
        ("bytes=99990-200000", SIZE - 10, SIZE),
        ("bytes=-1", SIZE - 1, SIZE),
        ("bytes=-100000", 0, SIZE),
        ("bytes=-999999999999999999999999999", 0, SIZE),
        ("bytes=5-99999999999999999999999999", 5, SIZE),
        ("Bytes=7-8", 7, 9),
        ("bytes= 7 - 8 ", 7, 9),
    ],
)
def test_a_range(device: APIClient, path: str, wanted: str, start: int, stop: int) -> None:
    answer = device.get(path, headers={"Range": wanted})
    assert answer.status_code == 206
    assert loaded(answer) == BYTES[start:stop]
    assert answer["Content-Range"] == f"bytes {start}-{stop - 1}/{SIZE}"
    assert answer["Content-Length"] == str(stop - start)
    assert answer["ETag"] == TAG


@pytest.mark.parametrize("wanted", [f"bytes={SIZE}-", f"bytes={SIZE}-{SIZE + 5}", "bytes=-0", f"bytes={10**29}-"])
def test_a_range_past_the_end(device: APIClient, path: str, wanted: str) -> None:
    answer = device.get(path, headers={"Range": wanted})
    assert_problem(answer, 416, "range_not_satisfiable")
    assert answer["Content-Range"] == f"bytes */{SIZE}"


@pytest.mark.parametrize(
    "wanted",
    [
        "bytes=0-1,5-6",
        "bytes=5-4",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "items=0-1",
        "0-1",
        "bytes=1",
        "bytes=٣-",
        "x" * 3_000,
    ],
)
def test_a_range_that_is_malformed_or_of_several_is_the_whole_file(device: APIClient, path: str, wanted: str) -> None:
    answer = device.get(path, headers={"Range": wanted})
    assert answer.status_code == 200
    assert loaded(answer) == BYTES


@pytest.mark.parametrize("condition", ['"other"', f"W/{TAG}", "Mon, 01 Jun 2026 12:00:00 GMT", TAG.strip('"'), ""])
def test_if_range_of_another_file_is_the_whole_file(device: APIClient, path: str, condition: str) -> None:
    answer = device.get(path, headers={"Range": "bytes=5-", "If-Range": condition})
    assert (answer.status_code, loaded(answer)) == (200, BYTES)


def test_if_range_of_this_file_is_the_part(device: APIClient, path: str) -> None:
    answer = device.get(path, headers={"Range": "bytes=5-", "If-Range": TAG})
    assert (answer.status_code, loaded(answer)) == (206, BYTES[5:])


def test_a_part_past_the_end_with_if_range_of_another_file_is_the_whole_file(device: APIClient, path: str) -> None:
    answer = device.get(path, headers={"Range": "bytes=999999-", "If-Range": '"other"'})
    assert (answer.status_code, loaded(answer)) == (200, BYTES)


@pytest.mark.parametrize("condition", [TAG, f"W/{TAG}", f'"a", {TAG}', "*"])
def test_a_file_that_the_client_has_is_not_sent(device: APIClient, path: str, condition: str) -> None:
    answer = device.get(path, headers={"If-None-Match": condition, "Range": "bytes=5-"})
    assert (answer.status_code, answer.content, answer["ETag"]) == (304, b"", TAG)
    assert loaded(device.get(path, headers={"If-None-Match": '"a"'})) == BYTES


@pytest.mark.parametrize(
    ("condition", "status"), [(TAG, 200), ("*", 200), (f'"a",{TAG}', 200), (f"W/{TAG}", 412), ('"a"', 412)]
)
def test_if_match(device: APIClient, path: str, condition: str, status: int) -> None:
    answer = device.get(path, headers={"If-Match": condition})
    answer.close()
    assert answer.status_code == status


def test_head_has_the_headers_alone(device: APIClient, path: str) -> None:
    answer = device.head(path, headers={"Range": "bytes=5-"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert (answer["Content-Length"], answer["ETag"], answer["Accept-Ranges"]) == (str(SIZE), TAG, "bytes")


def test_a_download_cut_anywhere_resumes_to_the_same_file(device: APIClient, path: str) -> None:
    chance = random.Random(7)
    got = b""
    while len(got) < SIZE:
        answer = device.get(path, headers={"Range": f"bytes={len(got)}-", "If-Range": TAG})
        assert answer.status_code == 206
        got += loaded(answer)[: chance.randrange(1, 20_000)]
    assert hashlib.sha256(got).hexdigest() == TAG.strip('"')


def test_admins_of_all_roles_and_devices_load_and_nobody_else(
    device: APIClient, ben: Admin, vera: Admin, signed_in: SignIn, path: str
) -> None:
    for client in (device, signed_in(ben), signed_in(vera)):
        assert loaded(client.get(path)) == BYTES
    assert_problem(APIClient().get(path), 401, "not_authenticated")
    wrong = APIClient()
    wrong.credentials(HTTP_X_DEVICE_ID=UNKNOWN_ID, HTTP_X_DEVICE_KEY="pdk_wrong")
    assert_problem(wrong.get(path), 401, "invalid_device_credentials")


@pytest.mark.parametrize("text", [UNKNOWN_ID, "x", "latest"])
def test_an_unknown_firmware(device: APIClient, text: str) -> None:
    assert_problem(device.get(f"/api/firmware/{text}/file"), 404, "firmware_not_found")


def test_a_file_that_is_gone_is_said(device: APIClient, path: str, folder: Path) -> None:
    (folder / Firmware.objects.get().file_name).unlink()
    assert_problem(device.get(path), 404, "firmware_file_missing")


def test_a_file_that_has_become_shorter_ends_with_an_error(device: APIClient, path: str, folder: Path) -> None:
    (folder / Firmware.objects.get().file_name).write_bytes(BYTES[:10])
    with pytest.raises(FirmwareFileMissing, match="has become shorter"):
        loaded(device.get(path))


def test_nginx_sends_the_file_if_it_should(device: APIClient, path: str, settings: Any) -> None:
    settings.FIRMWARE_ACCEL_REDIRECT = "/firmware-files/"
    answer = device.get(path, headers={"Range": "bytes=5-"})
    assert (answer.status_code, answer.content, answer["ETag"]) == (200, b"", TAG)
    assert answer["X-Accel-Redirect"] == "/firmware-files/" + Firmware.objects.get().file_name
    assert_problem(device.get(path, headers={"Range": f"bytes={SIZE}-"}), 416, "range_not_satisfiable")
    assert_problem(APIClient().get(path), 401, "not_authenticated")


@pytest.mark.any_database
def test_parts_of_files_of_any_size() -> None:
    assert requested_part(None, 10) is None
    assert requested_part("bytes=0-4", 5) == Part(0, 5)
    with pytest.raises(RangeNotSatisfiable):
        requested_part("bytes=0-", 0)
