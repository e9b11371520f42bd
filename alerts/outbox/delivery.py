"""Sends what is due on a channel, in order, and notes the answers."""

import logging
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from django.conf import settings

from alerts.channels.secrets import ADDRESS, SIGNING_SECRET, opened
from alerts.channels.transports import send
from alerts.channels.transports.outcome import Message, Outcome, Target, Transport, Verdict
from alerts.models import AlertChannel, Delivery
from alerts.outbox.attempts import note_attempt
from alerts.outbox.claims import LEASE, claim_channel, release_channel
from alerts.outbox.quiet_hours import is_quiet, sent_in_quiet_hours
from alerts.outbox.services import FOR_PEOPLE
from alerts.querysets import LONGEST_PAUSE
from common.jobs.services import database_now
from common.sealing import OpeningFailed

log = logging.getLogger("portcullis.alerts")

# People get so many messages one by one; if more are due at a time, they get them as one.
ONE_BY_ONE = 10
LARGEST_SUMMARY = 500


def deliver_channel(
    channel_id: uuid.UUID,
    *,
    holder: str,
    is_stopping: Callable[[], bool],
    lease: timedelta = LEASE,
    transport: Transport | None = None,
    clock: Callable[[], datetime] | None = None,
) -> int:
    """Deliver what is due on that channel; how many attempts were made. Another worker may have it: then none.

    Only simulations name a transport or a clock.
    """
    now = clock or database_now
    attempts = 0
    try:
        while not is_stopping() and claim_channel(channel_id, holder=holder, at=now(), lease=lease):
            at = now()
            channel = AlertChannel.objects.in_use().select_related("owner").filter(pk=channel_id).first()
            if channel is None or (channel.paused_until and at < channel.paused_until <= at + LONGEST_PAUSE):
                break
            batch, is_last = due_messages(channel, at=at)
            if batch:
                attempts += 1
                attempt(channel, batch, transport=transport, clock=clock)
            if is_last:
                break
    finally:
        release_channel(channel_id, holder=holder)
    return attempts


def due_messages(channel: AlertChannel, *, at: datetime) -> tuple[Sequence[Delivery], bool]:
    """The next message, or several for a summary; and whether it is known that no other one was due at that moment."""
    due = Delivery.objects.due(at=at).filter(channel=channel)
    if is_quiet(channel, at=at):
        due = due.filter(sent_in_quiet_hours())
    # New ones first: a message that fails again and again keeps none of another incident waiting.
    first = due.filter(attempts=0).order_by("sequence").first() or due.order_by("attempts", "sequence").first()
    if first is None:
        return [], True
    if channel.kind not in FOR_PEOPLE:
        return [first], False
    # Also those that come after another one of their incident.
    waiting = Delivery.objects.waiting().filter(channel=channel, created_at__lte=at, incident__isnull=False)
    if is_quiet(channel, at=at):
        waiting = waiting.filter(sent_in_quiet_hours())
    some = list(waiting.order_by("sequence")[:LARGEST_SUMMARY])
    batch = some if len(some) > ONE_BY_ONE else [first]
    return batch, len(batch) == len(some) < LARGEST_SUMMARY


def attempt(
    channel: AlertChannel,
    deliveries: Sequence[Delivery],
    *,
    transport: Transport | None = None,
    clock: Callable[[], datetime] | None = None,
) -> Outcome:
    """Send one message, or several as one, and note the answer."""
    started = time.monotonic()
    target = target_of(channel)
    try:
        outcome = (transport or send)(message_of(deliveries), target) if target else UNREADABLE
    except Exception:  # a defect with one message must not keep those after it waiting
        log.exception("a message for the channel %s could not be sent", channel.pk)
        outcome = DEFECT
    duration = timedelta(seconds=time.monotonic() - started)
    note_attempt(channel, deliveries, outcome, duration=duration, at=(clock or database_now)())
    return outcome


UNREADABLE = Outcome(
    Verdict.RETRY, None, "The address cannot be decrypted: ALERT_CHANNEL_SECRET or SECRET_KEY has changed.", None
)
DEFECT = Outcome(Verdict.RETRY, None, "A defect in Portcullis: the log of the worker has the traceback.", None)


def target_of(channel: AlertChannel) -> Target | None:
    """None if the address or the secret cannot be decrypted."""
    if channel.owner:
        return Target(channel.kind, channel.owner.email, None, channel.name)
    try:
        address = opened(channel.sealed_address, purpose=ADDRESS, channel_id=channel.pk)
        secret = channel.sealed_signing_secret
        signing_secret = opened(secret, purpose=SIGNING_SECRET, channel_id=channel.pk) if secret else None
    except OpeningFailed:
        return None
    return Target(channel.kind, address, signing_secret, channel.name)


def message_of(deliveries: Sequence[Delivery]) -> Message:
    first = deliveries[0]
    is_summary = len(deliveries) > 1
    # A summary that is sent again has the same messages, or is another one.
    summary_id = uuid.uuid5(first.id, " ".join(str(each.id) for each in deliveries))
    return Message(
        id=summary_id if is_summary else first.id,
        type="summary" if is_summary else first.type,
        at=first.created_at,
        incident=None if is_summary or first.incident_id is None else first.payload,
        summary=[{"type": each.type, "incident": each.payload} for each in deliveries] if is_summary else None,
        panel_url=panel_url(None if is_summary else first.incident_id),
    )


def panel_url(incident: int | None) -> str | None:
    """Where the panel shows the incident, or all; None without PUBLIC_URL."""
    if not settings.PUBLIC_URL:
        return None
    return f"{settings.PUBLIC_URL}/admin/alerts/incident/" + (f"{incident}/change/" if incident else "")
