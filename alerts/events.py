"""The audit's events about incidents and channels. What the product notices by itself leaves none: incidents have a history."""

from django.db.models import TextChoices

from alerts.models import AlertChannel, Incident
from audit.services import Subject

INCIDENT, ALERT_CHANNEL, CUSTOMER_NOTICES = "incident", "alert_channel", "customer_notices"


class IncidentAction(TextChoices):
    ACKNOWLEDGED = "incident.acknowledged"


class ChannelAction(TextChoices):
    CREATED = "alert_channel.created"
    CHANGED = "alert_channel.changed"
    DELETED = "alert_channel.deleted"
    DISABLED = "alert_channel.disabled"  # by the product: the address does not exist any more
    TESTED = "alert_channel.tested"
    SENT_AGAIN = "alert_channel.sent_again"


class CustomerNoticesAction(TextChoices):
    """Of the words and whether they are sent; each mail is an event of its site."""

    CHANGED = "customer_notices.changed"


LICENSE_NOTICES = Subject(CUSTOMER_NOTICES, "license", "the notices to restaurants")


def incident_subject(incident: Incident) -> Subject:
    # The name of an event's subject stays; the title may name a restaurant, which may be erased one day.
    return Subject(INCIDENT, incident.id, incident.get_kind_display())


def channel_subject(channel: AlertChannel) -> Subject:
    return Subject(ALERT_CHANNEL, channel.pk, channel.name)
