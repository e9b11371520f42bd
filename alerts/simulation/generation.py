"""A random history of a year in the life of some restaurants: the same for the same seed."""

import random
from collections.abc import Iterable

from alerts.simulation.history import DAY, HOUR, MINUTE, Change, History, Period, Restore, SimulatedSite, merged

# In a year, of each site.
SHORT_FAILURES, LONG_FAILURES = 12.0, 0.7
SITES_OF_PROVIDER = 20
SHARE_BEHIND_PROVIDERS = 0.2
SHARE_FLAPPING, SHARE_ENDING = 0.005, 0.1
YEAR = 365.0


def generate(sites: int, days: float, seed: int) -> History:
    randomness = random.Random(seed)  # noqa: S311 - no secret
    seconds = days * DAY
    history = History(seconds, [new_site(index, sites, randomness) for index in range(sites)])
    outages = [*outages_of_ours(days, randomness)]
    history.restores = list(restores(days, randomness))
    outages += [Period(restore.at - HOUR, restore.at) for restore in history.restores]
    history.outages = merged([one for one in outages if one.ended < seconds])
    history.restores = [each for each in history.restores if any(one.ended == each.at for one in history.outages)]
    failures: list[list[Period]] = [list(failures_of_site(days, randomness)) for _ in range(sites)]
    for together in failures_together(history.sites, days, randomness):
        for index, period in together:
            failures[index].append(period)
    for site, found in zip(history.sites, failures, strict=True):
        site.failures = merged(found)
    history.changes = sorted([*locks(sites, days, randomness), *licenses(history.sites, days, randomness)])
    return history


def new_site(index: int, sites: int, randomness: random.Random) -> SimulatedSite:
    behind_providers = int(sites * SHARE_BEHIND_PROVIDERS)
    if index < behind_providers:
        address = f"203.0.{index // SITES_OF_PROVIDER}.{index % SITES_OF_PROVIDER + 1}"
    else:
        address = f"{11 + index // 65_536}.{index // 256 % 256}.{index % 256}.1"
    return SimulatedSite(address, randomness.uniform(0, 6 * HOUR), 10_000 * DAY)


def failures_of_site(days: float, randomness: random.Random) -> Iterable[Period]:
    for begin in moments(SHORT_FAILURES, days, randomness):
        yield Period(begin, begin + randomness.uniform(MINUTE, 20 * MINUTE))
    for begin in moments(LONG_FAILURES, days, randomness):
        yield Period(begin, begin + min(randomness.lognormvariate(2.2, 1.0), 480) * HOUR)
    if randomness.random() < SHARE_FLAPPING:
        begin = randomness.uniform(0, days * DAY)
        for _ in range(8):
            yield Period(begin, begin + 8 * HOUR)
            begin += 8 * HOUR + randomness.uniform(5, 40) * MINUTE


Together = list[tuple[int, Period]]


def failures_together(sites: list[SimulatedSite], days: float, randomness: random.Random) -> Iterable[Together]:
    """A provider's network fails four times a year, and twice a year something that a third of all sites depend on."""
    behind_providers = int(len(sites) * SHARE_BEHIND_PROVIDERS)
    for begin in moments(4, days, randomness):
        if behind_providers:
            first = randomness.randrange(0, behind_providers, SITES_OF_PROVIDER)
            length = randomness.uniform(3, 12) * HOUR
            members = range(first, min(first + SITES_OF_PROVIDER, behind_providers))
            yield [(index, Period(begin, begin + length + randomness.uniform(0, 120))) for index in members]
    for begin in moments(2, days, randomness):
        length = randomness.uniform(7, 12) * HOUR
        third = [index for index in range(len(sites)) if randomness.random() < 1 / 3]
        yield [(index, Period(begin, begin + length + randomness.uniform(0, 120))) for index in third]


def outages_of_ours(days: float, randomness: random.Random) -> Iterable[Period]:
    for rate, shortest, longest in ((6, 2.5 * MINUTE, 20 * MINUTE), (3, HOUR, 6 * HOUR), (1, 40 * HOUR, 56 * HOUR)):
        for begin in moments(rate, days, randomness):
            yield Period(begin, begin + randomness.uniform(shortest, longest))


def restores(days: float, randomness: random.Random) -> Iterable[Restore]:
    """Of last night's backup."""
    for at in moments(1, days, randomness):
        if at > 2 * DAY:
            yield Restore((at - 4 * HOUR) // DAY * DAY + 60, at)


def locks(sites: int, days: float, randomness: random.Random) -> Iterable[Change]:
    for index in range(sites):
        for at in moments(0.02, days, randomness):
            yield Change(at, index, "lock")
            yield Change(at + randomness.uniform(1, 10) * DAY, index, "unlock")


def licenses(sites: list[SimulatedSite], days: float, randomness: random.Random) -> Iterable[Change]:
    """Some end at a midnight; most of these are extended before it, some after it, a few never."""
    for index, site in enumerate(sites):
        if randomness.random() < SHARE_ENDING * days / YEAR:
            site.expires = randomness.randrange(1, max(2, int(days))) * DAY
            if randomness.random() < 0.9:
                extended_at = site.expires + randomness.uniform(-40, 5) * DAY
                yield Change(max(0.0, extended_at), index, "extend")


def moments(per_year: float, days: float, randomness: random.Random) -> list[float]:
    found = []
    at = randomness.expovariate(per_year / YEAR) * DAY
    while at < days * DAY:
        found.append(at)
        at += randomness.expovariate(per_year / YEAR) * DAY
    return found
