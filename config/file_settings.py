"""Settings of the files of sites."""

import re
import shlex
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from config import environment as env

MEBIBYTE = 1024 * 1024


def media_root(base_dir: Path) -> Path:
    """MEDIA_ROOT: the folder of the files, unless they are in S3."""
    return Path(env.text("MEDIA_ROOT", str(base_dir / "var" / "files"))).absolute()


def storage(folder: Path) -> dict[str, Any]:
    """The entry of STORAGES for the files: in S3 if S3_BUCKET is set, otherwise in the folder."""
    options = bucket()
    if options is None:
        return {"BACKEND": "documents.files.folder.FolderStorage", "OPTIONS": {"location": folder}}
    return {"BACKEND": "documents.files.bucket.BucketStorage", "OPTIONS": options}


def bucket() -> dict[str, Any] | None:
    """S3_…, as arguments of django-storages. Without a key the machine's own credentials are used."""
    name = env.text("S3_BUCKET", "")
    endpoint = env.text("S3_ENDPOINT_URL", "")
    access_key, secret_key = env.text("S3_ACCESS_KEY_ID", ""), env.text("S3_SECRET_ACCESS_KEY", "")
    if not name:
        if endpoint or access_key or secret_key:
            raise ImproperlyConfigured("Set S3_BUCKET too, or none of S3_ENDPOINT_URL and S3_ACCESS_KEY_ID.")
        return None
    if bool(access_key) != bool(secret_key):
        raise ImproperlyConfigured("Set both S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY, or neither.")
    if not re.fullmatch(r"(https?://[^@/\s]+)?/?", endpoint):
        raise ImproperlyConfigured("S3_ENDPOINT_URL must look like https://s3.example.com.")
    return {
        "bucket_name": name,
        "endpoint_url": endpoint or None,
        "region_name": env.text("S3_REGION", "") or None,
        "access_key": access_key or None,
        "secret_key": secret_key or None,
    }


def max_bytes() -> int:
    """FILE_MAX_BYTES: of one file. A proxy must let a megabyte more through."""
    return env.integer("FILE_MAX_BYTES", default=10 * MEBIBYTE, minimum=1, maximum=100 * MEBIBYTE)


def bytes_per_site() -> int:
    return env.integer("FILES_BYTES_PER_SITE", default=200 * MEBIBYTE, minimum=0, maximum=1024**4)


def kept() -> timedelta:
    """FILES_KEPT_DAYS: after the site was deregistered."""
    return env.days("FILES_KEPT_DAYS", default=90, minimum=1)


def scan_command() -> list[str]:
    """FILE_SCAN_COMMAND: the words of a command that gets the path of a file as its last argument; empty without one."""
    try:
        return shlex.split(env.text("FILE_SCAN_COMMAND", ""))
    except ValueError as error:
        raise ImproperlyConfigured(f"FILE_SCAN_COMMAND cannot be read: {error}.") from error


def body_limits(file_bytes: int) -> dict[str, int]:
    """Bytes by path, `*` for an id. A form with a file has other fields, too."""
    return {"/api/sites/*/upload": file_bytes + MEBIBYTE}


def page_body_limits(file_bytes: int) -> dict[str, int]:
    """Of the panel's form. Its view reads the body only for an admin who may upload."""
    return {"/admin/sites/site/*/files/add": file_bytes + MEBIBYTE}
