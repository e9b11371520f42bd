"""`python -m tests.kills [KILLS]`: 200 kills unless told otherwise."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from .kills import kill_repeatedly

if __name__ == "__main__":
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = kill_repeatedly(Path(folder), int(sys.argv[1]) if len(sys.argv) > 1 else 200, seed=int(time.time()))
    print(
        f"{report.kills} kills, {report.revision} leases, {report.temporary_files} of them while a file was being written, "
        f"no state lost or damaged, {time.monotonic() - started:.0f} seconds"
    )
