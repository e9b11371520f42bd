"""The keys of a device: make one, rotate, retire the older ones."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction

from audit.actors import Actor, acting_system
from audit.services import record_event
from common.keys import current_pepper, generate_key, key_digest, key_hint, pepper_id
from fleet.devices.events import DeviceAction, device_subject
from fleet.devices.keys import PREFIX
from fleet.devices.models import Device, DeviceKey
from fleet.devices.services.rows import device_for_update, save_fields
from sites.limits import DEFAULT_OVERLAP_HOURS
from sites.validation import checked_overlap

DEFAULT_OVERLAP = timedelta(hours=DEFAULT_OVERLAP_HOURS)


@dataclass(frozen=True)
class DeviceKeyRotation:
    """The new key, which cannot be read anywhere else or later, and when the previous one ends."""

    device: Device
    device_key: str = field(repr=False)
    previous_key_expires_at: datetime


@transaction.atomic
def rotate_device_key(
    device_id: uuid.UUID,
    *,
    by: Actor,
    at: datetime,
    overlap: timedelta = DEFAULT_OVERLAP,
    expected_revisions: Collection[int] | None = None,
) -> DeviceKeyRotation:
    """Make a new key. The older ones work until `at + overlap`, or until the new one was used twice.

    As of a site's keys: a second rotation never makes a key end later. Raises InvalidInput, DeviceNotFound, DeviceChanged.
    """
    checked_overlap(overlap)
    device = device_for_update(device_id, expected_revisions=expected_revisions)
    ends_at = at + overlap
    keys = list(DeviceKey.objects.select_for_update().filter(device=device, revoked_at=None).order_by("id"))
    ending = [key.pk for key in keys if key.expires_at is None or key.expires_at > ends_at]
    # Keys that end at once are also revoked: an end alone would lie ahead again if the clock is set back.
    DeviceKey.objects.filter(pk__in=ending).update(expires_at=ends_at, revoked_at=None if overlap else at)
    secret = add_key(device, at=at)
    save_fields(device, [], at=at)
    hints = (keys[-1].hint if keys else None, key_hint(secret))
    record_event(DeviceAction.KEY_ROTATED, subject=device_subject(device), by=by, at=at, changes={"key_hint": hints})
    return DeviceKeyRotation(device, secret, ends_at)


@transaction.atomic
def note_use_of_new_key(key_id: int, *, ip: str | None, at: datetime) -> None:
    """Count a use of the newest key while older ones are accepted; the second one revokes those.

    The first one after they have ended by themselves makes the processes read again that nothing is to be counted.
    """
    key = DeviceKey.objects.filter(pk=key_id).values_list("device", flat=True).first()
    if key is None:
        return
    device = device_for_update(key)
    keys = list(DeviceKey.objects.select_for_update().filter(device=device, revoked_at=None).order_by("id"))
    newest = keys[-1] if keys else None
    if newest is None or newest.pk != key_id or newest.expires_at is not None:
        return  # another rotation has come between
    older = [key for key in keys if key.pk != key_id and key.expires_at is not None and key.expires_at > at]
    if older and newest.uses == 0:
        DeviceKey.objects.filter(pk=key_id).update(uses=1)
        return
    if not older and newest.uses == 2:
        return
    DeviceKey.objects.filter(pk=key_id).update(uses=2)
    DeviceKey.objects.filter(pk__in=[key.pk for key in older]).update(revoked_at=at)
    # Also if the older keys have ended by themselves: a process that knows the device since before would count further uses.
    save_fields(device, [], at=at)
    if not older:
        return
    record_event(
        DeviceAction.KEY_RETIRED,
        subject=device_subject(device),
        by=acting_system(ip),
        at=at,
        changes={"live_keys": ([key.hint for key in older], [])},
    )


def add_key(device: Device, *, at: datetime) -> str:
    secret = generate_key(PREFIX)
    DeviceKey.objects.create(device=device, **digest_fields(secret), hint=key_hint(secret), created_at=at)
    return secret


def digest_fields(secret: str) -> dict[str, str]:
    return {"digest": key_digest(secret), "pepper": pepper_id(current_pepper())}


def move_to_current_pepper(key_id: int, *, secret: str) -> None:
    """Store the digest of a key under the current pepper. It records no event: what the key may do stays the same."""
    DeviceKey.objects.filter(pk=key_id).update(**digest_fields(secret))
