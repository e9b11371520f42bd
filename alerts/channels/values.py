"""Rules for the values of a channel. Each returns the value as it is stored, or raises Django's ValidationError."""

import re
from datetime import time
from typing import Any

from django.core.exceptions import ValidationError

from alerts.kinds import Kind
from common.values import clean_choice

# A regular expression of Python and of ECMA 262.
TIME_OF_DAY = r"([01][0-9]|2[0-3]):[0-5][0-9]"


def time_text(value: time | None) -> str | None:
    return value.strftime("%H:%M") if value else None


def clean_kinds(value: Any) -> list[str] | None:
    """Null for all; else in one order and without doubles."""
    if value is None:
        return None
    if not isinstance(value, list) or not value:
        raise ValidationError("Must be null, for all kinds, or a list of kinds.", code="invalid")
    named = {clean_choice(kind, Kind.values) for kind in value if isinstance(kind, str)}
    if len(named) != len(value):
        raise ValidationError("Must be a list of kinds, each once.", code="invalid")
    return [kind for kind in Kind.values if kind in named]


def clean_time(value: Any) -> time | None:
    if value is None or (isinstance(value, time) and value.tzinfo is None and value.second == value.microsecond == 0):
        return value
    if not isinstance(value, str) or not re.fullmatch(TIME_OF_DAY, value):
        raise ValidationError("Must be a time of day such as 22:30, or null.", code="invalid")
    return time.fromisoformat(value)
