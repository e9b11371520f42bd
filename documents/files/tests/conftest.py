"""A folder for the files, and files of each accepted type."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image
from rest_framework.test import APIClient

from conftest import RegisteredSite

TEXT = b"Call before ten.\n"
PDF = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n"
Upload = Callable[..., Any]


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    """MEDIA_ROOT."""
    use(settings, "documents.files.folder.FolderStorage", location=tmp_path / "files")
    return tmp_path / "files"


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
