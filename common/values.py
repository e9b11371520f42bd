"""Rules for single values. The API's fields, forms, commands, imports and services use them.

Each function takes a value of any type and returns it as the product stores it, or raises Django's ValidationError with a
message and a code. There is no coercion: "5" is not an integer and 5 is not a text.
"""

import math
import re
import unicodedata
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from common.instants import known_zones, parse_instant

LINE_BREAKS_AND_TABS = "\n\r\t"
# A regular expression of Python and of ECMA 262. No country has numbers of fewer than three digits.
PHONE = r"[ ()+/.\-]*([0-9][ ()+/.\-]*){3,}"
ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


def has_control_characters(text: str, *, but: str = "") -> bool:
    """Whether the text has a control character that is not one of `but`."""
    return any(unicodedata.category(character) == "Cc" and character not in but for character in text)


def refuse_control_characters(text: str, *, multiline: bool = False) -> None:
    if has_control_characters(text, but=LINE_BREAKS_AND_TABS if multiline else ""):
        raise ValidationError("Control characters are not allowed.", code="control")


def clean_text(
    value: Any, *, max_length: int | None, multiline: bool = False, blank: bool = False, trim: bool = True
) -> str:
    """A text without control characters; line breaks and tabs are allowed if `multiline`."""
    if not isinstance(value, str):
        raise ValidationError("Not a text.", code="invalid")
    text = trimmed(value, blank=blank, trim=trim)
    refuse_control_characters(text, multiline=multiline)
    refuse_surrogates(text)
    refuse_excess(text, max_length)
    return text


def without_invisible_ends(text: str) -> str:
    """Without blanks and characters that only format text, such as U+200B and U+202E, at both ends; blank if no other is left.

    A combining character alone is nothing that can be seen either.
    """
    seen = [number for number, character in enumerate(text) if not (character.isspace() or is_format(character))]
    if not any(unicodedata.category(text[number])[0] != "M" for number in seen):
        return ""
    return text[seen[0] : seen[-1] + 1]


def is_format(character: str) -> bool:
    return unicodedata.category(character) == "Cf"


def without_format_characters(text: str) -> str:
    """Without what cannot be seen and turns the direction of what follows on a page; empty if nothing else is left."""
    return without_invisible_ends("".join(character for character in text if not is_format(character)))


def clean_email(value: Any, *, max_length: int | None, blank: bool = False, trim: bool = True) -> str:
    if not isinstance(value, str):
        raise ValidationError("Enter a valid email address.", code="invalid")
    text = trimmed(value, blank=blank, trim=trim)
    refuse_control_characters(text)
    problems = []
    for check in (lambda: refuse_excess(text, max_length), lambda: validate_email(text)):
        try:
            check()
        except ValidationError as error:
            problems.append(error)
    if problems:
        raise ValidationError(problems)
    return text


def clean_phone(value: Any, *, max_length: int | None) -> str:
    """A telephone number as people write it, or an empty text."""
    text = clean_text(value, max_length=max_length, blank=True)
    if text and not re.fullmatch(PHONE, text):
        raise ValidationError("Enter a phone number: only digits, spaces and + ( ) - / . are allowed.", code="invalid")
    return text


def clean_zone(value: Any) -> str:
    """The name of an IANA time zone."""
    text = clean_text(value, max_length=None)
    if text not in known_zones():
        raise ValidationError("Not an IANA time zone, such as Europe/Rome.", code="zone")
    return text


def clean_choice(value: Any, choices: Sequence[str]) -> str:
    if value not in choices:
        raise ValidationError(f"Must be one of {', '.join(choices)}.", code="choice")
    return str(value)


def clean_instant(value: Any) -> datetime:
    """An RFC 3339 text with an offset, or an aware datetime."""
    if isinstance(value, datetime) and value.utcoffset() is not None:
        return value
    try:
        return parse_instant(value)
    except (TypeError, ValueError) as error:
        raise ValidationError(
            "Must be an RFC 3339 time with an offset, such as 2026-12-31T00:00:00Z, in the years 0001 to 9999.",
            code="invalid",
        ) from error


def clean_id(value: Any, *, null: bool = False) -> Any:
    """A UUID, also as a text with dashes: one that is written in another way is refused."""
    if isinstance(value, uuid.UUID) or (null and value is None):
        return value
    if not (isinstance(value, str) and ID.fullmatch(value)):
        raise ValidationError("Must be a valid UUID.", code="invalid")
    return uuid.UUID(value)


def clean_boolean(value: Any) -> bool:
    if type(value) is not bool:
        raise ValidationError("Must be true or false.", code="invalid")
    return value


def clean_integer(value: Any, *, minimum: int | None = None, maximum: int | None = None) -> int:
    if type(value) is not int:
        raise ValidationError("A valid integer is required.", code="invalid")
    if maximum is not None and value > maximum:
        raise ValidationError(f"Ensure this value is less than or equal to {maximum}.", code="max_value")
    if minimum is not None and value < minimum:
        raise ValidationError(f"Ensure this value is greater than or equal to {minimum}.", code="min_value")
    return value


def clean_number(value: Any, *, minimum: float | None = None, maximum: float | None = None) -> float:
    """An integer or a finite floating point number, as a float."""
    if type(value) not in (int, float) or value in (math.inf, -math.inf) or value != value:
        raise ValidationError("A valid number is required.", code="invalid")
    if maximum is not None and value > maximum:
        raise ValidationError(f"Ensure this value is less than or equal to {maximum}.", code="max_value")
    if minimum is not None and value < minimum:
        raise ValidationError(f"Ensure this value is greater than or equal to {minimum}.", code="min_value")
    return to_float(value)


def to_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError as error:
        raise ValidationError("A valid number is required.", code="invalid") from error


def trimmed(text: str, *, blank: bool, trim: bool) -> str:
    text = text.strip() if trim else text
    if not text and not blank:
        raise ValidationError("This field may not be blank.", code="blank")
    return text


def refuse_surrogates(text: str) -> None:
    """Refuse lone surrogates, which JSON and shells can hold but UTF-8 cannot."""
    for character in text:
        if unicodedata.category(character) == "Cs":
            message = f"Surrogate characters are not allowed: U+{ord(character):X}."
            raise ValidationError(message, code="surrogate_characters_not_allowed")


def refuse_excess(text: str, max_length: int | None) -> None:
    if max_length is not None and len(text) > max_length:
        raise ValidationError(f"Ensure this field has no more than {max_length} characters.", code="max_length")
