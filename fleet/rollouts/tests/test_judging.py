"""Which devices in flight have succeeded or failed. Deadline 30 minutes, 10 minutes online."""

from datetime import timedelta

import pytest

from audit.actors import SYSTEM
from fleet.devices.models import Device
from fleet.devices.services import retire_device
from fleet.firmware.services import set_target, targets_of
from fleet.rollouts.models import Rollout
from fleet.rollouts.tests.estate import Estate, row_of, state_of, target_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def till(estate: Estate) -> Device:
    """In flight since NIGHT."""
    till = estate.device(estate.site())
    estate.start()
    assert estate.tick() == {"joined": 1, "offered": 1}
    assert (state_of(till), target_of(till)) == (("in_flight", ""), "2.0.0")
    return till


def test_a_device_that_reports_the_version_and_stays_online_succeeds(estate: Estate, till: Device) -> None:
    estate.move(minutes=5)
    estate.report(till, version="2.0.0")
    estate.tick()
    for _ in range(9):
        estate.move(minutes=1)
        estate.report(till)
        assert estate.tick() is None
    assert state_of(till) == ("in_flight", "")
    estate.move(minutes=1)
    estate.report(till)
    # The last wave: the roll-out is over at once.
    assert estate.tick() == {"succeeded": 1, "finished": 1}
    row = row_of(till)
    assert (row.previous_version, row.previous_firmware, row.finished_at) == ("1.0.0", estate.old, estate.at)
    assert target_of(till) == "2.0.0"


def test_a_device_that_goes_offline_begins_again_when_it_is_back(estate: Estate, till: Device) -> None:
    estate.move(minutes=5)
    estate.report(till, version="2.0.0")
    estate.tick()
    assert row_of(till).reported_at == estate.at
    estate.tick(minutes=5)
    assert row_of(till).reported_at is None
    estate.move(minutes=8)
    estate.report(till)
    estate.tick()
    assert (state_of(till)[0], row_of(till).reported_at) == ("in_flight", estate.at)


def test_silence_past_the_deadline_is_a_failure(estate: Estate, till: Device) -> None:
    estate.tick(minutes=29.9)
    assert state_of(till) == ("in_flight", "")
    estate.tick(minutes=0.1)
    assert state_of(till) == ("failed", "It is offline after it was offered 2.0.0.")
    # It must not install it when it comes back at noon.
    assert target_of(till) is None


def test_a_device_that_keeps_its_version_past_the_deadline_has_failed(estate: Estate, till: Device) -> None:
    estate.move(minutes=30)
    estate.report(till)
    estate.tick()
    assert state_of(till) == ("failed", "It has not reported 2.0.0 by 2026-06-02 01:30 UTC.")
    assert target_of(till) is None


def test_a_device_that_reports_another_version_fails_at_once(estate: Estate, till: Device) -> None:
    estate.report(till, version="0.9.0")
    estate.tick(seconds=30)
    assert state_of(till) == ("failed", "It reports 0.9.0 in place of 2.0.0.")


def test_a_device_that_goes_back_to_its_version_fails_at_once(estate: Estate, till: Device) -> None:
    estate.move(minutes=5)
    estate.report(till, version="2.0.0")
    estate.tick()
    estate.report(till, version="1.0.0")
    estate.tick(minutes=1)
    assert state_of(till) == ("failed", "It reports 1.0.0 again.")
    assert target_of(till) is None


def test_after_an_outage_of_the_job_a_device_with_the_version_has_succeeded(estate: Estate, till: Device) -> None:
    estate.move(hours=2)
    estate.report(till, version="2.0.0")
    estate.tick()
    assert state_of(till) == ("succeeded", "")


def test_a_retired_device_is_skipped(estate: Estate, till: Device) -> None:
    retire_device(till.pk, by=SYSTEM, at=estate.at)
    estate.tick(seconds=30)
    assert state_of(till) == ("skipped", "The device was retired.")


def test_a_device_that_is_moved_is_skipped_and_loses_the_target(estate: Estate, till: Device) -> None:
    Device.objects.filter(pk=till.pk).update(site=estate.site("Milano"))
    estate.tick(seconds=30)
    assert state_of(till) == ("skipped", "The device was moved to another location.")
    assert target_of(till) is None


def test_a_target_that_is_set_by_hand_stays(estate: Estate, till: Device) -> None:
    set_target(till.pk, estate.old.pk, by=SYSTEM, at=estate.move(minutes=1))
    estate.tick(hours=2)
    assert state_of(till) == ("skipped", "Its target firmware was set by hand.")
    assert target_of(till) == "1.0.0"


def test_those_in_flight_are_judged_while_the_rollout_is_paused_or_aborted(estate: Estate, till: Device) -> None:
    Rollout.objects.update(state="aborted", finished_at=estate.at)
    estate.move(minutes=5)
    estate.report(till, version="2.0.0")
    estate.tick()
    estate.move(minutes=10)
    estate.report(till)
    assert estate.tick() == {"succeeded": 1}


def test_a_device_that_succeeded_is_not_offered_it_again(estate: Estate, till: Device) -> None:
    estate.move(minutes=1)
    estate.report(till, version="2.0.0")
    estate.tick()
    assert till.pk in targets_of([till.pk], at=estate.at)
    estate.move(minutes=10)
    estate.report(till)
    revision = Device.objects.get(pk=till.pk).revision
    estate.tick()
    # It may be restored from an old image while another device of the location is updated, or at noon.
    assert (state_of(till), targets_of([till.pk], at=estate.at)) == (("succeeded", ""), {})
    assert Device.objects.get(pk=till.pk).revision > revision


def test_without_a_worker_the_offer_ends_with_the_devices_time(estate: Estate, till: Device) -> None:
    end = row_of(till).ends_at
    assert end == estate.at + timedelta(minutes=40)
    assert till.pk in targets_of([till.pk], at=end - timedelta(seconds=1))
    assert targets_of([till.pk], at=end) == {}
