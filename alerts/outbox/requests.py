"""What a person asks of the outbox: a test message, and to send a failed message again."""

import uuid
from datetime import datetime

from django.db import transaction

from alerts.channels.transports.outcome import Outcome
from alerts.errors import ChannelDisabled, ChannelNotFound, DeliveryNotFailed, DeliveryNotFound, DeliveryOutdated
from alerts.events import ChannelAction, channel_subject
from alerts.models import AlertChannel, Delivery
from alerts.outbox.delivery import attempt
from alerts.outbox.services import KEEP_TRYING_FOR
from audit.actors import Actor
from audit.services import record_event


def test_channel(channel_id: uuid.UUID, *, by: Actor, at: datetime) -> Outcome:
    """Send a test message at once, also on a disabled channel, and wait for the answer. It is not tried again.

    Raises ChannelNotFound.
    """
    with transaction.atomic():
        channel = AlertChannel.objects.shared().select_related("owner").filter(pk=channel_id).first()
        if channel is None:
            raise ChannelNotFound
        # Workers leave a delivery alone that is not waiting.
        test = Delivery.objects.create(
            channel=channel,
            type=Delivery.Type.TEST,
            state=Delivery.State.FAILED,
            created_at=at,
            next_attempt_at=at,
            give_up_at=at,
            ended_at=at,
        )
        record_event(ChannelAction.TESTED, subject=channel_subject(channel), by=by, at=at)
    return attempt(channel, [test])


@transaction.atomic
def send_again(channel_id: uuid.UUID, delivery_id: uuid.UUID, *, by: Actor, at: datetime) -> Delivery:
    """Let the worker try a failed message again, for three days. It keeps its id.

    Raises ChannelNotFound, DeliveryNotFound, DeliveryNotFailed, ChannelDisabled, DeliveryOutdated.
    """
    channel = AlertChannel.objects.shared().select_for_update().filter(pk=channel_id).first()
    if channel is None:
        raise ChannelNotFound
    delivery: Delivery | None = Delivery.objects.select_for_update().filter(channel=channel, id=delivery_id).first()
    if delivery is None:
        raise DeliveryNotFound
    if delivery.state != Delivery.State.FAILED or delivery.type == Delivery.Type.TEST:
        raise DeliveryNotFailed
    if not channel.is_enabled:
        raise ChannelDisabled
    later = Delivery.objects.filter(channel=channel, incident=delivery.incident_id, sequence__gt=delivery.sequence)
    if channel.kind == AlertChannel.Kind.PAGERDUTY and later.filter(state=Delivery.State.DELIVERED).exists():
        raise DeliveryOutdated  # PagerDuty does as the newest message says, whenever it was made
    delivery.state, delivery.ended_at = Delivery.State.WAITING, None
    delivery.next_attempt_at, delivery.give_up_at = at, at + KEEP_TRYING_FOR
    delivery.attempts = 0
    delivery.save(update_fields=["state", "ended_at", "next_attempt_at", "give_up_at", "attempts"])
    record_event(ChannelAction.SENT_AGAIN, subject=channel_subject(channel), by=by, at=at)
    return delivery
