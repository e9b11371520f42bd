"""Devices that have succeeded, and are not well any more when the observation of their wave ends."""

from datetime import datetime, timedelta

import pytest

from audit.actors import SYSTEM
from fleet.devices.models import Device
from fleet.devices.services import retire_device
from fleet.firmware.services import set_target
from fleet.rollouts.engine import observing
from fleet.rollouts.models import Rollout, RolloutDevice
from fleet.rollouts.tests.estate import NIGHT, Estate, state_of, target_of
from fleet.rollouts.waves import WaveSpec
from fleet.telemetry.services import Sample, store_samples

pytestmark = pytest.mark.django_db
OBSERVED = {"observation_minutes": 60, "patience_hours": 0}


@pytest.fixture
def tills(estate: Estate) -> list[Device]:
    """Of three sites, with a sample of before."""
    tills = [estate.device(estate.site(f"site {number}")) for number in range(3)]
    for till in tills:
        sample(till, NIGHT - timedelta(hours=1), cpu=20)
    return tills


def sample(device: Device, at: datetime, *, cpu: float) -> None:
    store_samples(device.pk, [Sample(at, cpu, 500, 1_000, 40)], at=at)


def succeed(estate: Estate, tills: list[Device], **wave: int) -> Rollout:
    """All are updated; the observation ends in an hour."""
    rollout = estate.start(waves=[WaveSpec(99, **{**OBSERVED, **wave}), WaveSpec(100)])
    estate.tick()
    estate.move(minutes=5)
    estate.report(*tills, version="2.0.0")
    estate.tick()
    estate.move(minutes=10)
    estate.report(*tills)
    assert estate.tick() == {"succeeded": 3}
    estate.move(minutes=60)
    return rollout


def fresh(rollout: Rollout) -> Rollout:
    return Rollout.objects.get(pk=rollout.pk)


def test_a_wave_whose_devices_are_well_passes(estate: Estate, tills: list[Device]) -> None:
    rollout = succeed(estate, tills)
    estate.report(*tills)
    assert estate.tick() == {"waves_started": 1}
    assert {state_of(till)[0] for till in tills} == {"succeeded"}
    assert fresh(rollout).wave == 1


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("offline", "It went offline after it was updated."),
        ("other version", "After it was updated it reports 1.0.0."),
        ("worse", "Its CPU rose from 20 to 90 %."),
    ],
)
def test_a_device_that_is_not_well_at_the_end_fails_and_pauses_it(
    estate: Estate, tills: list[Device], how: str, reason: str
) -> None:
    rollout = succeed(estate, tills)
    lapsed, *well = tills
    estate.report(*well)
    if how == "other version":
        estate.report(lapsed, version="1.0.0")
    elif how == "worse":
        estate.report(lapsed)
        sample(lapsed, estate.at - timedelta(minutes=30), cpu=90)
    assert estate.tick() == {"failed": 1, "paused": 1}
    assert (state_of(lapsed), target_of(lapsed)) == (("failed", reason), None)
    assert [state_of(till) for till in well] == [("succeeded", "")] * 2
    assert (fresh(rollout).state, fresh(rollout).wave) == ("paused", 0)
    assert fresh(rollout).pause_reason == "1 failed in the wave “99 %”; at most 0 may."


def test_it_goes_on_if_the_gate_allows_as_many_failures(estate: Estate, tills: list[Device]) -> None:
    rollout = succeed(estate, tills, max_failures=1, min_success_percent=50)
    estate.report(*tills[1:])
    assert estate.tick() == {"failed": 1, "waves_started": 1}
    assert fresh(rollout).wave == 1


def test_a_wave_without_observation_is_not_observed(estate: Estate, tills: list[Device]) -> None:
    rollout = estate.start(waves=[WaveSpec(100, observation_minutes=0)])
    estate.tick()
    RolloutDevice.objects.update(state="succeeded", finished_at=estate.at)
    estate.tick(minutes=30)
    assert fresh(rollout).state == "finished"


def test_what_others_have_done_to_a_device_does_not_count(estate: Estate, tills: list[Device]) -> None:
    rollout = succeed(estate, tills)
    estate.report(*tills, version="1.0.0")
    set_target(tills[0].pk, estate.old.pk, by=SYSTEM, at=estate.at)
    retire_device(tills[1].pk, by=SYSTEM, at=estate.at)
    Device.objects.filter(pk=tills[2].pk).update(site=estate.site("elsewhere"))
    assert estate.tick() == {"waves_started": 1}
    assert fresh(rollout).wave == 1


def test_devices_are_compared_in_sets(estate: Estate, tills: list[Device], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observing, "MAX_AT_ONCE", 2)
    succeed(estate, tills)
    estate.report(*tills)
    for till in tills:
        sample(till, estate.at - timedelta(minutes=30), cpu=90)
    assert estate.tick() == {"failed": 3, "paused": 1}
