"""How a device comes to the control plane: registered, replaced after it broke, or registered once more by itself."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from audit.actors import Actor
from audit.services import Changes, record_event
from common.keys import key_hint
from fleet.devices.errors import DeviceExists
from fleet.devices.events import DeviceAction, device_subject
from fleet.devices.models import Device, DeviceKey, DevicePulse
from fleet.devices.services.keys import add_key
from fleet.devices.services.rows import device_for_update, save_fields, searchable
from fleet.devices.validation import checked
from sites.errors import SiteNotFound
from sites.models import Site

FACTS = ("name", "role", "hardware")


@dataclass(frozen=True)
class NewDevice:
    """A registered or replaced device and its key, which cannot be read anywhere else or later."""

    device: Device
    device_key: str = field(repr=False)


@transaction.atomic
def register_device(
    site_id: uuid.UUID, *, device_id: str, by: Actor, at: datetime, firmware_version: str = "", **facts: str
) -> NewDevice:
    """Register a device at a location; `facts` are name, role and hardware, and without a name it is called by its id.

    Raises InvalidInput, SiteNotFound, DeviceExists.
    """
    values = checked({"device_id": device_id, "firmware_version": firmware_version, **facts})
    reported = values.pop("firmware_version")
    if not Site.objects.live().filter(pk=site_id).exists():
        raise SiteNotFound
    device = Device(site_id=site_id, created_at=at, updated_at=at, **{"name": values["device_id"], **values})
    device.search_text = searchable(device)
    try:
        with transaction.atomic():
            device.save(force_insert=True)
    except IntegrityError as error:
        if Device.objects.live().filter(site=site_id, device_id=device.device_id).exists():
            raise DeviceExists from error
        raise
    DevicePulse.objects.create(device=device, firmware_version=reported)
    secret = add_key(device, at=at)
    recorded: dict[str, tuple[Any, Any]] = {name: (None, value) for name, value in values.items() if value}
    recorded |= {"site_id": (None, str(site_id)), "key_hint": (None, key_hint(secret))}
    record_event(DeviceAction.REGISTERED, subject=device_subject(device), by=by, at=at, changes=recorded)
    return NewDevice(device, secret)


@transaction.atomic
def replace_device(
    site_id: uuid.UUID, *, device_id: str, by: Actor, at: datetime, firmware_version: str = "", **facts: str
) -> NewDevice:
    """Give the device of that id a new key and end its old ones: a new box takes the place of a broken one.

    Its history, its configuration and its id stay. If the location has no such device, it is registered.
    Raises InvalidInput, SiteNotFound.
    """
    values = checked({"device_id": device_id, "firmware_version": firmware_version, **facts})
    found = Device.objects.live().filter(site=site_id, device_id=values["device_id"]).values_list("pk", flat=True)
    pk = found.first()
    if pk is None:
        return register_device(site_id, device_id=device_id, by=by, at=at, firmware_version=firmware_version, **facts)
    device = device_for_update(pk)
    old_keys = DeviceKey.objects.select_for_update().filter(device=device, revoked_at=None).order_by("id")
    hints = [key.hint for key in old_keys]
    DeviceKey.objects.filter(device=device, revoked_at=None).update(revoked_at=at)
    secret = add_key(device, at=at)
    changes = write_facts(device, values, at=at)
    DevicePulse.objects.filter(pk=device.pk).update(firmware_version=values["firmware_version"])
    recorded = {**changes, "live_keys": (hints, [key_hint(secret)])}
    record_event(DeviceAction.REPLACED, subject=device_subject(device), by=by, at=at, changes=recorded)
    return NewDevice(device, secret)


@transaction.atomic
def update_registration(device_pk: uuid.UUID, *, by: Actor, at: datetime, **facts: str) -> Device:
    """What a device says of itself when it registers once more with its own key. Raises InvalidInput, DeviceNotFound."""
    values = checked(facts)
    device = device_for_update(device_pk)
    if "firmware_version" in values:
        DevicePulse.objects.filter(pk=device.pk).update(firmware_version=values["firmware_version"])
    if any(values.get(name, getattr(device, name)) != getattr(device, name) for name in FACTS):
        changes = write_facts(device, values, at=at)
        record_event(DeviceAction.UPDATED, subject=device_subject(device), by=by, at=at, changes=changes)
    return device


def write_facts(device: Device, values: dict[str, Any], *, at: datetime) -> Changes:
    """Write those of FACTS that are given and differ, and raise the revision in any case."""
    changed = {name: values[name] for name in FACTS if values.get(name, getattr(device, name)) != getattr(device, name)}
    recorded = {name: (getattr(device, name), value) for name, value in changed.items()}
    for name, value in changed.items():
        setattr(device, name, value)
    device.search_text = searchable(device)
    save_fields(device, [*changed, "search_text"], at=at)
    return recorded
