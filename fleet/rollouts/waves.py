"""The waves of a roll-out, the gates between them, and which wave a device is in.

A device's place is a number from 0 to 99.99 that follows from its id, the firmware and the roll-out's name, so a device that
joins late is in the wave in which it would have been from the beginning, and a dry run says what will happen.
"""

import hashlib
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

from fleet.rollouts.errors import RolloutInvalid
from fleet.rollouts.limits import (
    MAX_DEADLINE_MINUTES,
    MAX_HEALTH_RISE,
    MAX_OBSERVATION_MINUTES,
    MAX_ONLINE_MINUTES,
    MAX_PATIENCE_HOURS,
    MAX_WAVES,
)

PLACES = 10_000
RANGES = {
    "percent": (1, 100),
    "min_success_percent": (0, 100),
    "max_failures": (0, 1_000_000),
    "deadline_minutes": (1, MAX_DEADLINE_MINUTES),
    "online_minutes": (0, MAX_ONLINE_MINUTES),
    "observation_minutes": (0, MAX_OBSERVATION_MINUTES),
    "patience_hours": (0, MAX_PATIENCE_HOURS),
    "max_health_rise": (0, MAX_HEALTH_RISE),
}
MAY_BE_NONE = {"percent", "max_health_rise"}


@dataclass(frozen=True)
class WaveSpec:
    """A wave as an admin sets it; see RolloutWave. `percent` is None for the pilot."""

    percent: int | None
    min_success_percent: int = 90
    max_failures: int = 0
    deadline_minutes: int = 30
    online_minutes: int = 10
    observation_minutes: int = 720
    patience_hours: int = 24
    max_health_rise: int | None = 25


WAVE_FIELDS = tuple(field.name for field in fields(WaveSpec))
DEFAULT_WAVES = (
    WaveSpec(None),
    WaveSpec(5, max_failures=1),
    WaveSpec(25, max_failures=5),
    WaveSpec(100, max_failures=50, observation_minutes=0, patience_hours=168),
)


def checked_waves(waves: Sequence[WaveSpec]) -> list[WaveSpec]:
    """Raises RolloutInvalid."""
    if not 1 <= len(waves) <= MAX_WAVES:
        raise RolloutInvalid(f"There must be from 1 to {MAX_WAVES} waves.", field="waves")
    for number, wave in enumerate(waves):
        for name, (lowest, highest) in RANGES.items():
            value: Any = getattr(wave, name)
            is_valid = name in MAY_BE_NONE if value is None else type(value) is int and lowest <= value <= highest
            if not is_valid:
                raise RolloutInvalid(f"Must be from {lowest} to {highest}.", field=f"waves/{number}/{name}")
        if wave.percent is None and number > 0:
            raise RolloutInvalid("Only the first wave can be a pilot.", field=f"waves/{number}/percent")
    percents = [wave.percent for wave in waves if wave.percent is not None]
    if percents != sorted(set(percents)) or percents[-1:] != [100]:
        raise RolloutInvalid("Each wave must reach further than the one before, and the last one 100 %.", field="waves")
    return list(waves)


def place_of(key: uuid.UUID, *, firmware_id: uuid.UUID, name: str) -> int:
    """Where a device or a site stands in a roll-out, from 0 to PLACES - 1."""
    text = f"{firmware_id}\n{name}\n{key}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") % PLACES


def chosen_pilot(site_ids: Iterable[uuid.UUID], *, firmware_id: uuid.UUID, name: str) -> uuid.UUID:
    """By hash, one of these sites, of which there must be one."""
    return min(site_ids, key=lambda pk: (place_of(pk, firmware_id=firmware_id, name=name), pk))


def wave_of(
    device_id: uuid.UUID,
    site_id: uuid.UUID,
    *,
    percents: Sequence[int | None],
    pilot_site_id: uuid.UUID | None,
    firmware_id: uuid.UUID,
    name: str,
) -> int:
    """The number of the device's wave; `percents` are those of all waves, in their order."""
    if percents[0] is None and site_id == pilot_site_id:
        return 0
    place = place_of(device_id, firmware_id=firmware_id, name=name)
    return next(
        number for number, percent in enumerate(percents) if percent is not None and place * 100 < percent * PLACES
    )
