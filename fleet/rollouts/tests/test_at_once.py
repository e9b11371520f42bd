"""Two workers, and an admin, at the same moment: real threads on PostgreSQL."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from audit.actors import SYSTEM
from audit.models import Event
from fleet.devices.models import Device
from fleet.firmware.models import FirmwareTarget
from fleet.firmware.services import set_target
from fleet.rollouts.engine import advance_rollouts
from fleet.rollouts.models import Rollout, RolloutDevice
from fleet.rollouts.selection import Selection
from fleet.rollouts.services import abort_rollout, pause_rollout
from fleet.rollouts.tests.estate import Estate
from fleet.rollouts.waves import WaveSpec

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]
LOOSE = (WaveSpec(100, max_failures=1_000, min_success_percent=0),)


@pytest.fixture
def estate(transactional_db: None) -> Estate:
    if connection.vendor != "postgresql":
        pytest.skip("needs the row locks of PostgreSQL")
    return Estate()


def at_once(*functions: Callable[[], Any]) -> list[Any]:
    """Their results, in order; an exception of one is raised."""
    barrier, results = threading.Barrier(len(functions)), [None] * len(functions)
    errors: list[BaseException] = []

    def run(number: int, function: Callable[[], Any]) -> None:
        try:
            barrier.wait()
            results[number] = function()
        except BaseException as error:  # it is raised below
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=each) for each in enumerate(functions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results


def test_two_workers_offer_each_site_one_device_and_each_device_one_target(estate: Estate) -> None:
    sites = [estate.site(f"site {number}") for number in range(15)]
    tills = [till for site in sites for till in estate.devices(site, 4)]
    # Two roll-outs that share all sites.
    for number in range(2):
        chosen = tuple(till.pk for till in tills[number::2])
        estate.start(name=f"{number}", waves=LOOSE, selection=Selection(device_ids=chosen))
    for _ in range(8):
        estate.report_all()
        at_once(*[lambda: advance_rollouts(at=estate.at)] * 3)
        flying = list(RolloutDevice.objects.in_flight().values_list("site", "device"))
        assert len({site for site, _ in flying}) == len(flying) == 15
        events = Event.objects.filter(action="device.target_firmware_changed")
        assert (
            events.count() == FirmwareTarget.objects.count() == RolloutDevice.objects.exclude(offered_at=None).count()
        )
        RolloutDevice.objects.in_flight().update(state="succeeded", finished_at=estate.at)
        if not RolloutDevice.objects.waiting().exists():
            break
    assert RolloutDevice.objects.filter(state="succeeded").count() == 60


def test_workers_whose_clocks_differ_break_nothing(estate: Estate) -> None:
    for number in range(10):
        estate.devices(estate.site(f"site {number}"), 3)
    estate.start(waves=LOOSE)
    for _ in range(6):
        estate.move(seconds=30)
        estate.report_all()
        behind, ahead = estate.at - timedelta(seconds=20), estate.at + timedelta(seconds=20)
        flying = Device.objects.filter(rollout_devices__state="in_flight")
        estate.report(*flying, version="0.1.0")  # they fail at once
        at_once(lambda at=behind: advance_rollouts(at=at), lambda at=ahead: advance_rollouts(at=at))
    assert RolloutDevice.objects.filter(state="failed").count() >= 20


def test_after_a_pause_or_an_abort_no_further_device_is_offered_anything(estate: Estate) -> None:
    for number in range(10):
        estate.devices(estate.site(f"site {number}"), 2)
    for stop in (pause_rollout, abort_rollout):
        rollout = estate.start(name=stop.__name__, waves=LOOSE)
        estate.report_all()
        facts = {"reason": "so"} if stop is pause_rollout else {}
        at_once(
            lambda: advance_rollouts(at=estate.at),
            lambda stop=stop, rollout=rollout, facts=facts: stop(rollout.pk, by=SYSTEM, at=estate.at, **facts),
        )
        offered = RolloutDevice.objects.in_flight().count()
        advance_rollouts(at=estate.at)
        assert RolloutDevice.objects.in_flight().count() == offered
        RolloutDevice.objects.in_flight().update(state="succeeded", finished_at=estate.at)
        Rollout.objects.filter(pk=rollout.pk, state="paused").update(
            state="aborted", pause_reason="", finished_at=estate.at
        )
        RolloutDevice.objects.waiting().update(state="skipped", reason="so", finished_at=estate.at)


def test_a_target_set_by_hand_at_that_moment_is_not_lost(estate: Estate) -> None:
    tills = [estate.device(estate.site(f"site {number}")) for number in range(8)]
    other = estate.firmware("3.0.0")
    estate.start(waves=LOOSE)
    estate.tick()
    estate.move(minutes=30)  # all fail, and lose the target of the roll-out

    def by_hand() -> None:
        for till in tills:
            set_target(till.pk, other.pk, by=SYSTEM, at=estate.at)

    at_once(lambda: advance_rollouts(at=estate.at), by_hand)
    assert set(FirmwareTarget.objects.values_list("firmware", flat=True)) == {other.pk}
    assert FirmwareTarget.objects.count() == 8
