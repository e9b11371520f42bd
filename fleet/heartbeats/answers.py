"""What a device is answered to its heartbeat.

Nearly all answers bring nothing new, and need nothing but what `fleet.devices.known` holds. What else an answer may hold is
read once, when the device is read, and kept with it: whatever changes it raises the device's revision.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from common.instants import format_instant
from fleet.devices.known import KnownDevice
from fleet.devices.models import Device, DevicePulse
from fleet.firmware.services import OfferedFirmware, targets_of
from fleet.heartbeats.commands import take_commands
from fleet.heartbeats.models import DeviceCommand
from fleet.heartbeats.pace import seconds_until_next_call


@dataclass(slots=True)
class Extras:
    has_commands: bool
    # A roll-out's ends with the device's time in the maintenance window, so each answer compares it with the clock.
    target: OfferedFirmware | None
    # As the device reported it last; only known if it has a target.
    firmware_version: str = ""


def answer_to(
    known: KnownDevice, *, config_version: int | None, firmware_version: str | None, at: datetime
) -> dict[str, Any]:
    """The answer, in the order of its fields. The versions are those that the device has; the URL of firmware is a path."""
    extras: Extras = known.answer or read_extras(known, at=at)
    answer: dict[str, Any] = {
        "server_time": format_instant(at),
        "next_heartbeat_seconds": seconds_until_next_call(known.id),
        "config_version": known.config_version,
    }
    if config_version != known.config_version:
        # Read together: a change may have come since `known` was read.
        present = Device.objects.values("config_version", "config").get(pk=known.id)
        answer |= present
    answer["commands"] = []
    if extras.has_commands:
        answer["commands"] = [command_representation(command) for command in take_commands(known.id, at=at)]
        extras.has_commands = False
    if extras.target is not None:
        extras.firmware_version = firmware_version or extras.firmware_version
        if extras.target.version != extras.firmware_version and extras.target.is_offered(at=at):
            answer["firmware"] = firmware_representation(extras.target)
    answer["licensed"] = known.is_licensed(at=at)
    answer["locked"] = known.is_locked
    return answer


def read_extras(known: KnownDevice, *, at: datetime) -> Extras:
    has_commands = DeviceCommand.objects.waiting(at=at).filter(device=known.id).exists()
    extras = Extras(has_commands, targets_of([known.id], at=at).get(known.id))
    if extras.target is not None:
        extras.firmware_version = DevicePulse.objects.values_list("firmware_version", flat=True).get(pk=known.id)
    known.answer = extras
    return extras


def command_representation(command: DeviceCommand) -> dict[str, Any]:
    return {"id": str(command.pk), "name": command.name, "created_at": format_instant(command.created_at)}


def firmware_representation(firmware: OfferedFirmware) -> dict[str, Any]:
    return {"version": firmware.version, "url": firmware.path, "sha256": firmware.sha256, "size": firmware.size}
