"""Create, change and delete the channels on which incidents are told."""

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.views.decorators.debug import sensitive_variables

from alerts.channels.addresses import clean_address, shortened
from alerts.channels.secrets import ADDRESS, SIGNING_SECRET, opened, sealed
from alerts.channels.transports.webhook import new_signing_secret
from alerts.channels.values import clean_kinds, clean_time, time_text
from alerts.errors import ChannelInvalid, ChannelNameTaken, ChannelNotFound
from alerts.events import ChannelAction, channel_subject
from alerts.kinds import Severity
from alerts.models import AlertChannel, Delivery
from alerts.models.channels import MAX_CHANNEL_NAME_LENGTH
from audit.actors import Actor
from audit.services import record_event
from common.sealing import OpeningFailed
from common.values import clean_boolean, clean_choice, clean_text, clean_zone

# What a change may name; `kind` stays as it is.
CHANGEABLE = ("name", "address", "min_severity", "kinds", "is_enabled", "quiet_from", "quiet_until", "timezone")
WRITTEN_BY_PEOPLE = (
    *(name for name in CHANGEABLE if name != "address"),
    *("sealed_address", "shown_address", "disabled_reason", "revision", "failures", "failing_since", "paused_until"),
)
DEFAULTS: Mapping[str, Any] = {
    "min_severity": Severity.INFO,
    "kinds": None,
    "is_enabled": True,
    "quiet_from": None,
    "quiet_until": None,
    "timezone": "UTC",
}


@dataclass(frozen=True)
class NewChannel:
    """A new channel, and of a webhook the secret that signs its messages, which cannot be read later."""

    channel: AlertChannel
    signing_secret: str | None = field(repr=False)


@sensitive_variables()
def create_channel(kind: str, facts: Mapping[str, Any], *, by: Actor, at: datetime) -> NewChannel:
    """`facts` are those of CHANGEABLE; `name` and `address` are required. Raises ChannelInvalid, ChannelNameTaken."""
    if kind not in AlertChannel.Kind.values:
        raise ChannelInvalid("Must be email, slack, pagerduty or webhook.", field="kind")
    values = checked(kind, {"name": None, "address": None, **facts})
    channel = AlertChannel(kind=kind, created_at=at, **DEFAULTS)
    secret = new_signing_secret() if kind == AlertChannel.Kind.WEBHOOK else None
    if secret:
        channel.sealed_signing_secret = sealed(secret, purpose=SIGNING_SECRET, channel_id=channel.pk)
    changes = set_values(channel, values)
    with transaction.atomic(), unique_name(channel):
        channel.save(force_insert=True)
        before_and_after = {"kind": (None, kind), **{name: (None, after) for name, (_, after) in changes.items()}}
        record_event(ChannelAction.CREATED, subject=channel_subject(channel), by=by, at=at, changes=before_and_after)
    return NewChannel(channel, secret)


@sensitive_variables()
def change_channel(channel_id: uuid.UUID, facts: Mapping[str, Any], *, by: Actor, at: datetime) -> AlertChannel:
    """Raises ChannelNotFound, ChannelInvalid, ChannelNameTaken. Nothing is recorded if nothing changes."""
    kind = AlertChannel.objects.shared().filter(pk=channel_id).values_list("kind", flat=True).first()
    if kind is None:
        raise ChannelNotFound
    # Before the transaction: the name in a URL is looked up, which may take long.
    values = checked(kind, facts)
    with transaction.atomic():
        channel = channel_for_update(channel_id)
        changes = set_values(channel, values)
        if not changes:
            return channel
        if changes.get("is_enabled") == (True, False):
            fail_waiting(channel, at=at)
        channel.disabled_reason = ""
        channel.revision += 1
        # After any change it is tried again at once.
        channel.failures, channel.failing_since, channel.paused_until = 0, None, None
        with unique_name(channel):
            channel.save(update_fields=WRITTEN_BY_PEOPLE)
        record_event(ChannelAction.CHANGED, subject=channel_subject(channel), by=by, at=at, changes=changes)
    return channel


@transaction.atomic
def delete_channel(channel_id: uuid.UUID, *, by: Actor, at: datetime) -> None:
    """With its deliveries. Raises ChannelNotFound."""
    channel = channel_for_update(channel_id)
    record_event(ChannelAction.DELETED, subject=channel_subject(channel), by=by, at=at)
    channel.delete()


def channel_for_update(channel_id: uuid.UUID) -> AlertChannel:
    channel: AlertChannel | None = AlertChannel.objects.shared().select_for_update().filter(pk=channel_id).first()
    if channel is None:
        raise ChannelNotFound
    return channel


def fail_waiting(channel: AlertChannel, *, at: datetime) -> None:
    Delivery.objects.waiting().filter(channel=channel).update(
        state=Delivery.State.FAILED, ended_at=at, answer="The channel was disabled."
    )


@contextmanager
def unique_name(channel: AlertChannel) -> Iterator[None]:
    """Raises ChannelNameTaken if the database refuses the name."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        if AlertChannel.objects.filter(name=channel.name).exclude(pk=channel.pk).exists():
            raise ChannelNameTaken(field="name") from error
        raise


# --- Values --------------------------------------------------------------------------------------------------------


@sensitive_variables()
def checked(kind: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of CHANGEABLE as they are stored. Raises ChannelInvalid for the first that is invalid."""
    values = {}
    for name in CHANGEABLE:
        if name in facts:
            try:
                values[name] = clean_address(kind, facts[name]) if name == "address" else RULES[name](facts[name])
            except ValidationError as error:
                raise ChannelInvalid(error.messages[0], field=name) from error
    return values


@sensitive_variables()
def set_values(channel: AlertChannel, values: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Set them on the channel; what changes, as events record it: never an address as a whole. Raises ChannelInvalid."""
    before = recorded_values(channel)
    for name, value in values.items():
        if name != "address":
            setattr(channel, name, value)
    if (channel.quiet_from is None) != (channel.quiet_until is None):
        missing = "quiet_from" if channel.quiet_from is None else "quiet_until"
        raise ChannelInvalid("Give both quiet_from and quiet_until, or neither.", field=missing)
    if channel.quiet_from is not None and channel.quiet_from == channel.quiet_until:
        raise ChannelInvalid("Must differ from quiet_from.", field="quiet_until")
    is_new_address = "address" in values and not has_address(channel, values["address"])
    if is_new_address:
        channel.sealed_address = sealed(values["address"], purpose=ADDRESS, channel_id=channel.pk)
        channel.shown_address = shortened(channel.kind, values["address"])
    after = recorded_values(channel)
    # The shown parts of two addresses may be equal.
    return {
        name: (before[name], after[name])
        for name in after
        if before[name] != after[name] or (name == "address" and is_new_address)
    }


@sensitive_variables()
def has_address(channel: AlertChannel, address: str) -> bool:
    if not channel.sealed_address:
        return False
    try:
        return opened(channel.sealed_address, purpose=ADDRESS, channel_id=channel.pk) == address
    except OpeningFailed:
        return False


def recorded_values(channel: AlertChannel) -> dict[str, Any]:
    values = {name: getattr(channel, name) for name in ("name", "min_severity", "kinds", "is_enabled", "timezone")}
    return {
        **values,
        "address": channel.shown_address,
        "quiet_from": time_text(channel.quiet_from),
        "quiet_until": time_text(channel.quiet_until),
    }


RULES: Mapping[str, Callable[[Any], Any]] = {
    "name": lambda value: clean_text(value, max_length=MAX_CHANNEL_NAME_LENGTH),
    "min_severity": lambda value: clean_choice(value, Severity.values),
    "kinds": clean_kinds,
    "is_enabled": clean_boolean,
    "quiet_from": clean_time,
    "quiet_until": clean_time,
    "timezone": clean_zone,
}
