"""Storages for the files, and files of each accepted type."""

import io
import socket
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage, storages
from django.core.files.uploadedfile import SimpleUploadedFile
from moto.server import ThreadedMotoServer
from PIL import Image
from rest_framework.test import APIClient

from conftest import RegisteredSite

TEXT = b"Call before ten.\n"
PDF = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n"
Upload = Callable[..., Any]


# For files whose tests run on both kinds of storage.
ON_BOTH = pytest.mark.parametrize("storage", ["folder", "s3"], indirect=True)
BUCKET = "files"
KEYS = {"access_key": "key", "secret_key": "secret", "region_name": "us-east-1", "bucket_name": BUCKET}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """The address of a server that speaks S3's protocol."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=free_port(), verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """MEDIA_ROOT."""
    return tmp_path / "files"


@pytest.fixture(autouse=True)
def storage(request: pytest.FixtureRequest, settings: Any, folder: Path) -> None:
    """Empty: the folder, unless the test says ON_BOTH."""
    if getattr(request, "param", "folder") == "folder":
        use(settings, "documents.files.folder.FolderStorage", location=folder)
        return
    use_bucket(settings, request.getfixturevalue("s3"))
    bucket = storages["default"].bucket  # type: ignore[attr-defined] # S3's
    bucket.create()
    bucket.objects.all().delete()


def use_bucket(settings: Any, endpoint: str, **options: str) -> None:
    use(settings, "documents.files.bucket.BucketStorage", endpoint_url=endpoint, **{**KEYS, **options})


def use(settings: Any, backend: str, **options: Any) -> None:
    """Keep files there."""
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": backend, "OPTIONS": options}}


def stored_names() -> list[str]:
    return sorted(f"sites/{name}" for name in default_storage.listdir("sites")[1])


def picture(picture_format: str, size: tuple[int, int] = (40, 20), **options: Any) -> bytes:
    """Left half red, right half blue."""
    drawn = Image.new("RGB", size, "red")
    drawn.paste("blue", (size[0] // 2, 0, *size))
    return saved(drawn, picture_format, **options)


def saved(drawn: Image.Image, picture_format: str, **options: Any) -> bytes:
    target = io.BytesIO()
    drawn.save(target, format=picture_format, **options)
    return target.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    """Of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.fixture
def upload(api: APIClient, roma: RegisteredSite) -> Upload:
    """Posts the form; None leaves a field out."""

    def upload(content: bytes = TEXT, name: str = "note.txt", client: APIClient = api, **fields: Any) -> Any:
        form = {"file": SimpleUploadedFile(name, content), "kind": "other", **fields}
        given = {field: value for field, value in form.items() if value is not None}
        return client.post(f"{roma.path}/upload", given, format="multipart")

    return upload


def loaded(answer: Any) -> bytes:
    """The body of a download."""
    return b"".join(answer.streaming_content)
