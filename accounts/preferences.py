"""What admins choose for their own work: the rules of the values, and what holds for an admin."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from django.core.exceptions import ValidationError

from accounts.models import Admin, Preferences, StartPage, Theme
from accounts.models.preferences import MAX_PAGE_SIZE, MIN_PAGE_SIZE
from common.errors import InvalidInput
from common.values import clean_choice, clean_integer, clean_zone


def clean_own_zone(value: Any) -> str:
    """The name of an IANA time zone; empty for the browser's."""
    return "" if value == "" else clean_zone(value)


# Each returns the value as it is stored, or raises ValidationError.
RULES: Mapping[str, Callable[[Any], Any]] = {
    "timezone": clean_own_zone,
    "theme": partial(clean_choice, choices=Theme.values),
    "page_size": partial(clean_integer, minimum=MIN_PAGE_SIZE, maximum=MAX_PAGE_SIZE),
    "start_page": partial(clean_choice, choices=StartPage.values),
}


def checked_preferences(changes: Mapping[str, Any]) -> dict[str, Any]:
    """The values by the rules. Raises InvalidInput, which names the first that is wrong or unknown."""
    checked = {}
    for name, value in changes.items():
        if name not in RULES:
            raise InvalidInput("There is no such setting.", field=name)
        try:
            checked[name] = RULES[name](value)
        except ValidationError as error:
            raise InvalidInput(error.messages[0], field=name) from error
    return checked


def preferences_of(admin: Admin) -> Preferences:
    """What the admin chose, and the defaults for the rest. No query for the admin of a request of the panel."""
    try:
        return admin.preferences
    except Preferences.DoesNotExist:
        return Preferences(admin_id=admin.pk)
