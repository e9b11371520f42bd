"""Changing one's own preferences. They concern their owner alone, so they leave no event."""

from collections.abc import Mapping
from typing import Any

from accounts.models import Preferences
from accounts.preferences import checked_preferences


def change_preferences(admin_id: int, changes: Mapping[str, Any]) -> None:
    """What is not named stays as it is. Raises InvalidInput."""
    checked = checked_preferences(changes)
    if checked:
        Preferences.objects.update_or_create(admin_id=admin_id, defaults=checked)


def reset_preferences(admin_id: int) -> None:
    """From then on the defaults hold."""
    Preferences.objects.filter(admin_id=admin_id).delete()
