"""A time of day that a test sets while programs run: libfaketime, which Debian's package `faketime` has."""

from pathlib import Path

import pytest

LIBRARIES = "*/faketime/libfaketimeMT.so.1"


class FakedClock:
    """Programs that are started with `environment` see the time of day as `set` last said; steady clocks stay right."""

    def __init__(self, folder: Path) -> None:
        library = next(Path("/usr/lib").glob(LIBRARIES), None)
        if library is None:
            pytest.fail("libfaketime is missing: install it with `apt-get install faketime`.")
        self.file = folder / "faketime"
        self.set("+0")
        self.environment = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, offset: str) -> None:
        """From the real time, as in "+400d" or "-2h"."""
        new = self.file.with_suffix(".new")
        new.write_text(offset)
        new.chmod(0o644)
        new.replace(self.file)
