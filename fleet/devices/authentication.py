"""Who calls: a device, by its id and its key."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import Any

from django.db import connection
from django.db.models import Case, Exists, OuterRef, When

from common.keys import current_pepper, key_digest, key_digests, pepper_id
from fleet.devices.errors import InvalidDeviceCredentials
from fleet.devices.known import KnownDevice, known_devices
from fleet.devices.models import DeviceKey
from fleet.devices.services.keys import move_to_current_pepper, note_use_of_new_key
from heartbeat.failures import count_failure

# Replaces a malformed id, so that the database is asked in that case too and the time taken reveals nothing.
UNKNOWN_ID = uuid.UUID(int=0)

# A test compares it with `read_key_with_orm`.
READ_KEY = """
SELECT key.id,
       key.pepper,
       key.expires_at,
       EXISTS (SELECT FROM devices_devicekey AS older
                WHERE older.device_id = key.device_id
                  AND older.id < key.id
                  AND older.revoked_at IS NULL
                  AND (older.expires_at IS NULL OR older.expires_at > %(at)s)),
       device.site_id,
       device.device_id,
       device.revision,
       site.revision,
       device.config_version,
       site.is_active,
       site.license_expires_at,
       site.is_locked,
       site.deregistered_at IS NOT NULL
  FROM devices_devicekey AS key
  JOIN devices_device AS device ON device.id = key.device_id
  JOIN sites_site AS site ON site.site_id = device.site_id
 WHERE key.digest = ANY(%(digests)s::varchar[])
   AND key.device_id = %(device_id)s
   -- DeviceKeyQuerySet.live()
   AND key.revoked_at IS NULL
   AND (key.expires_at IS NULL OR key.expires_at > %(at)s)
   AND device.retired_at IS NULL
"""


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
    found = read_key(device_id, key, at=at)
    if found is None:
        return None
    key_id, pepper, expires_at, has_older, site_id, name, revision, site_revision, *rest = found
    config_version, is_active, license_expires_at, is_locked, is_deregistered = rest
    if pepper != pepper_id(current_pepper()):
        move_to_current_pepper(key_id, secret=key)
    return KnownDevice(
        id=device_id,
        id_text=str(device_id),
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
        is_deregistered=is_deregistered,
        compared_at=compared_at,
    )


def read_key(device_id: uuid.UUID, key: str, *, at: datetime) -> tuple[Any, ...] | None:
    """The columns that READ_KEY selects. After a restart of the server every device is read within half a minute."""
    digests = key_digests(key)
    if connection.vendor != "postgresql":
        return read_key_with_orm(device_id, digests, at)
    database: Any = connection  # of config.postgresql
    cursor = database.prepared_cursor()
    cursor.execute(READ_KEY, {"device_id": device_id, "digests": digests, "at": at})
    row: tuple[Any, ...] | None = cursor.fetchone()
    return row


def read_key_with_orm(device_id: uuid.UUID, digests: list[str], at: datetime) -> tuple[Any, ...] | None:
    older = DeviceKey.objects.live(at=at).filter(device=OuterRef("device"), pk__lt=OuterRef("pk"))
    keys = DeviceKey.objects.live(at=at).filter(digest__in=digests, device=device_id, device__retired_at=None)
    row: tuple[Any, ...] | None = (
        keys.annotate(
            has_older=Exists(older),
            is_deregistered=Case(When(device__site__deregistered_at=None, then=False), default=True),
        )
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
            "is_deregistered",
        )
        .first()
    )
    return row
