"""What the page of a device shows, from a fixed number of statements about this device only."""

from datetime import datetime
from typing import Any

from django.utils.safestring import SafeString

from fleet.devices.models import Device
from panel.fleet.devices.badges import device_badges
from panel.fleet.devices.operations.forms import configuration_text
from panel.fleet.devices.page.commands import LABELS, command_rows
from panel.fleet.devices.page.days import heartbeats_by_day
from panel.fleet.devices.page.health import health_charts, newest_health
from panel.fleet.devices.page.state import state_text
from panel.fleet.devices.page.telemetry import telemetry_rows
from panel.fleet.devices.page.timeline import timeline_of
from panel.widgets.badges import badge
from panel.widgets.times import duration

NOTHING = "–"


def device_facts(device: Any, *, page: str, at: datetime) -> dict[str, Any]:
    """The template's context; `device` as `DeviceQuerySet.with_state` returns it."""
    return {
        "state": state_text(device, at=at),
        "badges": device_badges(device),
        "facts": facts(device),
        "configuration": configuration_text(device.config),
        "configuration_state": configuration_state(device),
        "command_buttons": [(name.value, label) for name, label in LABELS.items()],
        "commands": command_rows(device.pk, at=at),
        "health": newest_health(device.pk),
        "health_charts": health_charts(device.pk, at=at),
        "telemetry": telemetry_rows(device.pk, at=at),
        "heartbeat_chart": heartbeats_by_day(device, at=at),
        "timeline": timeline_of(device.pk, page=page),
    }


def facts(device: Device) -> list[tuple[str, str]]:
    pulse = device.pulse
    return [
        ("Role", device.role or NOTHING),
        ("Hardware", device.hardware or NOTHING),
        ("Firmware", pulse.firmware_version or NOTHING),
        ("Target firmware", target_words(device)),
        ("Running for", NOTHING if pulse.uptime_seconds is None else duration(pulse.uptime_seconds)),
    ]


def target_words(device: Any) -> str:
    """As in "2.0.0" or "2.0.0, not installed yet"."""
    target = getattr(device, "firmware_target", None)
    if target is None:
        return "none"
    version: str = target.firmware.version
    return version if version == device.pulse.firmware_version else f"{version}, not installed yet"


def configuration_state(device: Device) -> SafeString:
    """Whether the device has the present configuration, as its heartbeats say."""
    reported = device.pulse.config_version
    if reported == device.config_version:
        return badge("done", f"version {device.config_version}, the device has it")
    has = "has none yet" if reported is None else f"has version {reported}"
    return badge("warn", f"version {device.config_version}; the device {has}")
