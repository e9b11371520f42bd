"""What the top of the page of a device says of its state."""

from datetime import datetime
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString

from fleet.devices.status import DeviceStatus
from panel.widgets.times import at_moment, moment_near, second_near


def status_since(device: Any) -> datetime:
    """Since when the device has its status. `device` as `DeviceQuerySet.with_status` returns it, with `last_status`."""
    pulse, last = device.pulse, getattr(device, "last_status", None)
    began: datetime = {
        DeviceStatus.NEVER_SEEN: device.created_at,
        DeviceStatus.ONLINE: pulse.last_seen_at,
        DeviceStatus.STOPPED: pulse.last_seen_at,
        DeviceStatus.LATE: pulse.due_at,
        DeviceStatus.OFFLINE: device.offline_at,
    }[device.status]
    return last.at if last is not None and last.status == device.status else began


def state_text(device: Any, *, at: datetime) -> SafeString:
    if device.retired_at is not None:
        return format_html(
            "<strong>Retired {}.</strong> Its keys are refused; its history is kept.",
            at_moment(device.retired_at, now=at),
        )
    pulse = device.pulse
    if device.status == DeviceStatus.NEVER_SEEN:
        return format_html(
            "<strong>Registered {}; no heartbeats yet.</strong> Its key ends in {}.",
            at_moment(device.created_at, now=at),
            device.key_hint or "–",
        )
    since, seen = moment_near(status_since(device), now=at), second_near(pulse.last_seen_at, now=at)
    due = second_near(pulse.due_at, now=at)
    match device.status:
        case DeviceStatus.ONLINE:
            return format_html("<strong>Online since {}.</strong> Last heartbeat {}; next due by {}.", since, seen, due)
        case DeviceStatus.STOPPED:
            return format_html(
                "<strong>Stopped since {}:</strong> it said so with its last heartbeat, {}.", since, seen
            )
        case DeviceStatus.LATE:
            return format_html(
                "<strong>Late since {}:</strong> last heartbeat {}; next was due by {}.", since, seen, due
            )
        case _:
            return format_html(
                "<strong>Offline since {}:</strong> last heartbeat {}; next was due by {}.", since, seen, due
            )
