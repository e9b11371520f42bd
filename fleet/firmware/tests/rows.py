"""Rows of firmware without an upload, for tests on what is decided about them."""

import hashlib
import uuid
from datetime import UTC, datetime
from typing import Any

from fleet.firmware.models import Firmware
from fleet.firmware.versions import precedence_key

UPLOADED_AT = datetime(2026, 5, 1, tzinfo=UTC)


def add_row(version: str = "1.0.0", **facts: Any) -> Firmware:
    pk = uuid.uuid4()
    values = {
        "product": "till",
        "channel": "stable",
        "sha256": hashlib.sha256(pk.bytes).hexdigest(),
        "size": 1_000,
        "file_name": f"{pk}.bin",
        "created_at": UPLOADED_AT,
        **facts,
    }
    return Firmware.objects.create(pk=pk, version=version, precedence=precedence_key(version), **values)
