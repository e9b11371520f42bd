"""A simulated history through the real services: what is told is what happened, once and in time."""

import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from alerts.models import Incident
from alerts.simulation.generation import generate
from alerts.simulation.history import DAY, HOUR, History, Period, SimulatedSite, read_history
from alerts.simulation.report import report_on
from alerts.simulation.world import Noticed, World
from sites.models import Site

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]


@pytest.mark.slow(seconds=15)
def test_no_false_alarm_and_no_missed_outage_in_ten_thousand_site_days() -> None:
    # Many sites for a short time: the judge runs as often, but each run is worth more.
    world = World(generate(400, 25, seed=7), seed=7)
    world.run()
    report = report_on(world)
    assert report.site_days == 10_000
    assert not report.is_bad, report.summary()
    assert report.silences > 30
    assert max(report.lateness) <= 60


@pytest.mark.slow(seconds=60)
@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
def test_no_false_alarm_in_a_year_with_restores_and_failures_of_many_sites(seed: int) -> None:
    world = World(generate(150, 365, seed=seed), seed=seed)
    world.run()
    report = report_on(world)
    assert not report.is_bad, report.summary()
    assert report.silences > 100


def provider_fails() -> History:
    """Forty sites of one network, of which each calls every six hours, and twenty others."""
    sites = [SimulatedSite(f"203.0.113.{number + 1}", 3_600 + number * 60.0, 1e9) for number in range(40)]
    for site in sites:
        site.failures = [Period(12 * HOUR, 30 * HOUR)]
    others = [SimulatedSite(f"11.0.{number}.1", number * 1_000.0, 1e9) for number in range(20)]
    return History(2 * DAY, sites + others)


def test_a_provider_that_fails_is_one_message_and_its_end_another() -> None:
    world = World(provider_fails())
    world.run()
    report = report_on(world)
    assert not report.is_bad, report.summary()
    assert report.silences == 40
    grouped = [each for each in report.told if each["channel"] == "email" and each["kind"] == "sites_offline_together"]
    assert (grouped[0]["type"], grouped[-1]["type"]) == ("incident.opened", "incident.resolved")
    alone = [each for each in report.told if each["channel"] == "email" and each["kind"] == "site_offline"]
    # Four were told before the fifth made it a common cause, and they are told no end.
    assert [each["type"] for each in alone] == ["incident.opened"] * 4


def test_no_heartbeat_arrives_while_the_control_plane_is_down() -> None:
    outages = [Period(10 * HOUR, 11 * HOUR), Period(20 * HOUR, 30 * HOUR)]
    sites = [SimulatedSite(f"11.0.{number}.1", number * 1_000.0, 1e9) for number in range(20)]
    world = World(History(2 * DAY, sites, outages))
    world.run()
    calls = [call.at for state in world.states for call in state.calls]
    assert not [at for at in calls for outage in outages if outage.began <= at < outage.ended]
    assert [site for site in world.states if any(outages[1].ended <= call.at < 31 * HOUR for call in site.calls)]


def test_the_same_seed_tells_the_same() -> None:
    histories = [generate(30, 20, seed=4).to_json() for _ in range(2)]
    assert histories[0] == histories[1]
    told = []
    for _ in range(2):
        with transaction.atomic():
            world = World(generate(30, 20, seed=4), seed=4)
            world.run()
            told.append([(each.at, each.message.type, each.channel) for each in world.told])
            transaction.set_rollback(True)
    assert told[0] == told[1]
    assert told[0]


def test_the_report_finds_what_is_false_missed_late_and_told_twice() -> None:
    world = World(provider_fails())
    world.run()
    first = world.noticed[0]
    world.noticed.append(Noticed(20 * HOUR, 45, "x", True))
    assert "site 46 was said to be offline" in report_on(world).false_alarms[0]
    world.noticed.pop()
    world.noticed[0] = Noticed(first.at + 300, first.site, first.incident, first.is_alone)
    assert f"site {first.site + 1}," in report_on(world).late[0]
    world.noticed[:] = [each for each in world.noticed if each.site != first.site]
    assert f"site {first.site + 1}," in report_on(world).missed[0]
    world.told.append(world.told[0])
    assert "Twice on " in report_on(world).doubled[0]


def test_a_simulation_refuses_a_database_with_sites() -> None:
    Site.objects.create(
        name="a", owner_name="b", contact_email="c@d.example", search_text="a", license_expires_at="2030-01-01T00:00Z"
    )
    with pytest.raises(RuntimeError, match="empty database"):
        World(provider_fails()).run()


@pytest.mark.slow(seconds=20)
def test_the_command_uses_a_database_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "history.json"
    history = provider_fails()
    file.write_text(history.to_json())
    assert read_history(file) == history
    call_command("simulate_alerts", history=file, json=True)
    report = json.loads(capsys.readouterr().out)
    assert (report["silences"], report["false_alarms"], report["missed"]) == (40, [], [])
    assert not Site.objects.exists()
    assert not Incident.objects.exists()


@pytest.mark.parametrize(
    "content",
    [
        "no JSON",
        "[]",
        '{"seconds": 10, "sites": [{"address": "a", "first_call": 1, "failures": [[5, 4]]}]}',
        '{"seconds": 10, "sites": [], "changes": [[1, 0, "lock"]]}',
        '{"seconds": 10, "sites": [], "restores": [[1, 5]]}',
    ],
)
def test_a_wrong_history_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "history.json"
    file.write_text(content)
    with pytest.raises(CommandError):
        call_command("simulate_alerts", history=file)
