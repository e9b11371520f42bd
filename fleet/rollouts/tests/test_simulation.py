"""A simulated roll-out through the real services and job; `make simulate-rollouts` runs 1,000 devices at 300 sites."""

import json
from datetime import UTC, datetime

import pytest
from django.core.management import CommandError, call_command

from fleet.devices.models import Device
from fleet.firmware.querysets import FirmwareTargetQuerySet
from fleet.rollouts.engine import offering
from fleet.rollouts.models import RolloutDevice
from fleet.rollouts.simulation.report import Report, report_on
from fleet.rollouts.simulation.world import World
from fleet.rollouts.waves import WaveSpec

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]
# The clocks of Rome go back in the following night.
AUTUMN = datetime(2026, 10, 24, 20, tzinfo=UTC)
QUICK = {"observation_minutes": 0, "patience_hours": 12, "deadline_minutes": 20, "online_minutes": 4}


def simulate(*, killed_percent: float, waves: tuple[WaveSpec, ...], sites: int = 12, devices: int = 36) -> Report:
    world = World(sites=sites, devices=devices, begins_at=AUTUMN, killed_percent=killed_percent, waves=waves, seed=2)
    world.run(days=10)
    return report_on(world, began_at=AUTUMN, is_deadly=killed_percent > 0)


@pytest.mark.slow(seconds=15)
def test_a_version_that_kills_devices_stops_by_itself_within_the_first_waves() -> None:
    waves = (WaveSpec(None, **QUICK), WaveSpec(20, max_failures=1, **QUICK), WaveSpec(100, max_failures=50, **QUICK))
    report = simulate(killed_percent=30, waves=waves)
    assert not report.faults, report.lines()
    assert (report.state, report.kills > 5) == ("paused", True)
    assert set(report.exposed) <= {0, 1}
    assert report.dead >= 1


@pytest.mark.slow(seconds=20)
def test_a_good_version_reaches_the_devices_one_of_a_location_at_a_time() -> None:
    observed = WaveSpec(None, max_failures=1, **{**QUICK, "min_success_percent": 50, "observation_minutes": 60})
    report = simulate(killed_percent=0, waves=(observed, WaveSpec(100, max_failures=50, **QUICK)))
    assert not report.faults, report.lines()
    # Those that were away are skipped in the end.
    updated, skipped = report.devices["succeeded"], report.devices.get("skipped", 0)
    assert (report.state, report.dead, sum(report.exposed.values()), updated + skipped) == ("finished", 0, updated, 36)


def test_the_simulation_finds_what_lies_outside_a_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offering, "is_open", lambda *_, **__: True)
    report = simulate(killed_percent=0, waves=(WaveSpec(100, max_failures=50, **QUICK),), sites=3, devices=3)
    assert any("outside" in fault for fault in report.faults)


def test_the_simulation_finds_an_offer_without_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FirmwareTargetQuerySet, "offered_to", lambda self, ids, at: self.filter(device__in=ids))
    report = simulate(killed_percent=0, waves=(WaveSpec(100, max_failures=50, **QUICK),), sites=3, devices=3)
    assert any("outside" in fault and "is offered" in fault for fault in report.faults)


def test_a_simulation_needs_an_empty_database() -> None:
    first = World(sites=2, devices=2, begins_at=AUTUMN)
    assert first.state == "running"
    with pytest.raises(RuntimeError, match="empty database"):
        World(sites=2, devices=2, begins_at=AUTUMN)


@pytest.mark.slow(seconds=20)
def test_the_command_uses_a_database_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("simulate_rollout", sites=3, devices=4, days=1, killed_percent=100, json=True)
    report = json.loads(capsys.readouterr().out)
    assert (report["state"], report["faults"], report["dead"] >= 1) == ("paused", [], True)
    assert not Device.objects.exists()
    assert not RolloutDevice.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"sites": 0},
        {"sites": 5, "devices": 4},
        {"killed_percent": 101},
        {"days": 0},
        {"begins_at": AUTUMN.replace(tzinfo=None)},
    ],
)
def test_wrong_options_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(CommandError):
        call_command("simulate_rollout", **wrong)
