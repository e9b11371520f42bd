"""The paths of a host application that work also while its site may not operate."""

from __future__ import annotations

import re
from collections.abc import Iterable

from portcullis_agent.errors import SettingsError

_METHOD = re.compile(r"[A-Z]+\Z")
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")


class OpenPaths:
    """Patterns like `/health`, `/orders/*/pay`, `/export/**` and `GET /orders/**`; SettingsError if one is malformed.

    They are compared segment by segment. `*` is one segment, and a `**` at the end everything below, the path before it
    included. A method limits a pattern to it; GET includes HEAD. A slash at the end of a path makes no difference.
    """

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        if isinstance(patterns, str):
            raise SettingsError("The always open paths are a list, not one text.")
        self._patterns = [_parse(pattern) for pattern in patterns]

    def match(self, method: str, path: str) -> bool:
        """Whether this request is always answered. `path` is decoded, as the application's routes see it."""
        segments = _split(path)
        if segments is None:
            return False
        method = "GET" if method == "HEAD" else method
        return any(only in {None, method} and _matches(wanted, segments) for only, wanted in self._patterns)


def _parse(pattern: str) -> tuple[str | None, list[str]]:
    method, _, path = pattern.rpartition(" ")
    segments = _split(path)
    if segments is None or (method and not _METHOD.match(method)):
        raise SettingsError(
            f"{pattern!r} is no path like '/health', '/orders/*/pay', '/export/**' or 'GET /orders/**'."
        )
    for segment in segments[:-1]:
        if segment == "**":
            raise SettingsError(f"{pattern!r}: '**' can only be the last segment.")
    if any("*" in segment and segment not in {"*", "**"} for segment in segments):
        raise SettingsError(f"{pattern!r}: '*' is a whole segment.")
    return ("GET" if method == "HEAD" else method or None), segments


def _split(path: str) -> list[str] | None:
    """The segments of a path; None for one that another program may read as another path.

    Those have `.`, `..` or empty segments, a backslash, control characters, or an escape that is left after decoding.
    """
    if not path.startswith("/") or "\\" in path or not path.isprintable() or _ESCAPE.search(path):
        return None
    segments = path[1:].split("/")
    if segments[-1] == "":
        segments.pop()
    return None if any(segment in {"", ".", ".."} for segment in segments) else segments


def _matches(wanted: list[str], segments: list[str]) -> bool:
    if wanted and wanted[-1] == "**":
        wanted = wanted[:-1]
        segments = segments[: len(wanted)] if len(segments) >= len(wanted) else segments
    if len(wanted) != len(segments):
        return False
    return all(pattern in {"*", segment} for pattern, segment in zip(wanted, segments))
