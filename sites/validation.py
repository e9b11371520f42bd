"""The rules for the values of a site and for the arguments of its services, one for each name.

Commands and CSV files read their input with `read_values`. Services check their arguments with `checked` and the functions
below it, so that every caller follows the rules. The API's serializers declare the same rules as fields; a test compares
the two.
"""

import uuid
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from django.core.exceptions import ValidationError

from common.errors import DomainError, InvalidInput
from common.values import (
    clean_boolean,
    clean_email,
    clean_id,
    clean_instant,
    clean_integer,
    clean_phone,
    clean_text,
    clean_zone,
)
from sites.errors import OrganizationNotFound, SiteNotFound
from sites.limits import (
    MAX_EMAIL_LENGTH,
    MAX_EXTENSION_DAYS,
    MAX_NAME_LENGTH,
    MAX_NOTE_LENGTH,
    MAX_OVERLAP_HOURS,
    MAX_PHONE_LENGTH,
    MAX_REASON_LENGTH,
)
from sites.slugs import clean_slug

# Each returns the value as it is stored, or raises ValidationError.
RULES: Mapping[str, Callable[[Any], Any]] = {
    "name": partial(clean_text, max_length=MAX_NAME_LENGTH),
    "owner_name": partial(clean_text, max_length=MAX_NAME_LENGTH),
    "contact_email": partial(clean_email, max_length=MAX_EMAIL_LENGTH),
    "contact_phone": partial(clean_phone, max_length=MAX_PHONE_LENGTH),
    "timezone": clean_zone,
    "organization_id": partial(clean_id, null=True),
    "license_expires_at": clean_instant,
    "is_active": clean_boolean,
    "reason": partial(clean_text, max_length=MAX_REASON_LENGTH, multiline=True),
    "note": partial(clean_text, max_length=MAX_REASON_LENGTH, multiline=True, blank=True),
    "days": partial(clean_integer, minimum=1, maximum=MAX_EXTENSION_DAYS),
    "until": clean_instant,
    "overlap_hours": partial(clean_integer, minimum=0, maximum=MAX_OVERLAP_HOURS),
}
# What a new site must have.
REQUIRED = ("name", "owner_name", "contact_email")
ORGANIZATION_RULES: Mapping[str, Callable[[Any], Any]] = {"name": RULES["name"], "slug": clean_slug}


def read_site_id(text: str) -> uuid.UUID:
    """The id in a path or an argument. Raises SiteNotFound if it is malformed."""
    return read_id(text, SiteNotFound)


def read_organization_id(text: str) -> uuid.UUID:
    """Raises OrganizationNotFound if it is malformed."""
    return read_id(text, OrganizationNotFound)


def read_id(text: str, missing: type[DomainError]) -> uuid.UUID:
    try:
        found: uuid.UUID = clean_id(text)
    except ValidationError as error:
        raise missing from error
    return found


def read_values(given: Mapping[str, Any], *, required: Collection[str] = ()) -> dict[str, Any]:
    """The given values as services take them. Raises ValidationError, `{name: problems}`, for all that are wrong."""
    problems: dict[str, ValidationError] = {
        name: ValidationError("This field is required.", code="required") for name in required if name not in given
    }
    values = {}
    for name, value in given.items():
        try:
            values[name] = RULES[name](value)
        except ValidationError as error:
            problems[name] = error
    if problems:
        raise ValidationError(problems)
    return values


def checked(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a service's arguments, by the rules. Raises InvalidInput, which names the first that is wrong."""
    return {name: checked_value(name, value) for name, value in values.items()}


def checked_value(name: str, value: Any) -> Any:
    try:
        return RULES[name](value)
    except ValidationError as error:
        raise InvalidInput(error.messages[0], field=name) from error


def checked_organization(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of an organization, by the rules. Raises InvalidInput, which names the first that is wrong."""
    clean = {}
    for name, value in values.items():
        try:
            clean[name] = ORGANIZATION_RULES[name](value)
        except ValidationError as error:
            raise InvalidInput(error.messages[0], field=name) from error
    return clean


def checked_note(text: str | None, *, field: str) -> str | None:
    """A reason or a note that may be left out; None if it is blank. Raises InvalidInput."""
    try:
        return RULES["note"](text) or None if text is not None else None
    except ValidationError as error:
        raise InvalidInput(error.messages[0], field=field) from error


def clean_note_text(text: Any) -> str:
    """The text of a note about a site. A browser sends each line break as two characters."""
    one_each = text.replace("\r\n", "\n") if isinstance(text, str) else text
    return clean_text(one_each, max_length=MAX_NOTE_LENGTH, multiline=True)


def checked_note_text(text: str) -> str:
    """Raises InvalidInput."""
    try:
        return clean_note_text(text)
    except ValidationError as error:
        raise InvalidInput(error.messages[0], field="text") from error


def checked_overlap(overlap: timedelta) -> timedelta:
    """How long older keys still work after a rotation. Raises InvalidInput."""
    if not timedelta(0) <= overlap <= timedelta(hours=MAX_OVERLAP_HOURS):
        raise InvalidInput(f"Must be from 0 to {MAX_OVERLAP_HOURS} hours.", field="overlap_hours")
    return overlap
