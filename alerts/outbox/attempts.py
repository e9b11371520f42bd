"""What an attempt to deliver changes: the message, its history, and the pauses of the channel."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F

from alerts.channels.services import fail_waiting
from alerts.channels.transports.outcome import Outcome, Verdict
from alerts.events import ChannelAction, channel_subject
from alerts.models import AlertChannel, Delivery, DeliveryAttempt
from audit.actors import SYSTEM
from audit.services import record_event

LONGEST_PAUSE = timedelta(hours=1)
LONGEST_ASKED_PAUSE = timedelta(days=1)
# So many messages in a row of which the first attempt failed pause the channel: it is not one message that it refuses.
FAILURES_BEFORE_PAUSE = 3
ATTEMPTS_AS_ASKED = 10
SPREAD = 0.25


@transaction.atomic
def note_attempt(
    channel: AlertChannel, deliveries: Sequence[Delivery], outcome: Outcome, *, duration: timedelta, at: datetime
) -> None:
    """Of one or of several messages that were sent as one.

    If somebody has changed the channel while they were sent, the answer says nothing about the channel as it is now.
    """
    # Locked first, as by those who change it. It may be gone, with its messages.
    present = AlertChannel.objects.select_for_update(no_key=True).filter(pk=channel.pk).first()
    if present is None:
        return
    DeliveryAttempt.objects.bulk_create(
        DeliveryAttempt(
            delivery=delivery,
            at=at,
            duration_ms=duration // timedelta(milliseconds=1),
            status=outcome.status,
            answer=outcome.detail,
        )
        for delivery in deliveries
    )
    for delivery in deliveries:
        note_delivery(delivery, outcome, at=at)
    # A test that fails keeps no message waiting.
    is_failed_test = outcome.verdict == Verdict.RETRY and deliveries[0].type == Delivery.Type.TEST
    if present.revision != channel.revision or is_failed_test:
        return
    if outcome.verdict == Verdict.GONE:
        disable_channel(present, reason=outcome.detail, at=at)
    elif outcome.verdict == Verdict.RETRY:
        is_new = any(delivery.attempts == 0 for delivery in deliveries)
        pause_channel(present, outcome, is_new=is_new, at=at)
    elif present.failing_since or present.failures or present.paused_until:
        AlertChannel.objects.filter(pk=present.pk).update(failures=0, failing_since=None, paused_until=None)


def note_delivery(delivery: Delivery, outcome: Outcome, *, at: datetime) -> None:
    """Unless its state has changed: another worker has had its lease, and delivered it."""
    attempts = delivery.attempts + 1
    next_attempt_at = at + next_pause(outcome, attempts)
    is_over = outcome.verdict != Verdict.RETRY or next_attempt_at > delivery.give_up_at
    state = Delivery.State.DELIVERED if outcome.verdict == Verdict.DELIVERED else Delivery.State.FAILED
    Delivery.objects.filter(pk=delivery.pk, state=delivery.state).update(
        attempts=attempts,
        status=outcome.status,
        answer=outcome.detail,
        next_attempt_at=next_attempt_at,
        **({"state": state, "ended_at": at} if is_over else {}),
    )


def pause_channel(channel: AlertChannel, outcome: Outcome, *, is_new: bool, at: datetime) -> None:
    failures = channel.failures + is_new
    paused_until = None
    if asked := asked_pause(outcome):
        paused_until = at + asked
    elif is_new and failures >= FAILURES_BEFORE_PAUSE:
        paused_until = at + pause(failures - FAILURES_BEFORE_PAUSE + 1)
    channel.failures, channel.paused_until = failures, paused_until
    channel.failing_since = channel.failing_since or at
    channel.save(update_fields=["failures", "paused_until", "failing_since"])


def asked_pause(outcome: Outcome) -> timedelta | None:
    return min(outcome.retry_after, LONGEST_ASKED_PAUSE) if outcome.retry_after else None


def next_pause(outcome: Outcome, attempts: int) -> timedelta:
    """As the other side asks; after many attempts not less than our own pauses."""
    asked = asked_pause(outcome)
    if asked and attempts <= ATTEMPTS_AS_ASKED:
        return asked
    return max(asked or timedelta(0), pause(attempts))


def pause(attempts: int) -> timedelta:
    """ALERT_RETRY_SECONDS, doubled with each further attempt up to an hour, and up to a quarter longer."""
    length: timedelta = min(settings.ALERT_RETRY * 2 ** min(attempts - 1, 20), LONGEST_PAUSE)
    return length * (1 + random.random() * SPREAD)  # noqa: S311 - keeps channels apart


def disable_channel(channel: AlertChannel, *, reason: str, at: datetime) -> None:
    """Its address does not exist any more. What waits for it has failed, and may be sent again once it is enabled."""
    changed = AlertChannel.objects.filter(pk=channel.pk, is_enabled=True).update(
        is_enabled=False, disabled_reason=reason, revision=F("revision") + 1
    )
    if changed:
        record_event(
            ChannelAction.DISABLED,
            subject=channel_subject(channel),
            by=SYSTEM,
            at=at,
            changes={"is_enabled": (True, False)},
        )
    fail_waiting(channel, at=at)
