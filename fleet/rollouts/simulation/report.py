"""What became of a simulated roll-out, and whether it was as it must be."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from audit.models import Event
from common.instants import format_instant
from fleet.rollouts.models import Rollout, RolloutDevice
from fleet.rollouts.simulation.devices import NEW
from fleet.rollouts.simulation.world import World

MAX_SHOWN = 10


@dataclass
class Report:
    """`exposed` are the devices that began to install the new version, by the number of their wave."""

    state: str
    reason: str
    began_at: str
    ended_at: str
    devices: dict[str, int]
    exposed: dict[int, int]
    dead: int
    runs: int
    kills: int
    faults: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def lines(self) -> list[str]:
        exposed = ", ".join(f"wave {number + 1}: {devices}" for number, devices in sorted(self.exposed.items()))
        states = ", ".join(f"{number} {state}" for state, number in sorted(self.devices.items()))
        return [
            f"{self.state}, from {self.began_at} to {self.ended_at}. {self.reason}".rstrip(),
            f"Devices: {states}.",
            f"Exposed to the new version: {exposed or 'none'}; {self.dead} of them do not call any more.",
            f"The job ran {self.runs:,} times; {self.kills:,} times it was killed.",
            *(f"Not as it must be: {fault}" for fault in self.faults[:MAX_SHOWN]),
        ]


def report_on(world: World, *, began_at: datetime, is_deadly: bool) -> Report:
    rollout = Rollout.objects.get()
    waves = dict(RolloutDevice.objects.filter(rollout=rollout).values_list("device", "wave"))
    exposed = Counter(waves[each.id] for each in world.devices if each.has_installed_new)
    states = RolloutDevice.objects.filter(rollout=rollout).values_list("state", flat=True)
    return Report(
        state=rollout.state,
        reason=rollout.pause_reason,
        began_at=format_instant(began_at),
        ended_at=format_instant(world.now),
        devices=dict(Counter(states)),
        exposed=dict(exposed),
        dead=sum(each.is_dead for each in world.devices),
        runs=world.runs,
        kills=world.kills,
        faults=[*world.broken_rules, *faults_of(world, rollout, exposed, is_deadly=is_deadly)],
    )


def faults_of(world: World, rollout: Rollout, exposed: Counter[int], *, is_deadly: bool) -> list[str]:
    faults = []
    if is_deadly:
        if rollout.state != Rollout.State.PAUSED:
            faults.append(f"it is {rollout.state} and has not paused")
        if max(exposed, default=0) > 1:
            faults.append("devices beyond the pilot and the first wave after it were exposed")
    else:
        if rollout.state != Rollout.State.FINISHED:
            faults.append(f"it is {rollout.state} and has not finished")
        if RolloutDevice.objects.filter(state="succeeded").count() < 0.9 * len(world.devices):
            faults.append("less than nine in ten devices were updated")
    rows = RolloutDevice.objects.forward().filter(rollout=rollout)
    if max(exposed, default=0) > 0 and not rows.filter(wave=0, state="succeeded").exists():
        faults.append("devices of later waves were exposed, although none of the first wave has succeeded")
    changes = Event.objects.filter(action="device.target_firmware_changed")
    offers = Counter(event.subject_id for event in changes if NEW in str(event.changes["target_firmware"][1]))
    twice = [device_id for device_id, number in offers.items() if number > 1]
    faults += [f"the device {device_id} was offered the firmware more than once" for device_id in twice]
    offered = RolloutDevice.objects.exclude(offered_at=None).count()
    if len(offers) != offered:
        faults.append(f"{len(offers)} devices were given the target, but {offered} were offered the firmware")
    return faults
