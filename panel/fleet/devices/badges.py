"""The state of a device as badges."""

from typing import Any

from django.utils.safestring import SafeString

from panel.widgets.badges import badge


def device_badges(device: Any) -> list[SafeString]:
    """`device` as `DeviceQuerySet.with_status` returns it. Its status is the one at this moment."""
    if device.retired_at is not None:
        return [badge("deregistered", "retired")]
    badges = [badge(device.status)]
    if device.clone_suspected_at is not None:
        badges.append(badge("warn", "clone suspected"))
    return badges
