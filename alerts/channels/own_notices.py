"""An admin's own notices by e-mail: a channel that only its owner sees and changes.

They concern their owner alone, so they leave no event.
"""

import secrets
from datetime import datetime

from django.db import transaction

from accounts.models import Admin
from alerts.channels.services import fail_waiting
from alerts.errors import ChannelInvalid
from alerts.kinds import Severity
from alerts.models import AlertChannel
from alerts.models.channels import MAX_CHANNEL_NAME_LENGTH


@transaction.atomic
def set_own_notices(admin: Admin, min_severity: str | None, *, at: datetime) -> None:
    """Mail incidents of that severity and the higher ones to the admin's address; None ends the notices.

    Raises ChannelInvalid.
    """
    if min_severity is not None and min_severity not in Severity.values:
        raise ChannelInvalid("Must be info, warning or critical.", field="min_severity")
    # Two requests at once: the second one finds the channel of the first.
    Admin.objects.select_for_update(no_key=True).get(pk=admin.pk)
    channel = AlertChannel.objects.select_for_update().filter(owner=admin).first()
    if min_severity is None:
        if channel and channel.is_enabled:
            fail_waiting(channel, at=at)
            AlertChannel.objects.filter(pk=channel.pk).update(is_enabled=False)
        return
    if channel is None:
        AlertChannel.objects.create(
            kind=AlertChannel.Kind.EMAIL,
            owner=admin,
            name=name_for(admin),
            sealed_address=b"",
            min_severity=min_severity,
            created_at=at,
        )
        return
    AlertChannel.objects.filter(pk=channel.pk).update(
        min_severity=min_severity,
        is_enabled=True,
        disabled_reason="",
        failures=0,
        failing_since=None,
        paused_until=None,
    )


def name_for(admin: Admin) -> str:
    """It ends in random digits: somebody may have given a shared channel any name, and long user names are cut."""
    ending = f" ({secrets.token_hex(4)})"
    return f"Notices of {admin.username}"[: MAX_CHANNEL_NAME_LENGTH - len(ending)] + ending


def own_notices(admin: Admin) -> str | None:
    """The least severity of which the admin gets mail; None without notices."""
    enabled = AlertChannel.objects.filter(owner=admin, is_enabled=True)
    severity: str | None = enabled.values_list("min_severity", flat=True).first()
    return severity
