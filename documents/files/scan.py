"""The command of the operator that looks for viruses, such as `clamdscan --fdpass`."""

import logging
import subprocess
from pathlib import Path

from django.conf import settings

from documents.files.errors import FileRefused, FileScanUnavailable

SECONDS = 20

log = logging.getLogger("portcullis.files")


def scan(path: Path) -> None:
    """Run FILE_SCAN_COMMAND with the path as its last argument, if there is one.

    Raises FileRefused for each exit status but 0, so that a file is never accepted that was not scanned. Raises
    FileScanUnavailable if the command cannot be started or takes too long.
    """
    if not settings.FILE_SCAN_COMMAND:
        return
    try:
        done = subprocess.run(  # noqa: S603 - the operator's own command, without a shell
            [*settings.FILE_SCAN_COMMAND, str(path)], stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        log.error("FILE_SCAN_COMMAND failed: %s", error)
        raise FileScanUnavailable from error
    if done.returncode != 0:
        said = (done.stdout + done.stderr)[-300:].decode(errors="replace").strip()
        log.warning("FILE_SCAN_COMMAND refused a file with status %s: %s", done.returncode, said)
        raise FileRefused(field="file")
