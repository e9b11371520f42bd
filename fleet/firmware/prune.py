"""Deletes what uploads have left that were cut short, as by a process that was killed."""

import time
from datetime import datetime
from pathlib import Path

from fleet.firmware.files.incoming import disk_errors, incoming_folder
from fleet.firmware.files.stored import stored_files
from fleet.firmware.models import Firmware

# An upload writes every ten seconds at least; sending it to S3 may take longer.
OLD_AFTER_SECONDS = 6 * 3_600


def prune_firmware_uploads(*, at: datetime) -> dict[str, int]:
    """Of this machine; how many. `at` does not count, because files have the time of the machine.

    Raises FirmwareStorageUnavailable.
    """
    before = time.time() - OLD_AFTER_SECONDS
    pruned = 0
    with disk_errors():
        for left in sorted(incoming_folder().glob("*.bin")):
            written = last_written(left)
            if written is None or written > before:
                continue
            if not Firmware.objects.filter(file_name=left.name).exists():
                stored_files().delete(left.name)
            left.unlink(missing_ok=True)
            pruned += 1
    return {"firmware_uploads": pruned}


def last_written(path: Path) -> float | None:
    """None if the file is gone: its upload, or another one that prunes, has discarded it."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return None
