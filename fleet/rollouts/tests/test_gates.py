"""When a roll-out goes on to its next wave, pauses by itself, or is over."""

from datetime import timedelta

import pytest

from audit.actors import SYSTEM
from audit.models import Event
from fleet.devices.models import Device
from fleet.devices.services import retire_device
from fleet.firmware.models import Firmware
from fleet.rollouts.engine import joining
from fleet.rollouts.engine.advance import run_step
from fleet.rollouts.engine.waving import judge_wave
from fleet.rollouts.errors import RolloutSelectsNothing
from fleet.rollouts.models import Rollout, RolloutDevice
from fleet.rollouts.planning import plan_rollout
from fleet.rollouts.services import abort_rollout, resume_rollout
from fleet.rollouts.tests.estate import NIGHT, Estate, state_of, states_of
from fleet.rollouts.waves import WaveSpec, wave_of
from sites.models import Site

pytestmark = pytest.mark.django_db
EASY = {"min_success_percent": 0, "max_failures": 1_000, "observation_minutes": 0, "patience_hours": 0}


@pytest.fixture
def tills(estate: Estate) -> list[Device]:
    """Of ten sites."""
    return [estate.device(estate.site(f"site {number}")) for number in range(10)]


def finish_in_flight(estate: Estate, *, failures: int = 0) -> None:
    """So many fail; the others succeed."""
    pks = list(RolloutDevice.objects.in_flight().order_by("pk").values_list("pk", flat=True))
    failed = RolloutDevice.objects.filter(pk__in=pks[:failures])
    failed.update(state="failed", reason="It is broken.", finished_at=estate.at)
    RolloutDevice.objects.filter(pk__in=pks[failures:]).update(state="succeeded", finished_at=estate.at)


def fresh(rollout: Rollout) -> Rollout:
    return Rollout.objects.get(pk=rollout.pk)


def test_the_waves_follow_each_other_and_each_reaches_as_far_as_it_says(estate: Estate, tills: list[Device]) -> None:
    waves = [WaveSpec(None, **EASY), WaveSpec(50, **EASY), WaveSpec(100, **EASY)]
    rollout = estate.start(waves=waves, pilot_site_id=tills[3].site_id)
    place = {
        "percents": [None, 50, 100],
        "pilot_site_id": tills[3].site_id,
        "name": "June",
        "firmware_id": estate.new.pk,
    }
    expected = {till.pk: wave_of(till.pk, till.site_id, **place) for till in tills}  # type: ignore[arg-type]
    assert expected[tills[3].pk] == 0
    for number in range(3):
        estate.report_all()
        estate.tick()
        begun = {pk for pk, state in states_of(rollout).items() if state != "waiting"}
        assert begun == {pk for pk, wave in expected.items() if wave <= number}
        finish_in_flight(estate)
        estate.tick()
        assert fresh(rollout).wave == min(number + 1, 2)
    assert fresh(rollout).state == "finished"
    actions = list(Event.objects.filter(subject_type="rollout").order_by("sequence").values_list("action", flat=True))
    assert actions == [
        "rollout.created",
        "rollout.started",
        "rollout.wave_started",
        "rollout.wave_started",
        "rollout.finished",
    ]


def test_more_failures_than_allowed_pause_it_at_once(estate: Estate, tills: list[Device]) -> None:
    rollout = estate.start(waves=[WaveSpec(100, max_failures=2, min_success_percent=0)])
    estate.tick()
    RolloutDevice.objects.filter(device__in=tills[:2]).update(
        state="failed", reason="It is broken.", finished_at=estate.at
    )
    estate.tick()
    assert fresh(rollout).state == "running"
    RolloutDevice.objects.filter(device=tills[2]).update(state="failed", reason="So.", finished_at=estate.at)
    late = estate.device(estate.site("late"))
    estate.report_all()
    estate.tick()
    paused = fresh(rollout)
    assert (paused.state, paused.pause_reason) == ("paused", "3 failed in the wave “100 %”; at most 2 may.")
    event = Event.objects.get(action="rollout.paused")
    assert (event.reason, event.source) == (paused.pause_reason, "system")
    # No further device is offered it.
    estate.report_all()
    assert estate.tick() is None
    assert state_of(late)[0] == "waiting"
    assert len(RolloutDevice.objects.in_flight()) == 7


def test_too_small_a_share_of_successes_pauses_it_as_soon_as_it_is_certain(estate: Estate, tills: list[Device]) -> None:
    rollout = estate.start(waves=[WaveSpec(100, max_failures=100, min_success_percent=80)])
    estate.tick()
    for number, state in [(0, "running"), (1, "running"), (2, "paused")]:
        RolloutDevice.objects.filter(device=tills[number]).update(state="failed", reason="So.", finished_at=estate.at)
        estate.tick()
        assert fresh(rollout).state == state
    assert fresh(rollout).pause_reason == "3 failed in the wave “100 %”; at least 80 % must succeed."


def test_resuming_accepts_the_failures_so_far(estate: Estate, tills: list[Device]) -> None:
    rollout = estate.start(waves=[WaveSpec(100, max_failures=0, min_success_percent=0)])
    estate.tick()
    for expected in (1, 2):
        broken = RolloutDevice.objects.in_flight().first()
        RolloutDevice.objects.filter(pk=broken.pk).update(state="failed", reason="So.", finished_at=estate.at)
        estate.tick()
        assert fresh(rollout).pause_reason == "1 failed in the wave “100 %”; at most 0 may."
        resume_rollout(rollout.pk, by=SYSTEM, at=estate.at)
        estate.tick()
        assert (fresh(rollout).state, fresh(rollout).waves.get().accepted_failures) == ("running", expected)


def test_a_resumed_rollout_is_not_paused_again_by_the_share_that_was_accepted(
    estate: Estate, tills: list[Device]
) -> None:
    rollout = estate.start(waves=[WaveSpec(100, max_failures=100, min_success_percent=100)])
    estate.tick()
    RolloutDevice.objects.filter(device=tills[0]).update(state="failed", reason="So.", finished_at=estate.at)
    estate.tick()
    assert fresh(rollout).state == "paused"
    resume_rollout(rollout.pk, by=SYSTEM, at=estate.at)
    finish_in_flight(estate)
    estate.move(hours=12)
    estate.report(*tills, version="2.0.0")
    estate.tick()
    assert fresh(rollout).state == "finished"


def test_the_wave_is_observed_after_its_last_success(estate: Estate, tills: list[Device]) -> None:
    observed = {**EASY, "observation_minutes": 60}
    rollout = estate.start(waves=[WaveSpec(50, **observed), WaveSpec(100, **EASY)])
    estate.tick()
    finish_in_flight(estate)
    estate.tick(minutes=59)
    assert fresh(rollout).wave == 0
    estate.tick(minutes=1)
    assert fresh(rollout).wave == 1


def test_devices_that_are_offline_hold_up_the_next_wave_for_a_time(estate: Estate, tills: list[Device]) -> None:
    patient = {**EASY, "patience_hours": 24}
    rollout = estate.start(waves=[WaveSpec(99, **patient), WaveSpec(100, **EASY)])
    waiting = tills[0]
    estate.report(waiting, is_stopped=True)
    estate.tick()
    finish_in_flight(estate)
    estate.tick(hours=23.9)
    assert (fresh(rollout).wave, state_of(waiting)[0]) == (0, "waiting")
    estate.tick(hours=0.1)
    assert fresh(rollout).wave == 1
    # It still gets it when it comes back, as long as the roll-out runs.
    estate.report(waiting)
    estate.at = NIGHT + timedelta(days=2)
    estate.report(waiting)
    estate.tick()
    assert state_of(waiting)[0] == "in_flight"


def test_a_device_that_can_be_updated_holds_up_the_next_wave_as_long_as_it_waits(
    estate: Estate, tills: list[Device]
) -> None:
    second = estate.device(Site.objects.get(pk=tills[0].site_id), "till-2")
    rollout = estate.start(waves=[WaveSpec(99, **EASY), WaveSpec(100, **EASY)])
    estate.tick()
    finish_in_flight(estate)
    estate.at = NIGHT + timedelta(hours=9)
    estate.report(second, tills[0])
    estate.tick()
    assert (fresh(rollout).wave, "waiting" in states_of(rollout).values()) == (0, True)


def test_a_wave_of_which_nothing_was_updated_does_not_pass(estate: Estate, tills: list[Device]) -> None:
    rollout = estate.start(waves=[WaveSpec(None, **EASY), WaveSpec(100, **EASY)], pilot_site_id=tills[0].site_id)
    estate.report(tills[0], is_stopped=True)
    estate.tick()
    estate.tick(days=30)
    assert (fresh(rollout).wave, fresh(rollout).state) == (0, "running")


@pytest.mark.parametrize("has_updated_device", [False, True])
def test_a_pilot_without_a_device_to_update_cannot_be_started(
    estate: Estate, tills: list[Device], has_updated_device: bool
) -> None:
    empty = estate.site("empty")
    if has_updated_device:
        estate.device(empty, version="2.0.0")
    with pytest.raises(RolloutSelectsNothing, match="pilot"):
        estate.start(waves=[WaveSpec(None, **EASY), WaveSpec(100, **EASY)], pilot_site_id=empty.pk)
    assert Rollout.objects.get().state == "draft"


def test_the_chosen_pilot_is_a_location_with_a_device_to_update(estate: Estate, tills: list[Device]) -> None:
    estate.report(*tills[1:], version="2.0.0")
    waves = [WaveSpec(None, **EASY), WaveSpec(100, **EASY)]
    plan = plan_rollout(firmware_id=estate.new.pk, name="June", waves=waves, at=estate.at)
    assert plan.pilot_site_id == estate.start(waves=waves).pilot_site_id == tills[0].site_id
    estate.report(tills[0], version="2.0.0")
    with pytest.raises(RolloutSelectsNothing, match="pilot"):
        estate.start(name="July", waves=waves)


def test_a_pilot_of_which_no_device_was_updated_pauses(estate: Estate, tills: list[Device]) -> None:
    rollout = estate.start(waves=[WaveSpec(None, **EASY), WaveSpec(100, **EASY)], pilot_site_id=tills[0].site_id)
    estate.report(tills[0], is_stopped=True)
    estate.tick()
    retire_device(tills[0].pk, by=SYSTEM, at=estate.at)
    assert estate.tick() == {"skipped": 1, "paused": 1}
    paused = fresh(rollout)
    assert (paused.wave, paused.state) == (0, "paused")
    assert paused.pause_reason == "No device of the pilot has been updated, so that it proves nothing."
    # Resuming does not make up for a success, but one device does.
    resume_rollout(rollout.pk, by=SYSTEM, at=estate.at)
    assert estate.tick() == {"paused": 1}
    estate.device(Site.objects.get(pk=tills[0].site_id), "till-2")
    resume_rollout(rollout.pk, by=SYSTEM, at=estate.at)
    assert estate.tick() == {"joined": 1, "offered": 1}
    finish_in_flight(estate)
    estate.tick()
    assert (fresh(rollout).wave, fresh(rollout).state) == (1, "running")


def test_a_later_wave_whose_devices_were_all_skipped_passes(estate: Estate, tills: list[Device]) -> None:
    waves = [WaveSpec(None, **EASY), WaveSpec(50, **EASY), WaveSpec(100, **EASY)]
    rollout = estate.start(waves=waves, pilot_site_id=tills[0].site_id)
    estate.tick()
    finish_in_flight(estate)
    RolloutDevice.objects.filter(wave=1).update(state="skipped", reason="So.", finished_at=estate.at)
    estate.report_all()
    estate.tick()
    assert fresh(rollout).wave == 1
    estate.tick()
    assert (fresh(rollout).wave, fresh(rollout).state) == (2, "running")


def test_no_wave_passes_while_devices_join_over_several_runs(
    estate: Estate, tills: list[Device], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that have joined are through before the others of the wave come."""
    monkeypatch.setattr(joining, "MAX_AT_ONCE", 4)
    rollout = estate.start(waves=[WaveSpec(99, **EASY), WaveSpec(100, **EASY)])
    for joined in (4, 8):
        estate.report_all()
        assert estate.tick()["joined"] == 4
        finish_in_flight(estate)
        assert (fresh(rollout).wave, len(states_of(rollout))) == (0, joined)
        assert run_step(judge_wave, rollout.pk, at=estate.at) == {}
    estate.report_all()
    assert estate.tick()["joined"] == 2
    finish_in_flight(estate)
    estate.tick()
    assert fresh(rollout).wave == 1


def test_a_wave_does_not_pass_before_its_devices_have_joined(estate: Estate, tills: list[Device]) -> None:
    # As after a run whose steps another worker has kept from joining.
    rollout = estate.start(waves=[WaveSpec(100, **EASY)])
    assert run_step(judge_wave, rollout.pk, at=estate.at) == {}
    assert fresh(rollout).state == "running"


def test_devices_that_never_came_online_are_skipped_at_the_end(estate: Estate, tills: list[Device]) -> None:
    rollout = estate.start(waves=[WaveSpec(100, **EASY)])
    estate.report(tills[0], is_stopped=True)
    estate.tick()
    finish_in_flight(estate)
    estate.tick()
    assert fresh(rollout).state == "finished"
    assert state_of(tills[0]) == ("skipped", "It was not online while the roll-out ran.")


def test_a_failure_of_an_earlier_wave_counts_for_the_present_one(estate: Estate, tills: list[Device]) -> None:
    waves = [WaveSpec(99, **EASY), WaveSpec(100, max_failures=0, min_success_percent=0)]
    rollout = estate.start(waves=waves)
    estate.report(tills[0], is_stopped=True)
    estate.tick()
    finish_in_flight(estate, failures=1)
    estate.tick(minutes=1)
    estate.report(tills[0])
    estate.tick()
    assert fresh(rollout).wave == 1
    finish_in_flight(estate, failures=1)
    estate.tick()
    assert fresh(rollout).state == "paused"


def test_a_withdrawn_firmware_pauses_it_and_cannot_be_resumed(estate: Estate, tills: list[Device]) -> None:
    rollout = estate.start()
    Firmware.objects.filter(pk=estate.new.pk).update(withdrawn_at=estate.at)
    assert estate.tick() == {"joined": 10, "paused": 1}
    assert fresh(rollout).pause_reason == "The firmware was withdrawn."
    with pytest.raises(Exception, match="withdrawn"):
        resume_rollout(rollout.pk, by=SYSTEM, at=estate.at)


def test_it_does_not_end_while_its_devices_are_in_another_rollout(estate: Estate, tills: list[Device]) -> None:
    first = estate.start(waves=[WaveSpec(100)])
    estate.at += timedelta(hours=12)
    estate.tick()
    patient = {**EASY, "patience_hours": 1}
    second = estate.start(name="Other", waves=[WaveSpec(100, **patient)])
    estate.tick()
    assert fresh(second).state == "running"
    abort_rollout(first.pk, by=SYSTEM, at=estate.at)
    estate.tick()
    assert set(states_of(second).values()) == {"waiting"}
