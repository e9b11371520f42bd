"""The job is cut short at any instant, and the next run goes on: no device gets two targets, no site two devices."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection

from audit.models import Event
from fleet.devices.models import Device
from fleet.firmware.models import FirmwareTarget
from fleet.rollouts.models import Rollout, RolloutDevice
from fleet.rollouts.simulation.world import Killed, killed_after
from fleet.rollouts.tests.estate import Estate
from fleet.rollouts.waves import WaveSpec

ROOT = Path(__file__).resolve().parents[3]
GATE = {"max_failures": 1_000, "observation_minutes": 0, "deadline_minutes": 10, "online_minutes": 2}
LOOSE = (WaveSpec(50, **GATE), WaveSpec(100, **GATE))


def devices_get_on(estate: Estate) -> None:
    """Those in flight install what they are offered; all others stay online."""
    flying = list(Device.objects.filter(rollout_devices__state="in_flight"))
    estate.report_all()
    estate.report(*flying, version="2.0.0")


def check(rollout: Rollout) -> None:
    per_site = Counter(RolloutDevice.objects.in_flight().values_list("site", flat=True))
    assert not per_site or max(per_site.values()) == 1
    # Who has the target is who was offered it, once.
    offered = set(
        RolloutDevice.objects.filter(rollout=rollout).exclude(offered_at=None).values_list("device", flat=True)
    )
    assert set(FirmwareTarget.objects.values_list("device", flat=True)) == offered
    changes = Counter(
        Event.objects.filter(action="device.target_firmware_changed").values_list("subject_id", flat=True)
    )
    assert set(changes) == {str(pk) for pk in offered}
    assert not changes or max(changes.values()) == 1


@pytest.mark.django_db(transaction=True)
def test_killed_at_random_statements_it_goes_on(transactional_db: None) -> None:
    estate, randomness = Estate(), random.Random(5)
    for number in range(6):
        estate.devices(estate.site(f"site {number}"), 3)
    rollout = estate.start(waves=LOOSE)
    killed = 0
    for _ in range(150):
        estate.move(seconds=60)
        devices_get_on(estate)
        try:
            with killed_after(randomness.randrange(60)):
                estate.tick()
        except Killed:
            killed += 1
        check(rollout)
        if Rollout.objects.get().state == "finished":
            break
    assert Rollout.objects.get().state == "finished"
    assert killed > 10
    assert set(RolloutDevice.objects.values_list("state", flat=True)) == {"succeeded"}


@contextmanager
def nursery() -> Iterator[subprocess.Popen[str]]:
    """The process that starts the jobs, on the database of this test."""
    settings = connection.settings_dict
    url = (
        f"sqlite:///{settings['NAME']}"
        if connection.vendor == "sqlite"
        else os.environ["DATABASE_URL"].rpartition("/")[0] + f"/{settings['NAME']}"
    )
    environment = os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "config.settings"}
    process = subprocess.Popen(
        [sys.executable, "-m", "fleet.rollouts.tests.roll_out_process"],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(10)
        assert process.stdout is not None
        process.stdout.close()


def pid_of_next_run(process: subprocess.Popen[str], estate: Estate) -> tuple[int, bool]:
    """Start the job. Also returns whether the run before was done before it was killed."""
    assert process.stdin is not None
    process.stdin.write(f"{estate.at.timestamp()}\n")
    process.stdin.flush()
    was_done = False
    while (line := line_from(process))[1] != "begins":
        was_done = True
    return int(line[0]), was_done


def line_from(process: subprocess.Popen[str]) -> list[str]:
    assert process.stdout is not None
    line = process.stdout.readline().split()
    assert line, "the process that starts the jobs has ended"
    return line


@pytest.mark.slow(seconds=20)
@pytest.mark.django_db(transaction=True)
def test_processes_that_are_killed_leave_whole_steps(transactional_db: None) -> None:
    """Killed after a part of the time that the job takes on this machine. One run of four is not cut short, so it goes on."""
    estate, randomness = Estate(), random.Random(6)
    for number in range(6):
        estate.devices(estate.site(f"site {number}"), 2)
    rollout = estate.start(waves=LOOSE)
    longest, cut_short, is_whole = 0.0, 0, True
    with nursery() as process:
        for number in range(150):
            estate.move(minutes=1)
            devices_get_on(estate)
            pid, was_done = pid_of_next_run(process, estate)
            cut_short += not (is_whole or was_done)  # of the run before
            begun, is_whole = time.monotonic(), number % 4 == 0
            if is_whole:
                assert line_from(process)[1] == "done"
                longest = max(longest, time.monotonic() - begun)
            else:
                time.sleep(randomness.random() * longest)
            os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)  # PostgreSQL notices that its client is gone
            check(rollout)
            if Rollout.objects.get().state == "finished":
                break
    assert Rollout.objects.get().state == "finished"
    assert cut_short > 3
    assert set(RolloutDevice.objects.values_list("state", flat=True)) == {"succeeded"}
