"""Files in S3, or a storage that speaks its protocol, by django-storages and boto3."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from boto3.exceptions import Boto3Error
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.core.files import File
from storages.backends.s3 import S3Storage

from fleet.firmware.errors import FirmwareFileMissing, FirmwareStorageUnavailable

# Three attempts of at most these seconds must fit into the time that a proxy waits.
LIMITS = {"connect_timeout": 2, "read_timeout": 5, "retries": {"mode": "standard", "total_max_attempts": 3}}
MISSING = {"NoSuchKey", "404", "InvalidRange"}

log = logging.getLogger("portcullis.firmware")


@contextmanager
def bucket_errors() -> Iterator[None]:
    """Raises FirmwareFileMissing or FirmwareStorageUnavailable in place of the errors of boto3."""
    try:
        yield
    except (BotoCoreError, ClientError, Boto3Error) as error:
        if isinstance(error, ClientError) and error.response.get("Error", {}).get("Code") in MISSING:
            raise FirmwareFileMissing from error
        log.error("S3 does not answer: %s", error)
        raise FirmwareStorageUnavailable from error


class BucketPart:
    """The body of S3's answer, which is read from the network piece by piece."""

    def __init__(self, body: Any) -> None:
        self.body = body

    def read(self, size: int = -1) -> bytes:
        """Raises FirmwareStorageUnavailable."""
        with bucket_errors():
            data: bytes = self.body.read(None if size < 0 else size)
        return data

    def close(self) -> None:
        self.body.close()


class BucketFiles:
    def __init__(self) -> None:
        # With an address of its own, a bucket is usually not part of the host's name.
        style = "path" if settings.FIRMWARE_BUCKET["endpoint_url"] else "auto"
        config = Config(s3={"addressing_style": style}, signature_version="s3v4", **LIMITS)
        self.storage = S3Storage(**settings.FIRMWARE_BUCKET, client_config=config)

    def add(self, path: Path, name: str) -> None:
        with bucket_errors(), path.open("rb") as opened:
            self.storage.save(name, File(opened, name=name))

    def open(self, name: str, *, start: int, stop: int) -> BucketPart:
        # Not `storage.open`, which loads the whole file first.
        with bucket_errors():
            answer = self.storage.bucket.Object(name).get(Range=f"bytes={start}-{stop - 1}")
        return BucketPart(answer["Body"])

    def delete(self, name: str) -> None:
        with bucket_errors():
            self.storage.delete(name)
