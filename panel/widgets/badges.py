"""Badges: a state as a shape, a label and a colour, readable without the colour."""

from django.utils.html import format_html
from django.utils.safestring import SafeString

from fleet.devices.status import DeviceStatus
from sites.status import SiteStatus

SHAPES = {
    SiteStatus.ONLINE: "●",
    SiteStatus.LATE: "▲",
    SiteStatus.OFFLINE: "■",
    SiteStatus.NEVER_SEEN: "○",
    DeviceStatus.STOPPED: "◐",
    "locked": "◆",
    "licensed": "●",
    "ending": "▲",
    "expired": "■",
    "inactive": "■",
    "deregistered": "✕",
    "good": "●",
    "warn": "▲",
    "bad": "■",
    "none": "○",
    "done": "✓",
    "unchanged": "–",
    "refused": "✕",
    "change": "▲",
    "register": "●",
}


def badge(state: str, label: str = "", *, shape_of: str = "") -> SafeString:
    """`state` is a key of SHAPES and selects the colour (`.state-…` in the stylesheet); it is also the default label.

    `shape_of` is a second key, for a badge with the shape of one state and the colour of another.
    """
    label = label or str(state).replace("_", " ")
    html = '<span class="state state-{}"><span aria-hidden="true">{}</span> {}</span>'
    return format_html(html, str(state), SHAPES[shape_of or state], label)
