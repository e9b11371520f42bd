"""What happens next in a roll-out, and when."""

from datetime import datetime, timedelta

from django.db.models import Max
from django.utils.html import format_html
from django.utils.safestring import SafeString

from fleet.rollouts.gates import WaveCounts, counts_of_wave
from fleet.rollouts.models import Rollout, RolloutDevice, RolloutWave
from fleet.rollouts.services import USUAL_WINDOW
from fleet.rollouts.windows import Window, next_opening
from panel.fleet.rollouts.page.waves import wave_label
from panel.widgets.times import moment_near, plural

State = Rollout.State
Words = SafeString | str
NOTHING_STARTED = "Nothing happens until it is started."


def next_step(rollout: Rollout, waves: list[RolloutWave], *, at: datetime) -> Words:
    match rollout.state:
        case State.DRAFT:
            return NOTHING_STARTED
        case State.RUNNING:
            return step_of_wave(rollout, waves, at=at)
        case State.PAUSED:
            return "No further device is offered the firmware until the roll-out is resumed."
        case State.ROLLING_BACK:
            return step_back(rollout, at=at)
        case _:
            return ""


def step_of_wave(rollout: Rollout, waves: list[RolloutWave], *, at: datetime) -> Words:
    wave = waves[rollout.wave]
    counts = counts_of_wave(rollout, wave, at=at)
    words: Words
    if counts.in_flight:
        words = in_flight_words(rollout, counts.in_flight, at=at)
    elif counts.waiting:
        words = waiting_words(rollout, counts, at=at)
    elif counts.succeeded_ever or counts.failed:
        words = observation_words(wave, counts, at=at)
    else:
        words = "The worker finds the devices of this wave within a minute."
    return format_html("{} {}", words, following_words(waves, rollout.wave))


def in_flight_words(rollout: Rollout, number: int, *, at: datetime) -> Words:
    """`number` are in flight; the last of them is judged at the latest when its time has passed."""
    updated = "1 device is being updated" if number == 1 else f"{number:,} devices are being updated"
    ends_at = RolloutDevice.objects.in_flight().filter(rollout=rollout).aggregate(last=Max("ends_at"))["last"]
    if ends_at is None:  # judged at this moment
        return f"{updated}."
    return format_html("{}, judged by {}.", updated, moment_near(ends_at, now=at))


def waiting_words(rollout: Rollout, counts: WaveCounts, *, at: datetime) -> Words:
    waiting = RolloutDevice.objects.forward().waiting().filter(rollout=rollout, wave__lte=rollout.wave)
    opens_at = first_opening(waiting, at=at)
    offline = counts.waiting - counts.reachable
    not_online = f" {plural(offline, 'device')} not online." if offline else ""
    return format_html(
        "{}: {}.{}", plural(counts.waiting, "device") + " waiting", opening_words(opens_at, at=at), not_online
    )


def opening_words(opens_at: datetime | None, *, at: datetime) -> Words:
    if opens_at is None:
        return "no maintenance window opens"
    if opens_at <= at:
        return "a maintenance window is open now"
    return format_html("the next maintenance window opens at {}", moment_near(opens_at, now=at))


def first_opening(waiting: object, *, at: datetime) -> datetime | None:
    """Of the windows of the locations of these rows. Locations with the same zone and window are looked at once."""
    columns = ("site__timezone", "site__maintenance_window__start", "site__maintenance_window__end")
    found = []
    for zone, start, end in set(waiting.values_list(*columns).order_by().distinct()):  # type: ignore[attr-defined]
        window = Window(start, end) if start and end else USUAL_WINDOW
        opening = next_opening(window, zone, after=at)
        if opening is not None:
            found.append(opening.opens_at)
    return min(found, default=None)


def observation_words(wave: RolloutWave, counts: WaveCounts, *, at: datetime) -> Words:
    if counts.last_success_at is None:
        return "All devices of this wave are judged."
    until = counts.last_success_at + timedelta(minutes=wave.observation_minutes)
    if until <= at:
        return "All devices of this wave are judged, and it was observed for long enough."
    return format_html("All devices of this wave are judged; it is observed until {}.", moment_near(until, now=at))


def following_words(waves: list[RolloutWave], number: int) -> str:
    if number + 1 == len(waves):
        return "This is the last wave."
    return f"The next wave is {wave_label(waves[number + 1].percent)}."


def step_back(rollout: Rollout, *, at: datetime) -> Words:
    rows = RolloutDevice.objects.back().filter(rollout=rollout)
    waiting = rows.waiting().count()
    if not waiting:
        return "The worker goes on within a minute."
    opens_at = first_opening(rows.waiting(), at=at)
    return format_html("{} waiting to go back: {}.", plural(waiting, "device"), opening_words(opens_at, at=at))
