"""The devices of a roll-out in one state, with the reasons."""

from typing import Any, NamedTuple

from django.core.paginator import Page, Paginator
from django.utils.safestring import SafeString

from fleet.rollouts.models import Rollout, RolloutDevice
from panel.fleet.rollouts.badges import ORDER, device_badge
from panel.fleet.rollouts.counts import BACK, FORWARD, RolloutCounts
from panel.fleet.rollouts.page.waves import wave_label

ON_A_PAGE = 50


class Tab(NamedTuple):
    label: str
    query: str
    number: int
    is_current: bool


class DeviceRow(NamedTuple):
    row: Any
    badge: SafeString
    wave: str


class DevicesOfState(NamedTuple):
    tabs: list[Tab]
    page: Page[RolloutDevice]
    rows: list[DeviceRow]
    query: str


def devices_of_state(rollout: Rollout, counts: RolloutCounts, *, asked: str, page: str) -> DevicesOfState:
    """`asked` is the state, with "back-" before it on the way back; else the first state that has devices."""
    numbers = {
        f"{prefix}{state}": (direction, state, number)
        for prefix, direction in (("", FORWARD), ("back-", BACK))
        for state in ORDER
        if (number := counts.of(rollout.pk, direction=direction)[state]) or prefix + state == asked
    }
    chosen = asked if asked in numbers else next(iter(preferred(numbers)), "")
    tabs = [
        Tab(
            f"{'Back: ' if direction == BACK else ''}{state.label}".capitalize(), f"?state={key}", number, key == chosen
        )
        for key, (direction, state, number) in numbers.items()
    ]
    direction, state, _ = numbers.get(chosen, (FORWARD, "", 0))
    found = RolloutDevice.objects.filter(rollout=rollout, direction=direction, state=state)
    found = found.select_related("device", "site").order_by("-pk")
    shown = Paginator(found, ON_A_PAGE).get_page(page)
    waves = {wave.number: wave_label(wave.percent) for wave in rollout.waves.all()}
    rows = [DeviceRow(row, device_badge(row.state), waves[row.wave]) for row in shown]
    return DevicesOfState(tabs, shown, rows, f"?state={chosen}")


def preferred(keys: Any) -> list[str]:
    """Failures first."""
    return sorted(keys, key=lambda key: not key.endswith("failed"))
