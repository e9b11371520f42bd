"""Files in S3, against a server that speaks its protocol."""

import hashlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from moto.server import ThreadedMotoServer
from rest_framework.test import APIClient

from audit.actors import COMMAND
from conftest import Clock
from fleet.firmware.files import bucket
from fleet.firmware.files.stored import stored_files
from fleet.firmware.models import Firmware
from fleet.firmware.prune import prune_firmware_uploads
from fleet.firmware.services import sign_firmware
from fleet.firmware.tests.conftest import BYTES, Upload, files_in, loaded
from licensing.services import create_signing_key
from sites.tests.conftest import assert_problem

pytestmark = pytest.mark.django_db

BUCKET = "firmware"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of the server."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=free_port(), verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def client(s3: str) -> Any:
    """Another client of S3, with an empty bucket."""
    style = Config(s3={"addressing_style": "path"})
    keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
    client = boto3.client("s3", endpoint_url=s3, config=style, **keys)
    client.create_bucket(Bucket=BUCKET)
    yield client
    for name in names(client):
        client.delete_object(Bucket=BUCKET, Key=name)
    client.close()


@pytest.fixture(autouse=True)
def in_bucket(client: Any, s3: str, settings: Any) -> Iterator[None]:
    use(settings, s3)
    yield
    stored_files.cache_clear()


def use(settings: Any, endpoint: str) -> None:
    settings.FIRMWARE_STORAGE = "s3"
    settings.FIRMWARE_BUCKET = {
        "bucket_name": BUCKET,
        "endpoint_url": endpoint,
        "region_name": "us-east-1",
        "access_key": "key",
        "secret_key": "secret",
    }
    stored_files.cache_clear()


@pytest.fixture
def outage(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing listens at the endpoint."""
    monkeypatch.setitem(bucket.LIMITS, "retries", {"mode": "standard", "total_max_attempts": 1})

    def begin() -> None:
        use(settings, f"http://127.0.0.1:{free_port()}")

    return begin


def names(client: Any) -> list[str]:
    return [each["Key"] for each in client.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def test_an_upload_is_in_the_bucket_and_not_on_the_disk(upload: Upload, client: Any, folder: Path) -> None:
    assert upload().status_code == 201
    name = Firmware.objects.get().file_name
    assert names(client) == [name]
    assert client.get_object(Bucket=BUCKET, Key=name)["Body"].read() == BYTES
    assert files_in(folder) == []


def test_a_large_upload_goes_in_parts(upload: Upload, client: Any) -> None:
    large = os.urandom(1_000_003) * 20
    assert upload(large).json()["size"] == 20_000_060
    found = client.head_object(Bucket=BUCKET, Key=Firmware.objects.get().file_name)
    assert found["ContentLength"] == 20_000_060
    assert found["ETag"].strip('"').endswith("-3")


def test_downloads_and_ranges(upload: Upload, device: APIClient) -> None:
    path = upload().json()["url"]
    assert loaded(device.get(path)) == BYTES
    answer = device.get(path, headers={"Range": "bytes=99000-"})
    assert (answer.status_code, loaded(answer)) == (206, BYTES[99_000:])
    assert loaded(device.get(path, headers={"Range": "bytes=-1"})) == BYTES[-1:]
    assert_problem(device.get(path, headers={"Range": "bytes=100000-"}), 416, "range_not_satisfiable")


def test_a_download_is_read_piece_by_piece(upload: Upload, device: APIClient) -> None:
    large = os.urandom(1_000_003) * 3
    answer = device.get(upload(large).json()["url"])
    pieces = list(answer.streaming_content)
    assert len(pieces) > 10
    assert hashlib.sha256(b"".join(pieces)).hexdigest() == hashlib.sha256(large).hexdigest()


def test_a_refused_upload_leaves_nothing_in_the_bucket(upload: Upload, client: Any, folder: Path) -> None:
    upload()
    before = names(client)
    assert_problem(upload(), 409, "firmware_exists")
    assert_problem(upload(version="1"), 400, "invalid", "/version")
    assert names(client) == before
    assert files_in(folder) == []


def test_an_outage_is_said(upload: Upload, device: APIClient, outage: Any, folder: Path) -> None:
    path = upload().json()["url"]
    outage()
    for answer in (device.get(path), upload(version="2.0.0")):
        assert_problem(answer, 503, "firmware_storage_unavailable")
        assert answer["Retry-After"] == "5"
    assert device.head(path).status_code == 200
    assert Firmware.objects.count() == 1


def test_what_an_outage_left_open_is_deleted_after_it(
    upload: Upload, outage: Any, folder: Path, settings: Any, s3: str, client: Any, clock: Clock
) -> None:
    """The answer to the last part may have been lost: the object may be there."""
    outage()
    upload()
    [name] = files_in(folder)
    use(settings, s3)
    client.put_object(Bucket=BUCKET, Key=Path(name).name, Body=b"stored, but the answer was lost")
    os.utime(folder / name, (0, 0))
    assert prune_firmware_uploads(at=clock.at) == {"firmware_uploads": 1}
    assert (names(client), files_in(folder)) == ([], [])


def test_a_file_that_is_gone_is_said(upload: Upload, device: APIClient, client: Any) -> None:
    path = upload().json()["url"]
    client.delete_object(Bucket=BUCKET, Key=Firmware.objects.get().file_name)
    assert_problem(device.get(path), 404, "firmware_file_missing")


def test_a_bucket_that_does_not_exist_is_said(upload: Upload, client: Any, settings: Any) -> None:
    settings.FIRMWARE_BUCKET = {**settings.FIRMWARE_BUCKET, "bucket_name": "another"}
    stored_files.cache_clear()
    assert_problem(upload(), 503, "firmware_storage_unavailable")


def test_manifests_are_signed_after_the_file_was_read(upload: Upload, client: Any, clock: Clock) -> None:
    upload()
    create_signing_key(by=COMMAND, at=clock.at)
    name = Firmware.objects.get().file_name
    client.put_object(Bucket=BUCKET, Key=name, Body=b"short")
    assert sign_firmware(at=clock.at) is None
    client.put_object(Bucket=BUCKET, Key=name, Body=BYTES)
    assert sign_firmware(at=clock.at) == 1
