"""Which sites became silent together, and what they have in common."""

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

WINDOW = timedelta(minutes=15)
SMALLEST_GROUP = 5
# Of the sites that should have called within the same time.
SHARE_OF_ALL = 0.2
# If as many of them share a network, then that is the cause.
SHARE_OF_NETWORK = 0.8
EVERYWHERE = ""  # the subject of a common cause that is no network


@dataclass(frozen=True)
class Silence:
    """A site that is silent since `since`; `incident` is the number of its own incident, if it has one already."""

    site_id: uuid.UUID
    since: datetime
    network: str
    incident: int | None = None


@dataclass(frozen=True)
class CommonCause:
    """`subject` is the network, or EVERYWHERE."""

    subject: str
    silences: Sequence[Silence]


def network_in(subject: str) -> str:
    """The network of an incident's subject, or EVERYWHERE."""
    return subject.partition(" ")[0]


def earlier_subject(subject: str, number: int) -> str:
    """The subject of a common cause that is not the newest one of its network: with its own number."""
    return subject if " " in subject else f"{subject} #{number}"


def common_causes(silences: Iterable[Silence], *, calling_since: Callable[[datetime], int]) -> list[CommonCause]:
    """The common causes among them; no site has two. `calling_since` says how many sites have called since a moment."""
    causes = []
    for together in clusters(silences):
        networks: dict[str, list[Silence]] = defaultdict(list)
        for silence in together:
            networks[silence.network].append(silence)
        networks.pop("", None)
        largest = max(map(len, networks.values()), default=0)
        if largest < SHARE_OF_NETWORK * len(together):
            should_have_called = len(together) + calling_since(together[0].since - WINDOW)
            if len(together) >= SHARE_OF_ALL * should_have_called:
                causes.append(CommonCause(EVERYWHERE, together))
                continue
        for network, of_network in networks.items():
            causes += [CommonCause(network, cluster) for cluster in clusters(of_network)]
    return causes


def clusters(silences: Iterable[Silence]) -> list[list[Silence]]:
    """Those that are among at least SMALLEST_GROUP within WINDOW, in runs of such times."""
    ordered = sorted(silences, key=lambda silence: (silence.since, silence.site_id))
    found: list[list[Silence]] = []
    end = 0  # of the last run
    first = 0
    for last, silence in enumerate(ordered):
        while silence.since - ordered[first].since > WINDOW:
            first += 1
        if last - first + 1 < SMALLEST_GROUP:
            continue
        if found and first < end:
            found[-1] += ordered[end : last + 1]
        else:
            found.append(ordered[first : last + 1])
        end = last + 1
    return found
