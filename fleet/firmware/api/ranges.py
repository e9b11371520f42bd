"""Ranges of bytes: RFC 9110, section 14."""

import re
from typing import NamedTuple

from common.errors import DomainError

# A longer number than any file has bytes is not converted.
ONE_RANGE = re.compile(r"bytes=[ \t]*(\d{0,30})[ \t]*-[ \t]*(\d{0,30})[ \t]*", re.ASCII | re.IGNORECASE)


class RangeNotSatisfiable(DomainError):
    code = "range_not_satisfiable"
    title = "The file does not have these bytes"

    def __init__(self, size: int) -> None:
        super().__init__(f"The file has {size} bytes.")
        self.size = size


class Part(NamedTuple):
    """The bytes from `start` to before `stop`."""

    start: int
    stop: int


def requested_part(header: str | None, size: int) -> Part | None:
    """What a `Range` header asks for; None for the whole file. Raises RangeNotSatisfiable.

    A header that is malformed, of another unit, or has several ranges is ignored, as the RFC allows: nothing that resumes a
    download needs several.
    """
    found = ONE_RANGE.fullmatch((header or "").strip())
    if found is None or found[1] == found[2] == "":
        return None
    first, last = found[1], found[2]
    if first == "":
        if int(last) == 0:
            raise RangeNotSatisfiable(size)
        return Part(max(0, size - int(last)), size)
    if last and int(last) < int(first):
        return None  # malformed
    if int(first) >= size:
        raise RangeNotSatisfiable(size)
    return Part(int(first), min(int(last) + 1, size) if last else size)
