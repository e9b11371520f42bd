"""In a channel's quiet hours only critical messages are sent; the others wait until the end."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django.db.models import Q

from alerts.kinds import Severity
from alerts.models import AlertChannel, Delivery


def is_quiet(channel: AlertChannel, *, at: datetime) -> bool:
    """By the time of day in the channel's zone. Hours that begin in the evening end on the next day."""
    begin, end = channel.quiet_from, channel.quiet_until
    if begin is None or end is None:
        return False
    now = at.astimezone(ZoneInfo(channel.timezone)).time()
    return begin <= now < end if begin < end else now >= begin or now < end


def sent_in_quiet_hours() -> Q:
    """A condition on deliveries."""
    return Q(incident__severity=Severity.CRITICAL) | Q(type=Delivery.Type.TEST)
