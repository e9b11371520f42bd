"""The command of the operator that looks for viruses, such as `clamdscan --fdpass`."""

import logging
import subprocess
from pathlib import Path

from django.conf import settings

from documents.files.errors import FileRefused, FileScanUnavailable

SECONDS = 20
REFUSED = 1

log = logging.getLogger("portcullis.files")


def scan(path: Path) -> None:
    """Run FILE_SCAN_COMMAND with the path as its last argument, if there is one.

    Raises FileRefused for the exit status 1. Raises FileScanUnavailable for any other but 0, as `clamdscan` has 2 if its server
    does not answer, and if the command cannot be started or takes too long. So a file is never accepted that was not scanned.
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
    said = (done.stdout + done.stderr)[-300:].decode(errors="replace").strip()
    if done.returncode == REFUSED:
        log.warning("FILE_SCAN_COMMAND refused a file: %s", said)
        raise FileRefused(field="file")
    if done.returncode != 0:
        log.error("FILE_SCAN_COMMAND failed with status %s: %s", done.returncode, said)
        raise FileScanUnavailable
