"""Changing one's own preferences. They concern their owner alone, so they leave no event."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from accounts.models import Admin, Preferences
from accounts.preferences import checked_preferences


@transaction.atomic
def change_preferences(admin_id: int, changes: Mapping[str, Any]) -> None:
    """What is not named stays as it is. Raises InvalidInput."""
    checked = checked_preferences(changes)
    if not checked:
        return
    # Two first changes at once: the second one finds the row of the first.
    Admin.objects.select_for_update(no_key=True).get(pk=admin_id)
    Preferences.objects.update_or_create(admin_id=admin_id, defaults=checked)


def reset_preferences(admin_id: int) -> None:
    """From then on the defaults hold."""
    Preferences.objects.filter(admin_id=admin_id).delete()
