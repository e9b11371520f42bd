"""Template filters for times: `{{ at|moment }}`, `{{ at|ago }}`, `{{ at|until }}`; for the choices of a list's filter; and
for the page of an event's subject: `{{ event|subject_url:perms }}`."""

from collections.abc import Iterable
from typing import Any

from django import template
from django.utils.encoding import iri_to_uri
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from panel.events.words import subject_url
from panel.widgets import times

register = template.Library()
register.filter("moment", times.moment)
register.filter("ago", times.moment_ago)
register.filter("until", times.moment_until)
register.filter("subject_url", subject_url)


@register.filter
def choice_links(choices: Iterable[dict[str, Any]]) -> SafeString:
    """The items of a filter. The list of sites has some seventy, and a loop in a template took a tenth of its time."""
    return format_html_join(
        "",
        '<li{}><a href="{}"{}>{}</a></li>',
        (
            (
                SafeString(' class="selected"' if choice["selected"] else ""),
                iri_to_uri(choice["query_string"]),
                SafeString(' aria-current="true"' if choice["selected"] else ""),
                choice["display"],
            )
            for choice in choices
        ),
    )
