"""Back to the version that devices ran before."""

from datetime import timedelta

import pytest

from audit.actors import SYSTEM
from audit.models import Event
from fleet.devices.models import Device
from fleet.firmware.models import Firmware
from fleet.firmware.services import set_target
from fleet.rollouts.models import Rollout, RolloutDevice
from fleet.rollouts.selection import Selection
from fleet.rollouts.services import roll_back_rollout
from fleet.rollouts.tests.estate import NIGHT, Estate, row_of, target_of
from fleet.rollouts.waves import WaveSpec

pytestmark = pytest.mark.django_db
PATIENT = (WaveSpec(100, max_failures=100, min_success_percent=0, observation_minutes=10_000),)


def update_all(estate: Estate) -> None:
    """Devices of which none is at the same site: all report the new version."""
    estate.tick()
    flying = list(Device.objects.filter(rollout_devices__state="in_flight"))
    estate.report(*flying, version="2.0.0")
    estate.tick(minutes=1)
    estate.move(minutes=10)
    estate.report_all()
    estate.tick()


def back(device: Device) -> tuple[str, str]:
    row = row_of(device, "back")
    return row.state, row.reason


@pytest.fixture
def tills(estate: Estate) -> list[Device]:
    return [estate.device(estate.site(f"site {number}")) for number in range(3)]


@pytest.fixture
def rollout(estate: Estate, tills: list[Device]) -> Rollout:
    """All three run the new version."""
    started = estate.start(waves=PATIENT)
    update_all(estate)
    assert set(RolloutDevice.objects.values_list("state", flat=True)) == {"succeeded"}
    return started


def test_devices_get_the_version_that_they_ran_in_their_windows(
    estate: Estate, tills: list[Device], rollout: Rollout
) -> None:
    waiting = estate.device(estate.site("late"))
    estate.at = NIGHT + timedelta(hours=9)
    estate.report_all()
    roll_back_rollout(rollout.pk, by=SYSTEM, at=estate.at)
    assert estate.tick() == {"joined": 3}
    assert [back(till)[0] for till in tills] == ["waiting"] * 3
    assert not RolloutDevice.objects.filter(device=waiting).exists()
    estate.at = NIGHT + timedelta(days=1)
    estate.report_all()
    assert estate.tick() == {"offered": 3}
    assert {target_of(till) for till in tills} == {"1.0.0"}
    estate.report(*tills, version="1.0.0")
    estate.tick(minutes=1)
    estate.move(minutes=10)
    estate.report_all()
    estate.tick()
    assert [back(till) for till in tills] == [("succeeded", "")] * 3
    ended = Rollout.objects.get()
    assert (ended.state, ended.finished_at) == ("rolled_back", estate.at)
    actions = Event.objects.filter(subject_type="rollout").order_by("sequence").values_list("action", flat=True)
    assert list(actions)[-2:] == ["rollout.rollback_started", "rollout.rolled_back"]


def test_one_device_of_a_site_at_a_time(estate: Estate) -> None:
    estate.devices(estate.site(), 2)
    rollout = estate.start(waves=PATIENT)
    update_all(estate)
    estate.report_all()
    update_all(estate)
    assert RolloutDevice.objects.filter(state="succeeded").count() == 2
    roll_back_rollout(rollout.pk, by=SYSTEM, at=estate.at)
    estate.report_all()
    estate.tick()
    assert sorted(RolloutDevice.objects.back().values_list("state", flat=True)) == ["in_flight", "waiting"]


def test_a_device_that_is_in_flight_goes_back_when_it_has_arrived(estate: Estate, tills: list[Device]) -> None:
    rollout = estate.start(waves=PATIENT, selection=Selection(device_ids=(tills[0].pk,)))
    estate.tick()
    roll_back_rollout(rollout.pk, by=SYSTEM, at=estate.at)
    assert estate.tick() is None
    estate.report(tills[0], version="2.0.0")
    estate.tick(minutes=1)
    estate.move(minutes=10)
    estate.report_all()
    assert estate.tick() == {"succeeded": 1, "joined": 1, "offered": 1}
    assert target_of(tills[0]) == "1.0.0"


def test_those_that_cannot_go_back_are_skipped_with_a_reason(
    estate: Estate, tills: list[Device], rollout: Rollout
) -> None:
    by_hand, updated, unknown = tills
    RolloutDevice.objects.filter(device=unknown).update(previous_firmware=None)
    roll_back_rollout(rollout.pk, by=SYSTEM, at=estate.at)
    set_target(by_hand.pk, None, by=SYSTEM, at=estate.at)
    set_target(by_hand.pk, estate.new.pk, by=SYSTEM, at=estate.at)
    estate.report(updated, version="3.0.0")
    estate.tick(seconds=1)
    estate.tick(seconds=1)
    assert back(unknown) == ("skipped", "There is no firmware of the version that it ran before.")
    assert back(updated) == ("skipped", "It runs another version by now.")
    assert back(by_hand) == ("skipped", "Its target firmware was set by hand.")
    assert Rollout.objects.get().state == "rolled_back"


def test_a_withdrawn_version_is_none_to_go_back_to(estate: Estate, tills: list[Device], rollout: Rollout) -> None:
    Firmware.objects.filter(pk=estate.old.pk).update(withdrawn_at=estate.at)
    roll_back_rollout(rollout.pk, by=SYSTEM, at=estate.at)
    assert estate.tick() == {"skipped": 3, "finished": 1}
    assert {back(till)[1] for till in tills} == {"There is no firmware of the version that it ran before."}


def test_a_failed_device_that_runs_the_version_goes_back_too(estate: Estate, tills: list[Device]) -> None:
    rollout = estate.start(waves=PATIENT)
    estate.tick()
    RolloutDevice.objects.update(state="failed", reason="Its CPU rose.", finished_at=estate.at)
    estate.report(tills[0], version="2.0.0")
    roll_back_rollout(rollout.pk, by=SYSTEM, at=estate.at)
    estate.tick()
    assert list(RolloutDevice.objects.back().values_list("device", "state")) == [(tills[0].pk, "in_flight")]


def test_devices_that_stay_offline_hold_it_up_for_a_time_only(
    estate: Estate, tills: list[Device], rollout: Rollout
) -> None:
    roll_back_rollout(rollout.pk, by=SYSTEM, at=estate.at)
    estate.tick(hours=1)
    estate.tick(hours=22.9)
    assert Rollout.objects.get().state == "rolling_back"
    estate.tick(hours=0.1)
    assert Rollout.objects.get().state == "rolled_back"
    assert {back(till)[1] for till in tills} == {"It was not online while the roll-out ran."}


def test_devices_whose_version_is_withdrawn_on_the_way_back_are_skipped(
    estate: Estate, tills: list[Device], rollout: Rollout
) -> None:
    estate.at = NIGHT + timedelta(hours=9)
    roll_back_rollout(rollout.pk, by=SYSTEM, at=estate.at)
    assert estate.tick() == {"joined": 3}
    Firmware.objects.filter(pk=estate.old.pk).update(withdrawn_at=estate.at)
    estate.at = NIGHT + timedelta(days=1)
    estate.report_all()
    assert estate.tick() == {"skipped": 3, "finished": 1}
    assert {back(till) for till in tills} == {
        ("skipped", "The firmware of the version that it ran before was withdrawn.")
    }
    assert Rollout.objects.get().state == "rolled_back"
