"""How a channel does, in a badge and a few words."""

from typing import Any, NamedTuple

from django.utils.html import format_html
from django.utils.safestring import SafeString

from alerts.kinds import Severity
from alerts.models import Delivery
from panel.widgets.badges import badge
from panel.widgets.times import moment, moment_ago

SEVERITY_WORDS = {
    Severity.INFO: "everything",
    Severity.WARNING: "warnings and critical incidents",
    Severity.CRITICAL: "critical incidents only",
}


class ChannelRow(NamedTuple):
    """`channel` as `AlertChannelQuerySet.with_health` returns it."""

    channel: Any

    @property
    def badge(self) -> SafeString:
        channel = self.channel
        if not channel.is_enabled:
            return badge("none", "disabled")
        if channel.failing_since:
            return badge("bad", "failing")
        if channel.last_state == Delivery.State.FAILED:
            return badge("warn", "last delivery failed")
        return badge("good", "delivers") if channel.last_state else badge("none", "nothing sent yet")

    @property
    def notes(self) -> list[SafeString | str]:
        """Why it is disabled, since when it fails, until when it is paused, what it sent last, what waits."""
        channel, notes = self.channel, []
        if channel.disabled_reason:
            notes.append(f"Disabled because its address does not exist any more: {channel.disabled_reason}")
        if channel.failing_since:
            notes.append(format_html("Failing since {}.", moment(channel.failing_since)))
        if channel.paused_until:
            notes.append(format_html("Next attempt {}.", moment(channel.paused_until)))
        if channel.last_ended_at:
            state = "failed" if channel.last_state == Delivery.State.FAILED else "delivered"
            notes.append(format_html("Last message {} {}.", state, moment_ago(channel.last_ended_at)))
        if channel.waiting:
            notes.append(f"{channel.waiting} waiting.")
        return notes

    @property
    def tells(self) -> str:
        """As in "critical incidents only, of 2 kinds"."""
        words = SEVERITY_WORDS[Severity(self.channel.min_severity)]
        kinds = self.channel.kinds
        return f"{words}, of {len(kinds)} kind{'' if len(kinds) == 1 else 's'}" if kinds else words
