"""States as a person reads them: a shape and a word, and a colour that says nothing alone."""

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


def badge(kind: str, words: str = "") -> SafeString:
    """`kind` is one of SHAPES and a class of the stylesheet; `words` are the kind's own unless given."""
    shown = words or str(kind).replace("_", " ")
    html = '<span class="state state-{}"><span aria-hidden="true">{}</span> {}</span>'
    return format_html(html, str(kind), SHAPES[kind], shown)
