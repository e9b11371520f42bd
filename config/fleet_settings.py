"""Settings of the fleet: devices, their health and telemetry, firmware."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from config import environment as env

MEBIBYTE = 1024 * 1024
MOST_BATCH_BYTES = 4 * MEBIBYTE  # of a thousand samples or periods


def body_limits(firmware_bytes: int) -> dict[str, int]:
    """Bytes by path. A form with firmware has other fields, too."""
    return {
        "/api/health": MOST_BATCH_BYTES,
        "/api/telemetry": MOST_BATCH_BYTES,
        "/api/firmware": firmware_bytes + MEBIBYTE,
    }


def device_heartbeat_interval() -> timedelta:
    """DEVICE_HEARTBEAT_INTERVAL_SECONDS: the usual time from one heartbeat of a device to the next."""
    return timedelta(seconds=env.integer("DEVICE_HEARTBEAT_INTERVAL_SECONDS", default=30, minimum=1, maximum=86_400))


# --- Firmware ------------------------------------------------------------------------------------------------------

FOLDER, S3 = "folder", "s3"


def firmware_storage() -> str:
    """FIRMWARE_STORAGE: folder or s3."""
    return env.choice("FIRMWARE_STORAGE", [FOLDER, S3], default=FOLDER)


def firmware_folder(base_dir: Path) -> Path:
    """FIRMWARE_FOLDER: the files, or with S3 only the uploads on their way."""
    return Path(env.text("FIRMWARE_FOLDER", str(base_dir / "var" / "firmware"))).absolute()


def firmware_max_bytes() -> int:
    return env.integer("FIRMWARE_MAX_BYTES", default=512 * 1024**2, minimum=1, maximum=64 * 1024**3)


def firmware_accel_redirect() -> str:
    """FIRMWARE_ACCEL_REDIRECT: the prefix of an internal location of nginx; empty if nginx does not send the files."""
    prefix = env.text("FIRMWARE_ACCEL_REDIRECT", "")
    if prefix and not re.fullmatch(r"/([A-Za-z0-9._-]+/)+", prefix):
        raise ImproperlyConfigured(
            "FIRMWARE_ACCEL_REDIRECT must look like /firmware-files/, with a slash at both ends."
        )
    return prefix


def firmware_bucket() -> dict[str, Any]:
    """FIRMWARE_S3_…, as arguments of django-storages. Without a key the machine's own credentials are used."""
    if firmware_storage() != S3:
        return {}
    access_key, secret_key = env.text("FIRMWARE_S3_ACCESS_KEY", ""), env.text("FIRMWARE_S3_SECRET_KEY", "")
    if bool(access_key) != bool(secret_key):
        raise ImproperlyConfigured("Set both FIRMWARE_S3_ACCESS_KEY and FIRMWARE_S3_SECRET_KEY, or neither.")
    endpoint = env.text("FIRMWARE_S3_ENDPOINT", "")
    if not re.fullmatch(r"(https?://[^@/\s]+)?/?", endpoint):
        raise ImproperlyConfigured("FIRMWARE_S3_ENDPOINT must look like https://s3.example.com.")
    return {
        "bucket_name": env.text("FIRMWARE_S3_BUCKET"),
        "endpoint_url": endpoint or None,
        "region_name": env.text("FIRMWARE_S3_REGION", "") or None,
        "access_key": access_key or None,
        "secret_key": secret_key or None,
    }
