"""Strict JSON (RFC 8259): no duplicate keys, no NaN, no texts that the database cannot store."""

import json
import math
import re
from collections.abc import Mapping
from typing import IO, Any

from django.http import HttpRequest
from rest_framework.exceptions import ParseError, UnsupportedMediaType
from rest_framework.parsers import BaseParser

MAX_DEPTH = 32


class UnacceptableJSON(ValueError):
    """The body may be JSON, but it is refused; the message says why."""


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise UnacceptableJSON("A key stands twice in one object.")
    return members


def no_constant(name: str) -> Any:
    raise UnacceptableJSON(f"{name} is not JSON.")


def finite(literal: str) -> float:
    number = float(literal)
    if not math.isfinite(number):
        raise UnacceptableJSON("A number is too large.")
    return number


UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def check_strings(value: Any, depth: int = 0) -> None:
    """Refuse texts that the database cannot store: those with a NUL or a lone surrogate. Raises UnacceptableJSON."""
    if depth > MAX_DEPTH:
        raise UnacceptableJSON("The body is nested too deeply.")
    if isinstance(value, str):
        if UNSTORABLE.search(value):
            raise UnacceptableJSON("A text holds a NUL or a lone surrogate.")
    elif isinstance(value, dict):
        for name, inner in value.items():
            check_strings(name, depth + 1)
            check_strings(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            check_strings(inner, depth + 1)


DECODER = json.JSONDecoder(object_pairs_hook=unique_keys, parse_constant=no_constant, parse_float=finite)


def check_depth(value: Any, depth: int = 0) -> None:
    """The part of `check_strings` for a body without escapes, whose texts can be stored. Raises UnacceptableJSON."""
    if value and depth == MAX_DEPTH:
        raise UnacceptableJSON("The body is nested too deeply.")
    for inner in value.values() if type(value) is dict else value:
        if type(inner) is dict or type(inner) is list:
            check_depth(inner, depth + 1)


def parse_object(body: bytes) -> dict[str, Any]:
    """The JSON object in the body. Raises ParseError."""
    try:
        value = DECODER.decode(body.decode("utf-8"))
        if b"\\" in body:
            check_strings(value)
        elif isinstance(value, dict):
            # Only as an escape can a text hold a NUL or a lone surrogate.
            check_depth(value)
    except UnacceptableJSON as error:
        raise ParseError(str(error)) from error
    except (ValueError, RecursionError) as error:
        raise ParseError("The body is not readable JSON in UTF-8.") from error
    if not isinstance(value, dict):
        raise ParseError("The body must be a JSON object.")
    return value


def read_object(body: bytes) -> dict[str, Any]:
    """Like `parse_object`, but a blank body is an empty object."""
    return parse_object(body) if body.strip() else {}


class StrictJSONParser(BaseParser):
    media_type = "application/json"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        return read_object(stream.read())


def json_body(request: HttpRequest) -> dict[str, Any]:
    """Read the body of a request outside DRF by the same rules. Raises ParseError or UnsupportedMediaType."""
    # Not `request.body`, which has a limit of its own, below that of the largest bodies (API_BODY_LIMITS).
    body = request.read()
    if not body:
        return {}
    if (request.content_type or "").strip().lower() != StrictJSONParser.media_type:
        raise UnsupportedMediaType(request.content_type or "")
    return read_object(body)
