"""A folder for the files, and uploads by the sysadmin."""

import hashlib
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from audit.actors import SYSTEM
from conftest import Clock, RegisteredSite
from fleet.devices.services import register_device

BYTES = hashlib.shake_256(b"firmware").digest(100_000)
FACTS = {"product": "till", "version": "1.0.0", "channel": "stable"}
Upload = Callable[..., Any]


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    """FIRMWARE_FOLDER."""
    settings.FIRMWARE_FOLDER = tmp_path / "firmware"
    return tmp_path / "firmware"


def files_in(folder: Path) -> list[str]:
    """The files of the storage and of uploads on their way."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def form(content: bytes = BYTES, **facts: Any) -> dict[str, Any]:
    """The fields of an upload; None leaves one out."""
    fields = {"file": SimpleUploadedFile("till.bin", content), **FACTS, **facts}
    return {name: value for name, value in fields.items() if value is not None}


@pytest.fixture
def upload(api: APIClient) -> Upload:
    def upload(content: bytes = BYTES, **facts: Any) -> Any:
        return api.post("/api/firmware", form(content, **facts), format="multipart")

    return upload


@pytest.fixture
def device(roma: RegisteredSite, clock: Clock) -> APIClient:
    """A client with a device's credentials."""
    new = register_device(uuid.UUID(roma.site_id), device_id="till-1", by=SYSTEM, at=clock.at)
    client = APIClient()
    client.credentials(HTTP_X_DEVICE_ID=str(new.device.pk), HTTP_X_DEVICE_KEY=new.device_key)
    return client


def loaded(answer: Any) -> bytes:
    """The body of a download."""
    return b"".join(answer.streaming_content)
