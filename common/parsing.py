"""JSON as RFC 8259 means it, and nothing that only looks like it."""

import json
import math
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
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


def check_strings(value: Any, depth: int = 0) -> None:
    """Refuse what no database text can hold: NUL and lone surrogates."""
    if depth > MAX_DEPTH:
        raise Unacceptable("The body is nested too deeply.")
    if isinstance(value, str):
        if "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise Unacceptable("A text holds a NUL or a lone surrogate.")
    elif isinstance(value, dict):
        for name, inner in value.items():
            check_strings(name, depth + 1)
            check_strings(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            check_strings(inner, depth + 1)


def parse_object(body: bytes) -> dict[str, Any]:
    """The JSON object in the body; ParseError with a reason when there is none."""
    try:
        value = json.loads(
            body.decode("utf-8"), object_pairs_hook=unique_keys, parse_constant=no_constant, parse_float=finite
        )
        check_strings(value)
    except Unacceptable as error:
        raise ParseError(str(error)) from error
    except (ValueError, RecursionError) as error:
        raise ParseError("The body is not readable JSON in UTF-8.") from error
    if not isinstance(value, dict):
        raise ParseError("The body must be a JSON object.")
    return value


class StrictJSONParser(BaseParser):
    media_type = "application/json"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        body = stream.read()
        return parse_object(body) if body.strip() else {}
