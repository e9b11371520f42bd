"""Serializer fields without coercion: "5" is not an integer, 5 is not a text, and a time needs an offset.

Their rules, messages and codes are those of `common.values`.
"""

import uuid
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.fields import get_error_detail

from common.instants import format_instant
from common.values import (
    PHONE,
    clean_boolean,
    clean_email,
    clean_id,
    clean_instant,
    clean_integer,
    clean_number,
    clean_phone,
    clean_text,
    clean_zone,
)

# Regular expressions of ECMA 262, for the API's description.
CONTROL = r"\u0000-\u001f\u007f-\u009f"
CONTROL_BUT_LINES = r"\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f"


class RuleField:
    """For fields whose `clean` is a rule of `common.values`."""

    def clean(self, data: Any) -> Any:
        raise NotImplementedError

    def to_internal_value(self, data: Any) -> Any:
        try:
            return self.clean(data)
        except ValidationError as error:
            raise serializers.ValidationError(get_error_detail(error)) from error


class TextField(RuleField, serializers.CharField):
    """Trimmed text; control characters are refused, line breaks too unless `multiline`."""

    def __init__(self, *, multiline: bool = False, **kwargs: Any) -> None:
        self.multiline = multiline
        super().__init__(**kwargs)

    def described(self) -> dict[str, str]:
        """What the API's description says of the text. All that it allows is accepted."""
        allowed = f"[^{CONTROL_BUT_LINES if self.multiline else CONTROL}]"
        # drf-spectacular adds the empty text if it is allowed.
        if self.allow_blank or not self.trim_whitespace:
            return {"pattern": f"^{allowed}+$"}
        visible = f"[^{CONTROL}\\s]"
        return {"pattern": f"^{allowed}*{visible}{allowed}*$"}

    def clean(self, data: Any) -> str:
        # DRF has already accepted a blank text if one is allowed.
        return clean_text(
            data, max_length=self.max_length, multiline=self.multiline, blank=True, trim=self.trim_whitespace
        )


class StrictEmailField(RuleField, serializers.EmailField):
    def clean(self, data: Any) -> str:
        return clean_email(data, max_length=self.max_length, blank=True, trim=self.trim_whitespace)


class PhoneField(TextField):
    """A telephone number, or an empty text."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_blank=True, **kwargs)

    def described(self) -> dict[str, str]:
        return {"pattern": f"^{PHONE}$"}

    def clean(self, data: Any) -> str:
        return clean_phone(data, max_length=self.max_length)


class ZoneField(TextField):
    def described(self) -> dict[str, str]:
        return {"format": "iana-time-zone"}

    def clean(self, data: Any) -> str:
        return clean_zone(data)


@extend_schema_field({"type": "string", "format": "uuid"})
class IdField(RuleField, serializers.Field[Any, Any, Any, Any]):
    """A UUID, written with dashes."""

    def clean(self, data: Any) -> uuid.UUID:
        found: uuid.UUID = clean_id(data)
        return found

    def to_representation(self, value: uuid.UUID) -> str:
        return str(value)


class StrictIntegerField(RuleField, serializers.IntegerField):
    def clean(self, data: Any) -> int:
        return clean_integer(data, minimum=self.min_value, maximum=self.max_value)


class StrictNumberField(RuleField, serializers.FloatField):
    def clean(self, data: Any) -> float:
        return clean_number(data, minimum=self.min_value, maximum=self.max_value)


@extend_schema_field({"type": "boolean"})
class StrictBooleanField(RuleField, serializers.Field[Any, Any, Any, Any]):
    def clean(self, data: Any) -> bool:
        return clean_boolean(data)

    def to_representation(self, value: Any) -> bool:
        return bool(value)


@extend_schema_field({"type": "string", "format": "date-time", "examples": ["2026-12-31T00:00:00Z"]})
class InstantField(RuleField, serializers.Field[Any, Any, Any, Any]):
    """A point in time: reads RFC 3339 with any offset, writes UTC with `Z`."""

    def clean(self, data: Any) -> datetime:
        return clean_instant(data)

    def to_representation(self, value: datetime | None) -> str | None:
        return None if value is None else format_instant(value)
