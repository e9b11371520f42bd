"""Strict base64url, JSON and times: decoders that accept exactly one form."""

from __future__ import annotations

import base64
import binascii
import json
import re
from datetime import datetime, timezone
from typing import Any

MAX_DEPTH = 16  # an honest lease, key set or answer has at most four levels
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
_RFC3339 = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?Z\Z", re.ASCII)
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*\Z")


def decode_base64url(text: str) -> bytes:
    """Decode without padding; other characters and unused bits that are not zero raise ValueError."""
    if not _BASE64URL.match(text) or len(text) % 4 == 1:
        raise ValueError("not base64url")
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise ValueError("not base64url") from error
    if encode_base64url(data) != text:
        raise ValueError("base64url with bits that are not used")
    return data


def encode_base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode_moment(text: str) -> datetime:
    """Read a time like 2026-11-29T00:30:00Z, in UTC and with up to six decimals; ValueError for every other form."""
    if not _RFC3339.match(text):
        raise ValueError("not a time in UTC")
    form = "%Y-%m-%dT%H:%M:%S.%fZ" if "." in text else "%Y-%m-%dT%H:%M:%SZ"
    return datetime.strptime(text, form).replace(tzinfo=timezone.utc)


def decode_object(data: bytes) -> dict[str, Any]:
    """Parse one JSON object in UTF-8; ValueError for repeated names, NaN, deep nesting and everything else."""
    text = data.decode("utf-8")
    if _depth(text) > MAX_DEPTH:
        raise ValueError("JSON is nested too deeply")
    value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite)
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value


def _depth(text: str) -> int:
    deepest = depth = 0
    for found in _STRING_OR_BRACKET.findall(text):
        if found in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif found in "]}":
            depth -= 1
    return deepest


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("JSON repeats a name")
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"JSON has no {name}")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError("number is too large")
    return number
