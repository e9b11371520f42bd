"""States of roll-outs and of their devices as badges, and the progress of a roll-out as a bar."""

from collections.abc import Mapping

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from fleet.rollouts.models import Rollout, RolloutDevice
from panel.widgets.badges import badge

State, DeviceState = Rollout.State, RolloutDevice.State
BADGES = {
    State.DRAFT: "none",
    State.RUNNING: "good",
    State.PAUSED: "warn",
    State.ABORTED: "bad",
    State.FINISHED: "done",
    State.ROLLING_BACK: "warn",
    State.ROLLED_BACK: "unchanged",
}
DEVICE_BADGES = {
    DeviceState.WAITING: "none",
    DeviceState.IN_FLIGHT: "warn",
    DeviceState.SUCCEEDED: "done",
    DeviceState.FAILED: "bad",
    DeviceState.SKIPPED: "unchanged",
}
# From left to right in the bar.
ORDER = (DeviceState.SUCCEEDED, DeviceState.FAILED, DeviceState.SKIPPED, DeviceState.IN_FLIGHT, DeviceState.WAITING)
WIDTH, HEIGHT = 200, 12


def rollout_badge(rollout: Rollout) -> SafeString:
    state = State(rollout.state)
    return badge(BADGES[state], str(state.label))


def device_badge(state: str) -> SafeString:
    known = DeviceState(state)
    return badge(DEVICE_BADGES[known], str(known.label))


def progress_bar(counts: Mapping[str, int]) -> SafeString:
    """One inline SVG whose title says the same in words; empty without devices."""
    total = sum(counts.values())
    if not total:
        return SafeString("")
    parts, left = [], 0.0
    for state in ORDER:
        width = WIDTH * counts[state] / total
        if width:
            parts.append((state, f"{left:.2f}", f"{width:.2f}", HEIGHT))
        left += width
    return format_html(
        '<svg class="progress" role="img" viewBox="0 0 {} {}" width="{}" height="{}" preserveAspectRatio="none">'
        "<title>{}</title>{}</svg>",
        *(WIDTH, HEIGHT, WIDTH, HEIGHT),
        words_of(counts),
        format_html_join("", '<rect class="progress-{}" x="{}" y="0" width="{}" height="{}"/>', parts),
    )


def words_of(counts: Mapping[str, int]) -> str:
    """As in "12 succeeded, 1 failed, 3 waiting"."""
    return ", ".join(f"{counts[state]:,} {state.label}" for state in ORDER if counts[state]) or "no devices yet"
