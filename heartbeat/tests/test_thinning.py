"""The history of a site that calls far too often is thinned, and its availability stays as it was."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import heartbeat.thinning
from audit.actors import COMMAND
from conftest import Register, RegisteredSite
from heartbeat.availability import availability, heartbeat_slots, outages
from heartbeat.models import Heartbeat
from heartbeat.tests.histories import DAY, HOUR, MINUTE, NOW, Call, register_at, write_history
from heartbeat.thinning import thin_heartbeats
from sites.models import Site
from sites.services import register_site

SECOND = timedelta(seconds=1)
MIDNIGHT = datetime(2030, 5, 30, tzinfo=UTC)  # of a day that is over since more than a day


def chatty(site: RegisteredSite, *, pause: timedelta, times: int, start: datetime = MIDNIGHT, **facts: Any) -> None:
    for number in range(times):
        at = start + number * pause
        values = {"version": "1", "uptime_seconds": number, "licensed": True, "locked": False, **facts}
        Heartbeat.objects.create(site_id=site.site_id, received_at=at, due_at=at + 6 * HOUR, **values)


def thin(**options: Any) -> int:
    return thin_heartbeats(at=NOW, **options)["thinned_heartbeats"]


def kept() -> list[timedelta]:
    """When the kept heartbeats came, since midnight."""
    return [at - MIDNIGHT for at in Heartbeat.objects.order_by("received_at").values_list("received_at", flat=True)]


@pytest.fixture(autouse=True)
def _a_few_rows_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat.thinning, "ROWS_LEFT_ALONE", 20)


def test_one_row_is_kept_for_each_five_minutes_and_the_last_of_the_day(roma: RegisteredSite) -> None:
    chatty(roma, pause=MINUTE, times=33)
    assert thin() == 33 - 8
    assert kept() == [number * 5 * MINUTE for number in range(7)] + [32 * MINUTE]


def test_a_second_run_finds_nothing(monkeypatch: pytest.MonkeyPatch, roma: RegisteredSite) -> None:
    chatty(roma, pause=20 * SECOND, times=100)
    assert thin() > 0
    monkeypatch.setattr(heartbeat.thinning, "ROWS_LEFT_ALONE", 0)
    assert thin() == 0


@pytest.mark.parametrize(
    "change", [{"version": "2"}, {"ip": "192.0.2.9"}, {"licensed": False}, {"locked": True}, {"uptime_seconds": 0}]
)
def test_a_row_in_which_something_changed_is_kept(roma: RegisteredSite, change: dict[str, Any]) -> None:
    chatty(roma, pause=10 * SECOND, times=31)
    changed_at = MIDNIGHT + 130 * SECOND
    Heartbeat.objects.filter(received_at=changed_at).update(**change)
    thin()
    assert 130 * SECOND in kept()
    assert 120 * SECOND not in kept()


def test_a_site_that_changes_its_version_with_each_call_keeps_ten_changes_in_five_minutes(
    roma: RegisteredSite,
) -> None:
    for number in range(300):
        chatty(roma, pause=SECOND, times=1, start=MIDNIGHT + number * SECOND, version=f"junk {number}")
    thin()
    assert len(kept()) == 1 + 10 + 1


def test_a_row_after_which_a_call_was_missed_is_kept(roma: RegisteredSite) -> None:
    chatty(roma, pause=10 * SECOND, times=30)
    Heartbeat.objects.filter(received_at=MIDNIGHT + 100 * SECOND).update(due_at=MIDNIGHT + 105 * SECOND)
    thin()
    assert 100 * SECOND in kept()


def test_the_last_day_and_sites_with_few_rows_are_left_alone(roma: RegisteredSite, register: Register) -> None:
    chatty(roma, pause=MINUTE, times=300, start=NOW - DAY)
    chatty(register(name="Napoli"), pause=MINUTE, times=20)
    assert thin() == 0


def test_a_site_that_calls_as_told_is_left_alone(settings: Any, roma: RegisteredSite) -> None:
    settings.HEARTBEAT_INTERVAL = MINUTE
    chatty(roma, pause=MINUTE, times=200)
    assert thin() == 0


def test_it_deletes_in_batches(roma: RegisteredSite) -> None:
    chatty(roma, pause=MINUTE, times=33)
    with CaptureQueriesContext(connection) as queries:
        thin(batch_size=10)
    assert sum(query["sql"].startswith("DELETE") for query in queries) == 3


def test_only_the_given_number_of_days_is_looked_at(roma: RegisteredSite) -> None:
    chatty(roma, pause=MINUTE, times=33, start=MIDNIGHT - 9 * DAY)
    assert thin() == 0
    assert thin(days=20) > 0


# --- Availability --------------------------------------------------------------------------------------------------

pauses = st.sampled_from([0, 1, 10, 59, 240, 299, 300, 301, 3_600, 25_000]).map(lambda seconds: seconds * SECOND)
due_after = st.sampled_from([None, 1, 15, 60, 300, 3_600, 21_600]).map(
    lambda seconds: None if seconds is None else seconds * SECOND
)
runs = st.lists(st.tuples(pauses, due_after, st.integers(1, 40)), min_size=1, max_size=12)


@pytest.fixture
def site(db: None) -> Site:
    facts = {"name": "Roma", "owner_name": "Giulia", "contact_email": "giulia@roma.example"}
    return register_at(register_site(**facts, by=COMMAND, at=NOW).site.pk, NOW - 100 * DAY)


def found_about(site: Site) -> Any:
    """All that is computed from the history, from different moments."""
    moments = [NOW - number * 7 * HOUR for number in range(12)]
    return [
        (
            availability(site, at=at),
            outages(site.pk, since=at - 3 * DAY, at=at),
            heartbeat_slots([site], at=at, slots=30, length=HOUR),
        )
        for at in moments
    ]


@pytest.mark.slow
@settings(database=None, deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=runs, grace=st.sampled_from([0, 60, 3_600]))
@example([(0 * SECOND, SECOND, 6), (SECOND, None, 1), (0 * SECOND, SECOND, 1), (10 * SECOND, None, 1)], 0)
def test_availability_outages_and_bars_stay_the_same(site: Site, history: list[Any], grace: int) -> None:
    calls, moment = [], MIDNIGHT - DAY
    for pause, due, times in history:
        for _ in range(times):
            moment += pause
            calls.append(Call(moment, None if due is None else moment + due))
    calls = [call for call in calls if call.at <= NOW]
    write_history(site.pk, calls)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("django.conf.settings.HEARTBEAT_GRACE", grace * SECOND)
        patch.setattr(heartbeat.thinning, "ROWS_LEFT_ALONE", 0)
        before = found_about(site)
        thin()
        assert found_about(site) == before
