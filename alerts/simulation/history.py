"""What happens in a simulation: sites, when they fail, what admins do, when this control plane is down. Also as JSON.

Times are seconds since the beginning.
"""

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from common.errors import InvalidInput

MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0
CHANGES = ("lock", "unlock", "extend", "deregister")
START = datetime(2026, 1, 1, tzinfo=UTC)


class HistoryInvalid(InvalidInput):
    title = "The history is invalid"


class Period(NamedTuple):
    began: float
    ended: float


@dataclass
class SimulatedSite:
    """It calls first at `first_call`, and not in `failures`, which are in order. `expires` is the end of its licence."""

    address: str
    first_call: float
    expires: float
    failures: list[Period] = field(default_factory=list)


class Change(NamedTuple):
    """What an admin does to the site with that index: one of CHANGES."""

    at: float
    site: int
    action: str


class Restore(NamedTuple):
    """The backup of `backup_at` replaces the database at `at`, in an outage of the control plane."""

    backup_at: float
    at: float


@dataclass
class History:
    seconds: float
    sites: list[SimulatedSite]
    outages: list[Period] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    restores: list[Restore] = field(default_factory=list)

    def to_json(self) -> str:
        return json.dumps(asdict(self))


def read_history(file: Path) -> History:
    """Raises HistoryInvalid."""
    try:
        given = json.loads(file.read_text(encoding="utf-8"))
        history = History(
            float(given["seconds"]),
            [site(each) for each in given["sites"]],
            periods(given.get("outages", [])),
            [Change(float(at), int(site), str(action)) for at, site, action in given.get("changes", [])],
            [Restore(float(backup_at), float(at)) for backup_at, at in given.get("restores", [])],
        )
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise HistoryInvalid(f"{file} is no history: {type(error).__name__}: {error}") from error
    check(history)
    return history


def site(given: dict[str, Any]) -> SimulatedSite:
    expires = float(given.get("expires", 10_000 * DAY))
    return SimulatedSite(given["address"], float(given["first_call"]), expires, periods(given.get("failures", [])))


def periods(given: list[Any]) -> list[Period]:
    return [Period(float(began), float(ended)) for began, ended in given]


def check(history: History) -> None:
    for name, found in [
        ("outages", history.outages),
        *((f"failures of site {index}", each.failures) for index, each in enumerate(history.sites)),
    ]:
        if any(one.ended <= one.began for one in found) or any(b.began < a.ended for a, b in pairwise(found)):
            raise HistoryInvalid(f"The {name} must be in order, and end after they begin.")
    for change in history.changes:
        if change.action not in CHANGES or not 0 <= change.site < len(history.sites):
            raise HistoryInvalid(f"There is no change {change.action!r} of site {change.site}.")
    for restore in history.restores:
        if not any(restore.backup_at < one.began and one.began < restore.at == one.ended for one in history.outages):
            raise HistoryInvalid("A restore must end an outage that began after its backup.")


def merged(found: list[Period]) -> list[Period]:
    """In order, and without overlaps."""
    result: list[Period] = []
    for one in sorted(found):
        if result and one.began <= result[-1].ended:
            result[-1] = Period(result[-1].began, max(one.ended, result[-1].ended))
        else:
            result.append(one)
    return result


def instant(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)
