"""Compares what was said in a simulation with what happened in it, and prints it."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import median
from typing import Any, NamedTuple

from django.conf import settings

from alerts.incidents.words import length
from alerts.simulation.history import DAY, instant
from alerts.simulation.world import Noticed, Told, World

# Two looks of the judge, with the age of the newest mark and of the heartbeat itself.
NOTICED_WITHIN = 60.0
PEOPLE = "email"


class Silence(NamedTuple):
    """A site with service missed its heartbeat: offline from `began` until it called at `ended`."""

    site: int
    due: float
    began: float
    ended: float


@dataclass
class Report:
    """`lateness` has seconds from the moment at which a site was offline until that was noticed."""

    site_days: float
    checks: int
    heartbeats: int
    silences: int = 0
    false_alarms: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    lateness: list[float] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    told: list[dict[str, Any]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def is_bad(self) -> bool:
        return bool(self.false_alarms or self.missed or self.late or self.doubled)

    def as_dict(self) -> dict[str, Any]:
        return {
            "site_days": self.site_days,
            "checks": self.checks,
            "heartbeats": self.heartbeats,
            "silences": self.silences,
            "noticed_after_seconds": {"median": self.median_lateness(), "most": max(self.lateness, default=None)},
            "false_alarms": self.false_alarms,
            "missed": self.missed,
            "late": self.late,
            "told_twice": self.doubled,
            "messages": dict(sorted(self.counts.items())),
            "told": self.told,
        }

    def median_lateness(self) -> float | None:
        return median(self.lateness) if self.lateness else None

    def summary(self) -> list[str]:
        found = [
            f"{self.site_days:,.0f} site-days, {self.heartbeats:,} heartbeats; the judge ran {self.checks:,} times.",
            f"{self.silences:,} times a site was offline; noticed after {seconds(self.median_lateness())} in the median,"
            f" {seconds(max(self.lateness, default=None))} at most.",
            f"False alarms: {len(self.false_alarms)}. Missed: {len(self.missed)}. Late: {len(self.late)}."
            f" Told twice: {len(self.doubled)}.",
            *(f"{count:6,} × {name}" for name, count in sorted(self.counts.items())),
        ]
        return [*found, *self.false_alarms, *self.missed, *self.late, *self.doubled]


def report_on(world: World) -> Report:
    calls = sum(len(state.calls) for state in world.states)
    report = Report(len(world.states) * world.history.seconds / DAY, world.checks, calls)
    silences = [silence for index in range(len(world.states)) for silence in silences_of(world, index)]
    report.silences = len(silences)
    by_site: dict[int, list[Noticed]] = {}
    for noticed in world.noticed:
        by_site.setdefault(noticed.site, []).append(noticed)
    for silence in silences:
        compare(world, silence, by_site.get(silence.site, []), report)
    for noticed in world.noticed:
        if not is_true(world, noticed):
            report.false_alarms.append(f"False: site {noticed.site + 1} was said to be offline at {words(noticed.at)}.")
    report.doubled += told_twice(world.told)
    add_messages(world, report)
    return report


def silences_of(world: World, index: int) -> Iterator[Silence]:
    """Those that must be noticed: with service from the beginning to NOTICED_WITHIN later."""
    state, end = world.states[index], world.history.seconds
    shortest = settings.HEARTBEAT_GRACE.total_seconds() + NOTICED_WITHIN
    for call, following in zip(state.calls, [*state.calls[1:], None], strict=True):
        ended = following.at if following else end
        if ended <= call.due + shortest:
            continue  # as after almost every heartbeat
        heard_at = instant(call.at)
        silent_at = world.timeline.silent_at(instant(call.due), settings.HEARTBEAT_GRACE, heard_at=heard_at)
        began = (silent_at - instant(0)).total_seconds()
        changed = any(call.at < at < began + NOTICED_WITHIN for at in state.changes)
        if call.has_service and not changed and ended > began + NOTICED_WITHIN and began + NOTICED_WITHIN < end:
            yield Silence(index, call.due, began, ended)


def compare(world: World, silence: Silence, noticed: Iterable[Noticed], report: Report) -> None:
    during = [each for each in noticed if silence.due < each.at <= silence.ended + NOTICED_WITHIN]
    name = f"site {silence.site + 1}, offline since {words(silence.began)}"
    restored_at = [restore.at for restore in world.history.restores if silence.due < restore.at + 8 * 3600]
    near_restore = any(
        restore.backup_at - DAY < silence.ended and silence.due < restore.at + DAY / 2
        for restore in world.history.restores
    )
    if restored_at and near_restore:
        return  # what was noticed is undone by the restore; afterwards sites have long to come back
    if not during:
        report.missed.append(f"Missed: {name}.")
        return
    after = min(each.at for each in during) - silence.began
    report.lateness.append(after)
    if after > NOTICED_WITHIN:
        report.late.append(f"Late: {name}, noticed {after:.0f} s later.")
    alone = [each for each in during if each.is_alone]
    if len(alone) > 1 and all(each.is_alone for each in during):
        report.doubled.append(f"Told {len(alone)} times: {name}.")


def is_true(world: World, noticed: Noticed) -> bool:
    """The site had missed its heartbeat for as long as the grace, and it had failed."""
    state = world.states[noticed.site]
    position = bisect_right(state.calls, noticed.at, key=lambda call: call.at)
    if not position:
        return False
    due = state.calls[position - 1].due
    grace = settings.HEARTBEAT_GRACE.total_seconds()
    has_failed = any(one.began <= noticed.at and one.ended > due for one in state.plan.failures)
    return due + grace < noticed.at and has_failed


def told_twice(told: Iterable[Told]) -> list[str]:
    """What a channel got twice: an opening or an end of one incident, or two messages with the same words."""
    seen: set[tuple[object, ...]] = set()
    found = []
    for each in told:
        incident = each.message.incident
        if incident is None:
            continue
        same = (incident["title"], incident["detail"]) if each.message.type == "incident.reminded" else ()
        key = (each.channel, incident["id"], each.message.type, *same)
        if key in seen:
            found.append(f"Twice on {each.channel}: {each.message.type} {incident['title']}, at {words(each.at)}.")
        seen.add(key)
    return found


def add_messages(world: World, report: Report) -> None:
    for each in world.told:
        incidents = (
            [(each.message.type, each.message.incident)]
            if each.message.incident
            else [(one["type"], one["incident"]) for one in each.message.summary or []]
        )
        report.counts[f"{each.channel}: {each.message.type}"] += 1
        for type_, incident in incidents:
            since = datetime.fromisoformat(incident["opened_at"])
            how_late = instant(each.at) - since if type_ == "incident.opened" else None
            report.told.append(
                {
                    "at": words(each.at),
                    "channel": each.channel,
                    "type": type_,
                    "kind": incident["kind"],
                    "title": incident["title"],
                    "incident": incident["id"],
                }
            )
            if each.channel == PEOPLE:
                late = (
                    f" ({length(how_late)} after it was noticed)" if how_late and how_late.total_seconds() >= 60 else ""
                )
                report.lines.append(
                    f"{words(each.at)}  {type_.removeprefix('incident.'):12}  {incident['title']}{late}"
                )


def words(at: float) -> str:
    return f"{instant(at).astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f} s"
