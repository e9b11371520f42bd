"""The runs of a site's agent, and when two of them show that two installations use the site's key.

An agent that is started again is a new run, and the old one never calls again. So a run that comes back after another one
had called is odd, and it is not proof: a heartbeat of the old run may have been on its way for long, and a virtual machine
may have been put back to a snapshot with its memory. Two installations that use one key take turns: the first comes back,
and then the other one does.

Each two runs are compared by themselves, whatever others have called in between.

If the two runs have the same installation, as after a restart, one late heartbeat of the old run looks like the first of
these turns and the next heartbeat of the new run like the second, so one more is needed: a second heartbeat of the old run,
or a third turn. If they have different installations, two turns are enough: nobody reinstalls an agent while one of its
heartbeats, which ends after half a minute, is still on its way.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, Max

from audit.actors import acting_system
from audit.services import record_event
from common.instants import format_instant
from heartbeat.models import AgentRun, AgentRunQuerySet
from sites.events import SiteAction, site_subject
from sites.models import Site, SitePulse

# Older ones are deleted, so that an agent that is restarted again and again does not fill the table.
MAX_RUNS = 20


@dataclass(frozen=True)
class Boot:
    """What an agent says of itself: its installation, its run, and the number of this heartbeat, from 1 to 2**53 - 1."""

    instance_id: uuid.UUID
    boot_id: uuid.UUID
    sequence: int


def find_run(site_id: uuid.UUID, boot: Boot) -> AgentRun | None:
    return AgentRun.objects.filter(site=site_id, instance_id=boot.instance_id, boot_id=boot.boot_id).first()


def record_run(
    run: AgentRun | None, boot: Boot, pulse: SitePulse, site: Site, *, version: str, ip: str | None, at: datetime
) -> dict[str, Any]:
    """Store a heartbeat of a run; what changes in the pulse. `run` is that of `find_run`, and the pulse is locked."""
    changes: dict[str, Any] = {"instance_id": boot.instance_id, "boot_id": boot.boot_id, "sequence": boot.sequence}
    told = {"last_seen_at": at, "ip": ip, "version": version, "sequence": boot.sequence}
    runs = AgentRun.objects.of_site(site.pk)
    if run is None:
        identity = {"site": site, "instance_id": boot.instance_id, "boot_id": boot.boot_id, "first_seen_at": at}
        turn = next_turn(runs)
        AgentRun.objects.create(**identity, **told, first_turn=turn, turn=turn)
        delete_oldest_runs(site.pk)
        return changes
    if (pulse.instance_id, pulse.boot_id) == (run.instance_id, run.boot_id):
        runs.filter(pk=run.pk).update(**told, heartbeats=F("heartbeats") + 1)
        return changes
    # The run comes back. Those that had called before its last turn, and again since, have come back themselves.
    others = runs.filter(first_turn__lt=run.turn, turn__gt=run.turn).order_by("-turn")
    other = next((other for other in others if are_clones(run, other)), None)
    told |= {
        "returns": run.returns + 1,
        "previous_turn": run.turn,
        "turn": next_turn(runs),
        "heartbeats_before_turn": run.heartbeats,
    }
    runs.filter(pk=run.pk).update(**told, heartbeats=F("heartbeats") + 1)
    if other and pulse.clone_suspected_at is None:
        changes["clone_suspected_at"] = at
        run.refresh_from_db()
        record_event(
            SiteAction.CLONE_SUSPECTED,
            subject=site_subject(site.pk, site.name),
            by=acting_system(ip),
            at=at,
            changes=compared(other, run),
        )
    return changes


def next_turn(runs: AgentRunQuerySet) -> int:
    newest = runs.aggregate(newest=Max("turn"))["newest"]
    return (newest or 0) + 1


def are_clones(run: AgentRun, other: AgentRun) -> bool:
    """Whether two installations use the site's key; `run` comes back, and `other` has come back since it called last."""
    heartbeats_in_turn = other.heartbeats - other.heartbeats_before_turn
    if heartbeats_in_turn == 0:  # a suspicion was dismissed since
        return False
    is_third_turn = run.returns > 0
    has_second_heartbeat = heartbeats_in_turn > 1 or other.previous_turn > run.turn
    return run.instance_id != other.instance_id or is_third_turn or has_second_heartbeat


def compared(one: AgentRun, other: AgentRun) -> dict[str, tuple[Any, Any]]:
    """The two branches, as an event's changes: for each fact that of the one and that of the other."""
    facts = ("instance_id", "boot_id", "first_seen_at", "last_seen_at", "ip", "version", "sequence", "heartbeats")
    return {fact: (printable(getattr(one, fact)), printable(getattr(other, fact))) for fact in facts}


def printable(value: Any) -> Any:
    return (
        format_instant(value) if isinstance(value, datetime) else str(value) if isinstance(value, uuid.UUID) else value
    )


def delete_oldest_runs(site_id: uuid.UUID) -> None:
    kept = AgentRun.objects.of_site(site_id).order_by("-turn").values("id")[:MAX_RUNS]
    AgentRun.objects.of_site(site_id).exclude(id__in=list(kept.values_list("id", flat=True))).delete()
