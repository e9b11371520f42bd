"""The waves of a roll-out as its page shows them."""

from typing import NamedTuple

from django.utils.safestring import SafeString

from fleet.rollouts.models import Rollout, RolloutWave
from panel.fleet.rollouts.badges import progress_bar
from panel.fleet.rollouts.counts import Numbers, RolloutCounts
from panel.widgets.badges import badge
from panel.widgets.times import duration, plural


class WaveRow(NamedTuple):
    wave: RolloutWave
    label: str
    badge: SafeString
    numbers: Numbers
    bar: SafeString
    gate: list[str]


def wave_rows(rollout: Rollout, counts: RolloutCounts) -> list[WaveRow]:
    rows = []
    for wave in rollout.waves.all():
        numbers = counts.of(rollout.pk, wave=wave.number)
        rows.append(
            WaveRow(
                wave,
                wave_label(wave.percent),
                wave_badge(rollout, wave),
                numbers,
                progress_bar(numbers),
                gate_words(wave),
            )
        )
    return rows


def wave_label(percent: int | None) -> str:
    return "Pilot" if percent is None else f"{percent} %"


def wave_badge(rollout: Rollout, wave: RolloutWave) -> SafeString:
    if wave.finished_at:
        return badge("done", "passed")
    if wave.started_at is None:
        return badge("none", "not begun")
    if rollout.state == Rollout.State.RUNNING:
        return badge("good", "now")
    if rollout.state == Rollout.State.PAUSED:
        return badge("warn", "paused")
    return badge("unchanged", "ended")


def gate_words(wave: RolloutWave) -> list[str]:
    """What must hold before the next wave, and what a device must do to succeed."""
    words = [f"at least {wave.min_success_percent} % succeed, at most {plural(wave.max_failures, 'failure')}"]
    if wave.accepted_failures:
        words[0] += f" besides {wave.accepted_failures:,} accepted"
    words.append(
        f"each reports the version within {plural(wave.deadline_minutes, 'minute')} and stays online for"
        f" {plural(wave.online_minutes, 'minute')}"
    )
    if wave.max_health_rise is not None:
        words.append(f"CPU, memory and temperature rise by at most {wave.max_health_rise}")
    if wave.observation_minutes:
        words.append(f"observed for {duration(wave.observation_minutes * 60)} after the last success")
    words.append(f"waits up to {duration(wave.patience_hours * 3600)} for devices that are not online")
    return words
