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
# If as many of them share a network or an organization, then that is the cause.
SHARE_OF_CAUSE = 0.8
EVERYWHERE = ""  # the subject of a common cause that is neither a network nor an organization
ORGANIZATION = "organization:"


@dataclass(frozen=True)
class Silence:
    """A site that is silent since `since`; `incident` is the number of its own incident, if it has one already."""

    site_id: uuid.UUID
    since: datetime
    network: str
    incident: int | None = None
    organization: uuid.UUID | None = None

    @property
    def subjects(self) -> tuple[str, str]:
        """Those of causes that it may share with others, the likelier first; an empty one is none."""
        return self.network, f"{ORGANIZATION}{self.organization}" if self.organization else ""


@dataclass(frozen=True)
class CommonCause:
    """`subject` is the network, the organization after ORGANIZATION, or EVERYWHERE."""

    subject: str
    silences: Sequence[Silence]


def cause_in(subject: str) -> str:
    """The network or organization of an incident's subject, or EVERYWHERE."""
    return subject.partition(" ")[0]


def organization_in(cause: str) -> uuid.UUID | None:
    return uuid.UUID(cause.removeprefix(ORGANIZATION)) if cause.startswith(ORGANIZATION) else None


def earlier_subject(subject: str, number: int) -> str:
    """The subject of a common cause that is not the newest one of its network or organization: with its own number."""
    return subject if " " in subject else f"{subject} #{number}"


def common_causes(silences: Iterable[Silence], *, calling_since: Callable[[datetime], int]) -> list[CommonCause]:
    """The common causes among them; no site has two. `calling_since` says how many sites have called since a moment."""
    causes = []
    for together in clusters(silences):
        largest = max(len(of_one) for kind in (0, 1) for of_one in [[], *by_subject(together, kind).values()])
        if largest < SHARE_OF_CAUSE * len(together):
            should_have_called = len(together) + calling_since(together[0].since - WINDOW)
            if len(together) >= SHARE_OF_ALL * should_have_called:
                causes.append(CommonCause(EVERYWHERE, together))
                continue
        left = together
        for kind in (0, 1):
            found = [
                CommonCause(subject, cluster)
                for subject, of_one in by_subject(left, kind).items()
                for cluster in clusters(of_one)
            ]
            causes += found
            taken = {silence.site_id for cause in found for silence in cause.silences}
            left = [silence for silence in left if silence.site_id not in taken]
    return causes


def by_subject(silences: Iterable[Silence], kind: int) -> dict[str, list[Silence]]:
    """By that of `Silence.subjects`; without those that have none."""
    found: dict[str, list[Silence]] = defaultdict(list)
    for silence in silences:
        found[silence.subjects[kind]].append(silence)
    found.pop("", None)
    return found


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
