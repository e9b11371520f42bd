"""How many devices of roll-outs are in which state."""

import uuid
from collections.abc import Iterable, Mapping

from fleet.rollouts.models import Rollout, RolloutDevice

FORWARD, BACK = RolloutDevice.Direction.FORWARD, RolloutDevice.Direction.BACK
Numbers = dict[str, int]


class RolloutCounts:
    """Of all the given roll-outs, in one statement."""

    def __init__(self, rollouts: Iterable[Rollout]) -> None:
        self.counts = RolloutDevice.objects.filter(rollout__in=[rollout.pk for rollout in rollouts]).counts()

    def of(self, rollout_id: uuid.UUID, *, direction: str = FORWARD, wave: int | None = None) -> Numbers:
        """By state; of one wave, or of all."""
        numbers = dict.fromkeys(RolloutDevice.State.values, 0)
        for (rollout, number, way, state), count in self.counts.items():
            if rollout == rollout_id and way == direction and wave in (None, number):
                numbers[state] += count
        return numbers


def total(numbers: Mapping[str, int]) -> int:
    return sum(numbers.values())
