"""The rules for the values of a firmware, one for each name."""

import re
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from django.core.exceptions import ValidationError

from common.values import clean_boolean, clean_text
from fleet.firmware.errors import FirmwareInvalid, FirmwareNotFound
from fleet.firmware.limits import (
    MAX_HARDWARE_LENGTH,
    MAX_NOTES_LENGTH,
    MAX_VERSION_LENGTH,
    PRODUCT,
)
from fleet.firmware.models import Firmware
from fleet.firmware.versions import parse_version, precedence_key


def clean_product(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(PRODUCT, value, re.ASCII):
        raise ValidationError("Must be 1 to 64 of A-Z a-z 0-9 . _ -, with a letter or digit first.", code="invalid")
    return value


def clean_version(value: Any) -> str:
    if not isinstance(value, str):
        raise ValidationError("Not a text.", code="invalid")
    if len(value) > MAX_VERSION_LENGTH:
        message = f"Ensure this field has no more than {MAX_VERSION_LENGTH} characters."
        raise ValidationError(message, code="max_length")
    try:
        return str(parse_version(value))
    except ValueError as error:
        message = "Must be a semantic version (SemVer 2.0.0), such as 1.4.0 or 2.0.0-rc.1."
        raise ValidationError(message, code="invalid") from error


def clean_channel(value: Any) -> str:
    if value not in Firmware.Channel.values:
        raise ValidationError("Must be dev, beta or stable.", code="invalid_choice")
    return str(value)


def or_none(clean: Callable[[Any], str]) -> Callable[[Any], str | None]:
    """An empty text is none: forms cannot send null."""
    return lambda value: None if value in (None, "") else clean(value) or None


# Each returns the value as it is stored, or raises ValidationError.
RULES: Mapping[str, Callable[[Any], Any]] = {
    "product": clean_product,
    "version": clean_version,
    "channel": clean_channel,
    "hardware": or_none(partial(clean_text, max_length=MAX_HARDWARE_LENGTH, blank=True)),
    "notes": partial(clean_text, max_length=MAX_NOTES_LENGTH, multiline=True, blank=True),
    "min_from": or_none(clean_version),
    "withdrawn": clean_boolean,
}


def checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """The values as they are stored. Raises FirmwareInvalid for the first that breaks a rule."""
    values = {}
    for name, value in given.items():
        try:
            values[name] = RULES[name](value)
        except ValidationError as error:
            raise FirmwareInvalid(" ".join(error.messages), field=name) from error
    min_from = values.get("min_from")
    if min_from is not None and precedence_key(min_from) > precedence_key(values["version"]):
        raise FirmwareInvalid("Must not be above the version itself.", field="min_from")
    return values


def read_firmware_id(text: str) -> uuid.UUID:
    """The id in a path. Raises FirmwareNotFound if it is malformed."""
    try:
        found = uuid.UUID(text)
    except ValueError as error:
        raise FirmwareNotFound from error
    if str(found) != text.lower():
        raise FirmwareNotFound
    return found
