"""An admin's own settings: the preferences of the account, and the notices of incidents by e-mail.

The API and the panel read and change them here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import TextChoices

from accounts.models import Admin
from accounts.preferences import preferences_of
from accounts.services import change_preferences, reset_preferences
from alerts.channels.own_notices import own_notices, set_own_notices
from alerts.kinds import Severity
from common.errors import InvalidInput
from common.values import clean_choice


class EmailNotices(TextChoices):
    """Of which incidents an admin gets mail: of that severity and the higher ones."""

    OFF = "off", "No notices"
    CRITICAL = Severity.CRITICAL.value, "Critical incidents only"
    WARNING = Severity.WARNING.value, "Warnings and critical incidents"
    INFO = Severity.INFO.value, "All incidents"


@dataclass(frozen=True)
class OwnSettings:
    timezone: str  # of the IANA database; empty: the browser's
    theme: str
    page_size: int  # rows of a list in the panel
    start_page: str
    email_notices: str


def own_settings(admin: Admin) -> OwnSettings:
    chosen = preferences_of(admin)
    return OwnSettings(
        timezone=chosen.timezone,
        theme=chosen.theme,
        page_size=chosen.page_size,
        start_page=chosen.start_page,
        email_notices=own_notices(admin) or EmailNotices.OFF.value,
    )


@transaction.atomic
def change_own_settings(admin: Admin, changes: Mapping[str, Any], *, at: datetime) -> OwnSettings:
    """What is not named stays as it is. Raises InvalidInput, which names the value that is wrong or unknown."""
    preferences = dict(changes)
    if "email_notices" in preferences:
        chosen = checked_notices(preferences.pop("email_notices"))
        set_own_notices(admin, None if chosen == EmailNotices.OFF else chosen, at=at)
    change_preferences(admin.pk, preferences)
    return own_settings(Admin.objects.select_related("preferences").get(pk=admin.pk))


@transaction.atomic
def reset_own_settings(admin: Admin, *, at: datetime) -> OwnSettings:
    """Everything as in a new account, without notices."""
    reset_preferences(admin.pk)
    set_own_notices(admin, None, at=at)
    return own_settings(Admin.objects.select_related("preferences").get(pk=admin.pk))


def checked_notices(value: Any) -> str:
    try:
        return clean_choice(value, EmailNotices.values)
    except ValidationError as error:
        raise InvalidInput(error.messages[0], field="email_notices") from error
