"""The rules for the values of a device and for the arguments of its services, one for each name."""

import json
import re
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from django.core.exceptions import ValidationError

from common.values import clean_integer, clean_text
from fleet.devices.errors import DeviceInvalid, DeviceNotFound
from fleet.devices.limits import (
    DEVICE_ID,
    MAX_CODE_HOURS,
    MAX_CODE_USES,
    MAX_CONFIG_BYTES,
    MAX_HARDWARE_LENGTH,
    MAX_NAME_LENGTH,
    MAX_ROLE_LENGTH,
    MAX_VERSION_LENGTH,
)


def clean_device_id(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(DEVICE_ID, value, re.ASCII):
        raise ValidationError("Must be 1 to 64 of A-Z a-z 0-9 . _ : -", code="invalid")
    return value


def clean_config(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValidationError("Must be an object.", code="invalid")
    refuse_large_numbers(value)
    if len(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")) > MAX_CONFIG_BYTES:
        raise ValidationError(f"Must not have more than {MAX_CONFIG_BYTES} bytes.", code="max_length")
    return value


def refuse_large_numbers(value: Any) -> None:
    """Numbers that no 64 bits can hold: the databases would not give them back as they came."""
    if isinstance(value, dict):
        for inner in value.values():
            refuse_large_numbers(inner)
    elif isinstance(value, list):
        for inner in value:
            refuse_large_numbers(inner)
    elif isinstance(value, int | float) and abs(value) >= 2**63:
        raise ValidationError("A number is too large.", code="max_value")


# Each returns the value as it is stored, or raises ValidationError.
RULES: Mapping[str, Callable[[Any], Any]] = {
    "device_id": clean_device_id,
    "name": partial(clean_text, max_length=MAX_NAME_LENGTH),
    "role": partial(clean_text, max_length=MAX_ROLE_LENGTH, blank=True),
    "hardware": partial(clean_text, max_length=MAX_HARDWARE_LENGTH, blank=True),
    "firmware_version": partial(clean_text, max_length=MAX_VERSION_LENGTH, blank=True),
    "config": clean_config,
    "uses": partial(clean_integer, minimum=1, maximum=MAX_CODE_USES),
    "expires_in_hours": partial(clean_integer, minimum=1, maximum=MAX_CODE_HOURS),
}


def checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """The values as they are stored. Raises DeviceInvalid for the first that breaks a rule."""
    values = {}
    for name, value in given.items():
        try:
            values[name] = RULES[name](value)
        except ValidationError as error:
            raise DeviceInvalid(" ".join(error.messages), field=name) from error
    return values


def read_device_id(text: str) -> uuid.UUID:
    """The id in a path. Raises DeviceNotFound if it is malformed."""
    try:
        found = uuid.UUID(text)
    except ValueError as error:
        raise DeviceNotFound from error
    if str(found) != text.lower():
        raise DeviceNotFound
    return found
