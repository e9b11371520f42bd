"""Versions as Semantic Versioning 2.0 defines them, and their precedence."""

from __future__ import annotations

import re
from functools import total_ordering

LONGEST_VERSION = 256
_NUMBER = r"0|[1-9][0-9]*"
_PRE_RELEASE = rf"(?:{_NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_VERSION = re.compile(
    rf"({_NUMBER})\.({_NUMBER})\.({_NUMBER})(?:-({_PRE_RELEASE}(?:\.{_PRE_RELEASE})*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?\Z"
)


@total_ordering
class Version:
    """Compares by precedence: 1.0.0-rc.1 is before 1.0.0, and build metadata (+…) makes no difference."""

    def __init__(self, text: str) -> None:
        """ValueError if the text is no version."""
        found = _VERSION.match(text) if len(text) <= LONGEST_VERSION else None
        if found is None:
            raise ValueError(f"{text[:LONGEST_VERSION]!r} is not a version like 1.4.0")
        self.text = text
        core = tuple(int(number) for number in found.group(1, 2, 3))
        pre_release = tuple(_identifier(part) for part in (found.group(4) or "").split(".") if part)
        self._precedence = core, not pre_release, pre_release

    def __str__(self) -> str:
        return self.text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self._precedence == other._precedence

    def __hash__(self) -> int:
        return hash(self._precedence)

    def __lt__(self, other: Version) -> bool:
        return self._precedence < other._precedence


def _identifier(text: str) -> tuple[bool, int, str]:
    """Numbers are below words, and compare as numbers."""
    return (False, int(text), "") if text.isdigit() else (True, 0, text)
