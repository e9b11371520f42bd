"""The part of an erasure for devices, their keys and the enrolment codes of their site."""

import uuid
from datetime import datetime

from django.db.models import F
from django.db.models.functions import Coalesce

from fleet.devices.models import Device, DeviceKey, DevicePulse, EnrolmentCode
from fleet.devices.services.rows import announce
from sites.querysets import folded


def devices_of(site_id: uuid.UUID, *, for_update: bool = False) -> list[Device]:
    """Also retired ones, by id. No event about a locked one is recorded until the end of the transaction."""
    devices = Device.objects.of_site(site_id).order_by("pk")
    return list(devices.select_for_update(no_key=True) if for_update else devices)


def codes_of(site_id: uuid.UUID) -> int:
    return EnrolmentCode.objects.filter(site=site_id).count()


def erase_devices(site_id: uuid.UUID, *, value: str, at: datetime) -> None:
    """Put `value` in place of names and ids, empty what else people or devices wrote, and retire the devices.

    The caller has locked them. Keys and enrolment codes are deleted.
    """
    devices = Device.objects.of_site(site_id)
    device_ids = list(devices.order_by("pk").values_list("pk", flat=True))
    devices.update(
        name=value,
        device_id=value,  # only of devices that are not retired may a site have each id once
        role="",
        hardware="",
        config={},
        search_text=folded(value),
        retired_at=Coalesce(F("retired_at"), at),
        updated_at=at,
        revision=F("revision") + 1,
    )
    DeviceKey.objects.filter(device__in=device_ids).delete()
    EnrolmentCode.objects.filter(site=site_id).delete()
    DevicePulse.objects.filter(pk__in=device_ids).update(
        firmware_version="", boot_id=None, sequence=None, uptime_seconds=None, config_version=None
    )
    announce(device_ids)
