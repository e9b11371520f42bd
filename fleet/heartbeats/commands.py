"""Commands to devices: an admin asks, the next heartbeat's answer brings it, once."""

import uuid
from datetime import datetime, timedelta

from django.db import transaction

from audit.actors import Actor
from audit.services import record_event
from fleet.devices.events import DeviceAction, device_subject
from fleet.devices.services.rows import device_for_update, save_fields
from fleet.heartbeats.models import DeviceCommand

# A device that does not call within that time does not get it any more.
COMMAND_LASTS = timedelta(hours=1)


@transaction.atomic
def send_command(device_id: uuid.UUID, name: str, *, by: Actor, at: datetime) -> DeviceCommand:
    """Raises DeviceNotFound, and ValueError for a name that is not one of DeviceCommand.Name."""
    name = DeviceCommand.Name(name)
    device = device_for_update(device_id)
    command = DeviceCommand.objects.create(
        device=device,
        name=name,
        created_at=at,
        created_by_id=by.admin.pk if by.admin else None,
        expires_at=at + COMMAND_LASTS,
    )
    save_fields(device, [], at=at)
    changes = {"command": (None, name.value)}
    record_event(DeviceAction.COMMAND_SENT, subject=device_subject(device), by=by, at=at, changes=changes)
    return command


@transaction.atomic
def take_commands(device_id: uuid.UUID, *, at: datetime) -> list[DeviceCommand]:
    """The commands that wait for the device, oldest first; they are marked as delivered, so that each is answered once."""
    waiting = DeviceCommand.objects.waiting(at=at).filter(device=device_id)
    taken = list(waiting.select_for_update().order_by("created_at", "id"))
    if taken:
        DeviceCommand.objects.filter(pk__in=[command.pk for command in taken]).update(delivered_at=at)
    return taken
