"""Files in S3, or a storage that speaks its protocol, by django-storages and boto3."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from boto3.exceptions import Boto3Error
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.core.files.base import File
from storages.backends.s3 import S3Storage

from documents.files.errors import FileMissing, FileStorageUnavailable

# Three attempts of at most these seconds must fit into the time that a proxy waits.
LIMITS: dict[str, Any] = {
    "connect_timeout": 2,
    "read_timeout": 5,
    "retries": {"mode": "standard", "total_max_attempts": 3},
}
# The rest of a file that is read goes to the disk.
IN_MEMORY_BYTES = 256 * 1024
MISSING = {"NoSuchKey", "404"}

log = logging.getLogger("portcullis.files")


@contextmanager
def bucket_errors() -> Iterator[None]:
    """Raises FileMissing or FileStorageUnavailable in place of the errors of boto3."""
    try:
        yield
    except FileNotFoundError as error:
        raise FileMissing from error
    except (BotoCoreError, ClientError, Boto3Error) as error:
        if isinstance(error, ClientError) and error.response.get("Error", {}).get("Code") in MISSING:
            raise FileMissing from error
        log.error("S3 does not answer: %s", error)
        raise FileStorageUnavailable from error


class BucketStorage(S3Storage):
    """That of django-storages, with the errors of `documents.files.errors`."""

    def __init__(self, **options: Any) -> None:
        # With an address of its own, a bucket is usually not part of the host's name.
        style = "path" if options.get("endpoint_url") else "auto"
        config = Config(s3={"addressing_style": style}, signature_version="s3v4", **LIMITS)
        super().__init__(client_config=config, max_memory_size=IN_MEMORY_BYTES, **options)

    def _save(self, name: str, content: "File[Any]") -> str:
        with bucket_errors():
            return str(super()._save(name, content))

    def _open(self, name: str, mode: str = "rb") -> "File[Any]":
        with bucket_errors():
            opened: File[Any] = super()._open(name, mode)
            opened.file  # noqa: B018 - loads the whole file, so that an outage is noticed before the answer begins
        return opened

    def delete(self, name: str) -> None:
        with bucket_errors():
            super().delete(name)

    def listdir(self, name: str) -> tuple[list[str], list[str]]:
        with bucket_errors():
            folders, files = super().listdir(name)
        return folders, files

    def get_modified_time(self, name: str) -> datetime:
        with bucket_errors():
            found: datetime = super().get_modified_time(name)
        return found
