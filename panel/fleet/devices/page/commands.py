"""The commands that were sent to a device, with what became of each."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.utils.safestring import SafeString

from fleet.heartbeats.models import DeviceCommand
from panel.widgets.badges import badge

MAX_COMMANDS = 10

# As on the buttons, in their order.
LABELS = {
    DeviceCommand.Name.IDENTIFY: "Identify",
    DeviceCommand.Name.RESTART: "Restart",
    DeviceCommand.Name.SEND_HEALTH: "Send health now",
}


class CommandRow(NamedTuple):
    """`state_at` is when it was delivered, or when it expires or expired."""

    command: DeviceCommand
    label: str
    state: SafeString
    state_at: datetime


def command_rows(device_id: UUID, *, at: datetime) -> list[CommandRow]:
    """The newest first. One statement."""
    newest = DeviceCommand.objects.filter(device=device_id).select_related("created_by")
    return [row_of(command, at=at) for command in newest.order_by("-created_at", "-id")[:MAX_COMMANDS]]


def row_of(command: DeviceCommand, *, at: datetime) -> CommandRow:
    label = LABELS.get(DeviceCommand.Name(command.name), command.name)
    if command.delivered_at is not None:
        return CommandRow(command, label, badge("done", "delivered"), command.delivered_at)
    if command.expires_at <= at:
        return CommandRow(command, label, badge("refused", "expired, not delivered"), command.expires_at)
    return CommandRow(command, label, badge("none", "waits for its next heartbeat, until"), command.expires_at)
