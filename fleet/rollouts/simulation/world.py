"""Runs a roll-out through the product's own services and job, on a clock that jumps from one run of the job to the next.

Devices are simulated: they call, are away for hours, and install what `targets_of` offers them, which takes minutes. The job
is killed at random statements. After each of its runs the world is compared with the rules, by the wall clocks of the sites.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection

from audit.actors import SYSTEM
from fleet.devices.models import Device, DevicePulse
from fleet.firmware.services import targets_of
from fleet.rollouts.engine import advance_rollouts
from fleet.rollouts.models import Rollout, RolloutDevice
from fleet.rollouts.services import create_rollout, start_rollout
from fleet.rollouts.simulation.devices import MINUTE, NEW, add_devices, add_firmware, add_sites
from fleet.rollouts.waves import DEFAULT_WAVES, WaveSpec
from fleet.rollouts.windows import Window

# From one run of the job to the next: while a device is updated, and else.
STEP, LONG_STEP = 2 * MINUTE, 10 * MINUTE
OVER = ("paused", "finished", "aborted", "rolled_back")
MAX_INSTALLING_MINUTES = 8
# About as many as a run of the job has.
MAX_STATEMENTS = 50


class Killed(BaseException):
    """The job's end at a random statement; nothing catches it but the world."""


class World:
    def __init__(
        self,
        *,
        sites: int,
        devices: int,
        begins_at: datetime,
        killed_percent: float = 0,
        kill_share: float = 0.2,
        away_share: float = 0.02,
        waves: Sequence[WaveSpec] = DEFAULT_WAVES,
        seed: int = 1,
    ) -> None:
        """`kill_share` of the runs of the job are killed; in each hour `away_share` of the devices go away for hours."""
        if Device.objects.exists() or Rollout.objects.exists():
            raise RuntimeError("a simulation needs an empty database")
        self.randomness, self.now = random.Random(seed), begins_at  # noqa: S311 - no secret
        self.kill_share, self.away_share = kill_share, away_share
        self.runs = self.kills = 0
        self.broken_rules: list[str] = []
        _, new = add_firmware(begins_at, self.randomness)
        self.sites, self.windows = add_sites(sites, begins_at, self.randomness)
        self.numbers = {site.pk: number for number, site in enumerate(self.sites)}
        self.zones = [ZoneInfo(site.timezone) for site in self.sites]
        self.devices = add_devices(
            devices, self.sites, killed_percent=killed_percent, at=begins_at, randomness=self.randomness
        )
        self.call()
        created = create_rollout(firmware_id=new.pk, name=f"Simulation {seed}", waves=waves, by=SYSTEM, at=begins_at)
        self.rollout = start_rollout(created.pk, by=SYSTEM, at=begins_at)

    def run(self, *, days: float) -> None:
        """Until the roll-out is over or pauses, and a day more, in which nothing may happen."""
        end = self.now + timedelta(days=days)
        is_over = False
        while self.now < end:
            flying = self.step()
            if not is_over and not flying and self.state in OVER:
                is_over, end = True, min(end, self.now + timedelta(days=1))
            self.now += STEP if flying else LONG_STEP

    @property
    def state(self) -> str:
        return str(Rollout.objects.values_list("state", flat=True).get())

    def step(self) -> bool:
        """What happens at this moment. Whether a device is being updated."""
        self.send_some_away()
        for device in self.devices:
            device.finish(self.now)
        self.call()
        self.install()
        is_complete = self.run_job()
        flying = list(RolloutDevice.objects.in_flight().values_list("site", flat=True))
        self.check([self.numbers[site] for site in flying], "is in flight", at_any_time=not is_complete)
        self.check([each.site for each in self.devices if each.installs is not None], "installs")
        # Whatever the job has done or left: an offer ends by itself.
        offered = targets_of([each.id for each in self.devices], at=self.now)
        self.check([each.site for each in self.devices if each.id in offered], "is offered the firmware")
        return bool(flying) or any(each.installs is not None for each in self.devices)

    def send_some_away(self) -> None:
        for device in self.devices:
            if self.randomness.random() < self.away_share / 60:
                device.offline_until = self.now + self.randomness.randrange(10, 600) * MINUTE

    def call(self) -> None:
        """The heartbeats since the last step, as one: each is online until the next."""
        there = [device for device in self.devices if device.calls(self.now)]
        pulses = DevicePulse.objects.filter(pk__in=[device.id for device in there])
        pulses.update(last_seen_at=self.now, due_at=self.now + STEP, day=self.now.date())
        updated = [device.id for device in there if device.version == NEW]
        DevicePulse.objects.filter(pk__in=updated).update(firmware_version=NEW)

    def run_job(self) -> bool:
        """Whether it came to its end."""
        self.runs += 1
        if self.randomness.random() >= self.kill_share:
            advance_rollouts(at=self.now)
            return True
        try:
            with killed_after(self.randomness.randrange(MAX_STATEMENTS)):
                advance_rollouts(at=self.now)
        except Killed:
            self.kills += 1
            return False
        return True

    def install(self) -> None:
        """Devices learn of an offer with their next call; what they run already they are not told."""
        there = {device.id: device for device in self.devices if device.calls(self.now)}
        for device_id, offered in targets_of(list(there), at=self.now).items():
            if there[device_id].version != offered.version:
                minutes = self.randomness.randrange(1, MAX_INSTALLING_MINUTES + 1)
                there[device_id].begin(offered.version, at=self.now, minutes=minutes)

    # --- Rules ---

    def check(self, sites: Sequence[int], what: str, *, at_any_time: bool = False) -> None:
        """One device of a site at a time, and only while its wall clock is in the window.

        A job that was killed has not judged all devices whose time is over; the next run does.
        """
        for site, number in Counter(sites).items():
            if number > 1:
                self.broken_rules.append(f"{self.now}: at {self.sites[site].name}, {number} devices: each {what}")
        for site in () if at_any_time else set(sites):
            local = self.now.astimezone(self.zones[site])
            if not is_inside(self.windows[site], local):
                self.broken_rules.append(f"{local}: outside {self.windows[site]} a device {what}")


def is_inside(window: Window, local: datetime) -> bool:
    clock = local.time().replace(tzinfo=None)
    if window.start < window.end:
        return window.start <= clock < window.end
    return clock >= window.start or clock < window.end


@contextmanager
def killed_after(statements: int) -> Iterator[None]:
    """Raise Killed in place of the next statement. Those after it undo what was begun, as the end of a process would."""
    left = statements

    def execute(run: Callable[..., Any], *arguments: Any) -> Any:
        nonlocal left
        left -= 1
        if left == -1:
            raise Killed
        return run(*arguments)

    with connection.execute_wrapper(execute):
        yield
