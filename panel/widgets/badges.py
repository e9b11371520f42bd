"""Badges: a state as a shape, a label and a colour, readable without the colour."""

from django.utils.html import format_html
from django.utils.safestring import SafeString

from sites.querysets import SiteStatus

SHAPES = {
    SiteStatus.ONLINE: "●",
    SiteStatus.LATE: "▲",
    SiteStatus.OFFLINE: "■",
    SiteStatus.NEVER_SEEN: "○",
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
}


def badge(state: str, label: str = "") -> SafeString:
    """`state` is a key of SHAPES and selects the colour (`.state-…` in the stylesheet); it is also the default label."""
    label = label or str(state).replace("_", " ")
    html = '<span class="state state-{}"><span aria-hidden="true">{}</span> {}</span>'
    return format_html(html, str(state), SHAPES[state], label)
