"""What the panel's templates load: `{{ at|moment }}`, `{{ at|ago }}`, `{{ at|until }}`."""

from django import template

from panel.widgets import times as moments

register = template.Library()
register.filter("moment", moments.moment)
register.filter("ago", moments.moment_ago)
register.filter("until", moments.moment_until)
