"""When clones must be suspected: the rule of the API's promise, written from its words and not from the product's code.

    Two installations that use one key at the same time are detected no later than the second heartbeat of each after they
    diverged: a boot that had been replaced by another boot sends a heartbeat with a higher sequence than before, and then the
    other boot does too. A reinstallation, a restored backup, a reboot, a repetition and a single late arrival are not clones.

It looks at each pair of boots by itself, as if no other had called. The two take turns if one calls, the other, the one
again, and the other again. Boots of two installations have never been one, so each has two heartbeats by then. Boots of the
same installation diverged before the first heartbeat of the later one. If the earlier one has sent one heartbeat since, that
may be a single late arrival; the second one shows that it is a clone.
"""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from operator import itemgetter

TURNS_OF_CLONES = 4


@dataclass(frozen=True)
class Call:
    """A heartbeat as the server gets it; `branch` says which installation really sent it, which the server cannot know."""

    branch: int
    instance_id: uuid.UUID
    boot_id: uuid.UUID
    sequence: int


def without_repetitions(calls: Sequence[Call]) -> Iterator[tuple[int, Call]]:
    """The calls that say something new, with their indices."""
    newest: dict[uuid.UUID, int] = {}
    for index, call in enumerate(calls):
        if call.sequence > newest.get(call.boot_id, 0):
            newest[call.boot_id] = call.sequence
            yield index, call


@dataclass(frozen=True)
class Evidence:
    """Indices of calls: from the first on clones may be suspected, and by the second they must be. None if never."""

    turns_taken: int | None
    decided: int | None


def evidence(calls: Sequence[Call]) -> Evidence:
    new = list(without_repetitions(calls))
    of_boot: dict[uuid.UUID, list[tuple[int, Call]]] = {}
    for index, call in new:
        of_boot.setdefault(call.boot_id, []).append((index, call))
    came_back = [boot_calls for boot_calls in of_boot.values() if len(boot_calls) > 1]
    found = [evidence_of_pair(sorted([*one, *other], key=itemgetter(0))) for one, other in combinations(came_back, 2)]
    return Evidence(
        min((pair.turns_taken for pair in found if pair.turns_taken is not None), default=None),
        min((pair.decided for pair in found if pair.decided is not None), default=None),
    )


def evidence_of_pair(calls: list[tuple[int, Call]]) -> Evidence:
    """The same for the calls of two boots."""
    earlier = calls[0][1].boot_id
    needed = 2 if len({call.instance_id for _, call in calls}) == 1 else 1
    turns = since_diverged = 0
    previous = turns_taken = None
    for index, call in calls:
        turns += call.boot_id != previous
        since_diverged += turns > 1 and call.boot_id == earlier
        previous = call.boot_id
        if turns == TURNS_OF_CLONES and turns_taken is None:
            turns_taken = index
        if turns >= TURNS_OF_CLONES and since_diverged >= needed:
            return Evidence(turns_taken, index)
    return Evidence(turns_taken, None)


def second_heartbeat_of_each(calls: Sequence[Call], diverged: dict[int, int]) -> int | None:
    """The index of the call by which two branches have sent two heartbeats each since they diverged.

    `diverged` has the index of the first call after the second and each later branch came into being.
    """
    counts = dict.fromkeys(diverged, (0, 0))
    for index, call in without_repetitions(calls):
        for branch, since in diverged.items():
            if index >= since:
                own, others = counts[branch]
                counts[branch] = (own + (call.branch == branch), others + (call.branch != branch))
                if min(counts[branch]) >= 2:
                    return index
    return None
