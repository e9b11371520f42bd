"""Who is offered the firmware, and when."""

from datetime import time, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.actors import SYSTEM
from audit.models import Event
from fleet.devices.models import Device
from fleet.devices.services import retire_device
from fleet.firmware.services import set_target
from fleet.rollouts.models import RolloutDevice
from fleet.rollouts.selection import Selection
from fleet.rollouts.services import set_maintenance_window
from fleet.rollouts.tests.estate import NIGHT, Estate, row_of, state_of, states_of, target_of
from fleet.rollouts.waves import WaveSpec
from fleet.rollouts.windows import Window
from sites.services import deregister_site, lock_site

pytestmark = pytest.mark.django_db


def test_one_device_of_a_site_at_a_time(estate: Estate) -> None:
    tills = estate.devices(estate.site(), 3)
    rollout = estate.start()
    for number in range(3):
        estate.report_all()
        estate.tick()
        states = sorted(states_of(rollout).values())
        assert states.count("in_flight") == 1
        assert states.count("succeeded") == number
        flying = RolloutDevice.objects.in_flight().get().device
        estate.move(minutes=1)
        estate.report_all()
        estate.report(flying, version="2.0.0")
        estate.tick()
        estate.move(minutes=10)
        estate.report_all()
        RolloutDevice.objects.in_flight().get()
        estate.tick()
    assert {state_of(till) for till in tills} == {("succeeded", "")}


def test_another_rollout_waits_for_the_device_of_the_site_that_is_in_flight(estate: Estate) -> None:
    first, second = estate.devices(estate.site(), 2)
    estate.start(selection=Selection(device_ids=(first.pk,)))
    estate.tick()
    estate.start(name="Other", selection=Selection(device_ids=(second.pk,)))
    estate.report_all()
    assert estate.tick() == {"joined": 1}
    assert (state_of(first)[0], state_of(second)[0]) == ("in_flight", "waiting")


def test_a_device_in_another_rollout_joins_when_that_is_over(estate: Estate) -> None:
    till = estate.device(estate.site())
    first = estate.start()
    estate.tick()
    second = estate.start(estate.firmware("3.0.0"), name="Other")
    estate.report_all()
    estate.tick()
    assert states_of(second) == {}
    estate.tick(minutes=30)  # it fails
    assert states_of(first) == {till.pk: "failed"}
    estate.report_all()
    estate.tick()
    assert states_of(second) == {till.pk: "in_flight"}
    assert target_of(till) == "3.0.0"


def test_only_in_the_window_and_only_if_all_fits_into_it(estate: Estate) -> None:
    till = estate.device(estate.site())
    estate.start()
    for at, expected in [
        (NIGHT - timedelta(seconds=1), "waiting"),
        # 30 minutes until the deadline and 10 online.
        (NIGHT + timedelta(hours=2, minutes=20, seconds=1), "waiting"),
        (NIGHT + timedelta(days=1, hours=2, minutes=20), "in_flight"),
    ]:
        estate.at = at
        estate.report(till)
        estate.tick()
        assert state_of(till)[0] == expected, at
    assert row_of(till).ends_at == NIGHT + timedelta(days=1, hours=3)


def test_each_site_has_its_own_window_and_zone(estate: Estate) -> None:
    roma, nepal, usual = estate.site(), estate.site("Kathmandu", "Asia/Kathmandu"), estate.site("Milano")
    set_maintenance_window(roma.pk, Window(time(23), time(1)), by=SYSTEM, at=estate.at)
    tills = [estate.device(site) for site in (roma, nepal, usual)]
    estate.start(waves=[WaveSpec(100, max_failures=9, min_success_percent=0)])

    def flying() -> list[bool]:
        return [state_of(till)[0] == "in_flight" for till in tills]

    estate.tick()
    assert flying() == [False, False, True]  # 03:00, 06:45
    estate.move(hours=20)  # 23:00, 02:45
    estate.report_all()
    estate.tick()
    assert flying() == [True, False, False]
    estate.move(minutes=15)  # 03:00 in Kathmandu
    estate.report_all()
    estate.tick()
    assert flying() == [True, True, False]


@pytest.mark.parametrize("how", ["offline", "stopped", "late"])
def test_only_devices_that_are_online(estate: Estate, how: str) -> None:
    till = estate.device(estate.site())
    estate.start()
    if how == "stopped":
        estate.report(till, is_stopped=True)
    else:
        estate.move(minutes=1.5 if how == "late" else 10)
    assert estate.tick() == {"joined": 1}
    assert state_of(till)[0] == "waiting"
    estate.report(till)
    assert estate.tick() == {"offered": 1}


def test_devices_of_a_locked_site_get_firmware_too(estate: Estate) -> None:
    site = estate.site()
    till = estate.device(site)
    lock_site(site.pk, reason="unpaid", by=SYSTEM, at=estate.at)
    estate.start()
    estate.tick()
    assert state_of(till)[0] == "in_flight"


def test_whose_turn_must_not_come_is_skipped_with_a_reason(estate: Estate) -> None:
    site, closed = estate.site(), estate.site("Closed")
    estate.at -= timedelta(hours=1)  # the window is closed
    retired, moved, by_hand, updated = estate.devices(site, 4)
    gone = estate.device(closed)
    rollout = estate.start()
    estate.tick()
    assert set(states_of(rollout).values()) == {"waiting"}
    retire_device(retired.pk, by=SYSTEM, at=estate.at)
    Device.objects.filter(pk=moved.pk).update(site=estate.site("Milano"))
    set_target(by_hand.pk, estate.old.pk, by=SYSTEM, at=estate.at)
    estate.report(updated, version="2.0.0")
    deregister_site(closed.pk, by=SYSTEM, at=estate.at)
    assert estate.tick(seconds=30) == {"skipped": 5, "finished": 1}
    assert [state_of(device) for device in (retired, moved, by_hand, updated, gone)] == [
        ("skipped", "The device was retired."),
        ("skipped", "The device was moved to another location."),
        ("skipped", "Its target firmware was set by hand."),
        ("skipped", "It runs this version already."),
        ("skipped", "Its location was deregistered."),
    ]


def test_a_target_of_before_the_rollout_does_not_keep_a_device_out(estate: Estate) -> None:
    till = estate.device(estate.site())
    set_target(till.pk, estate.old.pk, by=SYSTEM, at=estate.at - timedelta(seconds=1))
    estate.start()
    estate.tick()
    assert target_of(till) == "2.0.0"


def test_a_device_that_the_firmware_refuses_is_skipped(estate: Estate) -> None:
    till = estate.device(estate.site())
    estate.start(estate.firmware("3.0.0", min_from="2.0.0"))
    estate.tick()
    assert state_of(till) == ("skipped", "It can be installed from 2.0.0 on; the device runs 1.0.0.")
    assert target_of(till) is None


def test_a_device_that_comes_later_joins(estate: Estate) -> None:
    site = estate.site()
    estate.device(site)
    rollout = estate.start()
    estate.tick()
    late = estate.device(site, "till-2")
    runs_it = estate.device(site, "till-3", version="2.0.0")
    assert estate.tick() == {"joined": 1, "skipped": 1}
    assert states_of(rollout)[late.pk] == "waiting"
    assert state_of(runs_it) == ("skipped", "It runs this version already.")


def test_the_selection_is_what_joins(estate: Estate) -> None:
    roma, milano = estate.site(), estate.site("Milano")
    chosen = estate.device(roma, role="till", hardware="rpi4")
    others = [
        estate.device(milano, role="till", hardware="rpi4"),
        estate.device(roma, "till-2", role="camera", hardware="rpi4"),
        estate.device(roma, "till-3", role="till", hardware="rpi3"),
        estate.device(roma, "till-4", role="till", hardware="rpi4", version="1.1.0"),
    ]
    wanted = Selection(
        location_ids=(roma.pk,),
        role="till",
        hardware="rpi4",
        current_version="1.0.0",
        device_ids=tuple(device.pk for device in [chosen, *others]),
    )
    rollout = estate.start(selection=wanted)
    estate.tick()
    assert states_of(rollout) == {chosen.pk: "in_flight"}


def test_any_number_of_sites_takes_the_same_statements_but_for_the_audit(estate: Estate) -> None:
    numbers = []
    for amount in (2, 30):
        tills = [estate.device(estate.site(f"{amount}-{number}")) for number in range(amount)]
        estate.start(
            estate.firmware(f"3.0.{amount}"),
            name=f"{amount}",
            selection=Selection(device_ids=tuple(till.pk for till in tills)),
        )
        estate.report_all()
        before = Event.objects.count()
        with CaptureQueriesContext(connection) as captured:
            assert estate.tick() == {"joined": amount, "offered": amount}
        events = Event.objects.count() - before
        assert events == amount
        of_audit = [each for each in captured if "audit" in each["sql"] or "pg_advisory" in each["sql"]]
        numbers.append(len(captured) - len(of_audit))
        RolloutDevice.objects.in_flight().update(state="succeeded", finished_at=estate.at)
        assert estate.tick() == {"finished": 1}
    assert numbers[0] == numbers[1]
