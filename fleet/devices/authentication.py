"""Who calls: a device, by its id and its key."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic

from django.db.models import Exists, OuterRef

from fleet.devices.errors import InvalidDeviceCredentials
from fleet.devices.known import KnownDevice, known_devices
from fleet.devices.models import DeviceKey
from fleet.devices.services.keys import move_to_current_pepper, note_use_of_new_key
from heartbeat.failures import count_failure
from sites.keys import current_pepper, key_digest, key_digests, pepper_id

# Replaces a malformed id, so that the database is asked in that case too and the time taken reveals nothing.
UNKNOWN_ID = uuid.UUID(int=0)


@dataclass(frozen=True)
class DeviceCredentials:
    """The two headers as they were received; either may hold any text."""

    device_id: str
    key: str = field(repr=False)


def authenticate_device(credentials: DeviceCredentials, *, ip: str | None, at: datetime) -> KnownDevice:
    """The device. Failures of an address are counted together with those of sites.

    Raises InvalidDeviceCredentials for all that is wrong, and TooManyFailures for an address over the limit.
    """
    device_id, digest = parse_id(credentials.device_id), key_digest(credentials.key)
    known = known_devices.find(device_id, digest)
    if known is None:
        known = known_devices.load(lambda: read_device(device_id, credentials.key, at=at))
    if known is None or (known.key_expires_at is not None and known.key_expires_at <= at):
        count_failure(ip)
        raise InvalidDeviceCredentials
    if known.counts_uses:
        note_use_of_new_key(known.key_id, ip=ip, at=at)
    return known


def parse_id(text: str) -> uuid.UUID:
    if len(text) != 36:
        return UNKNOWN_ID
    try:
        return uuid.UUID(text)
    except ValueError:
        return UNKNOWN_ID


def read_device(device_id: uuid.UUID, key: str, *, at: datetime) -> KnownDevice | None:
    """From the database; None if the credentials are not valid."""
    compared_at = monotonic()
    older = DeviceKey.objects.live(at=at).filter(device=OuterRef("device"), pk__lt=OuterRef("pk"))
    found = (
        DeviceKey.objects.live(at=at)
        .filter(digest__in=key_digests(key), device=device_id, device__retired_at=None)
        .annotate(has_older=Exists(older))
        .values_list(
            "pk",
            "pepper",
            "expires_at",
            "has_older",
            "device__site",
            "device__device_id",
            "device__revision",
            "device__site__revision",
            "device__config_version",
            "device__site__is_active",
            "device__site__license_expires_at",
            "device__site__is_locked",
            "device__site__deregistered_at",
        )
        .first()
    )
    if found is None:
        return None
    key_id, pepper, expires_at, has_older, site_id, name, revision, site_revision, *rest = found
    config_version, is_active, license_expires_at, is_locked, deregistered_at = rest
    if pepper != pepper_id(current_pepper()):
        move_to_current_pepper(key_id, secret=key)
    return KnownDevice(
        id=device_id,
        site_id=site_id,
        device_id=name,
        digest=key_digest(key),
        key_id=key_id,
        key_expires_at=expires_at,
        counts_uses=expires_at is None and has_older,
        revisions=(revision, site_revision),
        config_version=config_version,
        is_active=is_active,
        license_expires_at=license_expires_at,
        is_locked=is_locked,
        is_deregistered=deregistered_at is not None,
        compared_at=compared_at,
    )
