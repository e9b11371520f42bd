"""The two installations that seem to use one key, side by side: as the event has them, with what they did since."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from audit.models import Event
from heartbeat.models import AgentRun
from panel.events.timeline import from_event, label_of, readable
from sites.events import SITE, SiteAction
from sites.models import Site

FACTS = ("instance_id", "boot_id", "ip", "version", "first_seen_at", "last_seen_at", "sequence", "heartbeats")
# Two starts differ in the others anyway.
TELLING = ("instance_id", "boot_id", "ip", "version")


class Fact(NamedTuple):
    """`values` are those of the two branches, in words."""

    label: str
    values: tuple[Any, Any]
    differs: bool


class Comparison(NamedTuple):
    event: Event
    facts: list[Fact]
    same_installation: bool
    # When the second of the two called first.
    parted_at: datetime


def comparison_of(site: Site, runs: Sequence[AgentRun]) -> Comparison | None:
    """None if nothing is suspected, or if the event was erased."""
    if site.clone_suspected_at is None:
        return None
    events = Event.objects.of(SITE, site.pk).filter(action=SiteAction.CLONE_SUSPECTED)
    event = events.newest_first().first()
    if event is None or not all(fact in event.changes for fact in FACTS):
        return None
    began = [from_event("first_seen_at", text) for text in event.changes["first_seen_at"]]
    # The one that called first comes first; the event has them in the order in which they were noticed.
    one, other = (newest_facts(event, branch, runs) for branch in sorted((0, 1), key=lambda branch: began[branch]))
    facts = [
        Fact(
            label_of(name),
            (readable(name, one[name]), readable(name, other[name])),
            differs=name in TELLING and one[name] != other[name],
        )
        for name in FACTS
    ]
    return Comparison(event, facts, one["instance_id"] == other["instance_id"], max(began))


def newest_facts(event: Event, branch: int, runs: Sequence[AgentRun]) -> Mapping[str, Any]:
    """Of the run itself; of the event if the run is no longer kept."""
    recorded = {name: event.changes[name][branch] for name in FACTS}
    for run in runs:
        if [str(run.instance_id), str(run.boot_id)] == [recorded["instance_id"], recorded["boot_id"]]:
            return {name: plain(getattr(run, name)) for name in FACTS}
    return recorded


def plain(value: Any) -> Any:
    return str(value) if isinstance(value, uuid.UUID) else value
