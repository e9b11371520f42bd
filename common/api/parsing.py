"""JSON as RFC 8259 means it, and nothing that only looks like it."""

import json
import math
import re
from collections.abc import Mapping
from typing import IO, Any

from django.http import HttpRequest
from rest_framework.exceptions import ParseError, UnsupportedMediaType
from rest_framework.parsers import BaseParser

MAX_DEPTH = 32


class Unacceptable(ValueError):
    """Why a body that may be JSON is refused all the same."""


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Unacceptable("A key stands twice in one object.")
    return members


def no_constant(name: str) -> Any:
    raise Unacceptable(f"{name} is not JSON.")


def finite(literal: str) -> float:
    number = float(literal)
    if not math.isfinite(number):
        raise Unacceptable("A number is too large.")
    return number


UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def check_strings(value: Any, depth: int = 0) -> None:
    """Refuse what no database text can hold: NUL and lone surrogates."""
    if depth > MAX_DEPTH:
        raise Unacceptable("The body is nested too deeply.")
    if isinstance(value, str):
        if UNSTORABLE.search(value):
            raise Unacceptable("A text holds a NUL or a lone surrogate.")
    elif isinstance(value, dict):
        for name, inner in value.items():
            check_strings(name, depth + 1)
            check_strings(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            check_strings(inner, depth + 1)


DECODER = json.JSONDecoder(object_pairs_hook=unique_keys, parse_constant=no_constant, parse_float=finite)


def parse_object(body: bytes) -> dict[str, Any]:
    """The JSON object in the body; ParseError with a reason when there is none."""
    try:
        value = DECODER.decode(body.decode("utf-8"))
        check_strings(value)
    except Unacceptable as error:
        raise ParseError(str(error)) from error
    except (ValueError, RecursionError) as error:
        raise ParseError("The body is not readable JSON in UTF-8.") from error
    if not isinstance(value, dict):
        raise ParseError("The body must be a JSON object.")
    return value


def read_object(body: bytes) -> dict[str, Any]:
    """The same; a blank body is an object without members."""
    return parse_object(body) if body.strip() else {}


class StrictJSONParser(BaseParser):
    media_type = "application/json"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        return read_object(stream.read())


def json_body(request: HttpRequest) -> dict[str, Any]:
    """The body of a request that no DRF view reads, by the same rules. Raises ParseError, UnsupportedMediaType."""
    body = request.body
    if not body:
        return {}
    if (request.content_type or "").strip().lower() != StrictJSONParser.media_type:
        raise UnsupportedMediaType(request.content_type or "")
    return read_object(body)
