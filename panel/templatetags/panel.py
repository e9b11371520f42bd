"""Template filters for times: `{{ at|moment }}`, `{{ at|ago }}`, `{{ at|until }}`."""

from django import template

from panel.widgets import times

register = template.Library()
register.filter("moment", times.moment)
register.filter("ago", times.moment_ago)
register.filter("until", times.moment_until)
