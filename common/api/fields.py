"""Serializer fields that coerce nothing: "5" is no integer, 5 is no text, a time needs its offset."""

from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from common.instants import format_instant, known_zones, parse_instant
from common.text import has_control_characters


class TextField(serializers.CharField):
    """Trimmed text; control characters are refused, line breaks too unless `multiline`."""

    default_error_messages = {
        "invalid": "Not a text.",
        "control": "Control characters are not allowed.",
    }

    def __init__(self, *, multiline: bool = False, **kwargs: Any) -> None:
        self.multiline = multiline
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        value: str = super().to_internal_value(data)
        allowed = "\n\r\t" if self.multiline else ""
        if has_control_characters(value, but=allowed):
            self.fail("control")
        return value


class StrictEmailField(serializers.EmailField):
    default_error_messages = {"control": "Control characters are not allowed."}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        value: str = super().to_internal_value(data)
        if has_control_characters(value):
            self.fail("control")
        return value


class StrictIntegerField(serializers.IntegerField):
    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            self.fail("invalid")
        return int(data)


@extend_schema_field({"type": "boolean"})
class StrictBooleanField(serializers.Field[Any, Any, Any, Any]):
    default_error_messages = {"invalid": "Must be true or false."}

    def to_internal_value(self, data: Any) -> bool:
        if type(data) is not bool:
            self.fail("invalid")
        return bool(data)

    def to_representation(self, value: Any) -> bool:
        return bool(value)


@extend_schema_field({"type": "string", "format": "date-time", "examples": ["2026-12-31T00:00:00Z"]})
class InstantField(serializers.Field[Any, Any, Any, Any]):
    """A point in time: RFC 3339 in, UTC with `Z` out."""

    default_error_messages = {
        "invalid": "Must be an RFC 3339 time with an offset, such as 2026-12-31T00:00:00Z, in the years 0001 to 9999."
    }

    def to_internal_value(self, data: Any) -> datetime:
        try:
            return parse_instant(data)
        except (TypeError, ValueError):
            self.fail("invalid")

    def to_representation(self, value: datetime | None) -> str | None:
        return None if value is None else format_instant(value)


class ZoneField(TextField):
    default_error_messages = {"zone": "Not an IANA time zone, such as Europe/Rome."}

    def to_internal_value(self, data: Any) -> str:
        value = super().to_internal_value(data)
        if value not in known_zones():
            self.fail("zone")
        return value
