"""The changes of an incident's state, one at a time and several at once; and what only the database can refuse."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from alerts.errors import AlreadyResolved
from alerts.incidents import offline
from alerts.incidents.judge import check_alerts
from alerts.incidents.services import NewIncident, acknowledge_incident, open_incidents, resolve_incidents
from alerts.kinds import SEVERITY_OF, Kind, State
from alerts.models import Delivery, Incident, IncidentSite, Outage, ReceivingMark
from alerts.tests.estate import START, Estate
from audit.actors import Actor
from audit.models import Event
from sites.models import Site


def row(**facts: Any) -> Incident:
    values = {
        "kind": Kind.SIGN_IN_ATTACK,
        "severity": "critical",
        "title": "Attack",
        "since": START,
        "opened_at": START,
    }
    return Incident(**{**values, "updated_at": START, **facts})


# --- The database ---


@pytest.mark.parametrize(
    ("facts", "constraint"),
    [
        ({"state": State.RESOLVED}, "incident_resolved_iff_time"),
        ({"resolved_at": START}, "incident_resolved_iff_time"),
        ({"acknowledged_at": START}, "incident_acknowledged_by_somebody"),
        ({"state": State.ACKNOWLEDGED}, "incident_acknowledged_iff_time"),
        ({"kind": "rain"}, "incident_kind_known"),
        ({"severity": "high"}, "incident_severity_of_its_kind"),
        ({"severity": "info"}, "incident_severity_of_its_kind"),
        ({"acknowledge_note": "Mine."}, "incident_note_of_somebody"),
        ({"title": ""}, "incident_has_title"),
    ],
)
def test_the_database_refuses_what_the_services_never_write(
    estate: Estate, facts: dict[str, Any], constraint: str
) -> None:
    row().save()
    Incident.objects.all().delete()
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        row(**facts).save()


def test_of_a_kind_and_a_subject_one_is_unresolved(estate: Estate) -> None:
    row().save()
    row(subject="198.51.100.0/24").save()
    row(state=State.RESOLVED, resolved_at=START).save()
    with pytest.raises(IntegrityError), transaction.atomic():
        row().save()


def test_of_a_kind_and_a_site_one_is_unresolved_whatever_the_subject(estate: Estate) -> None:
    [site] = estate.add()
    row(site=site, subject="a").save()
    row(site=site, kind=Kind.SITE_OFFLINE, subject="a").save()
    with pytest.raises(IntegrityError), transaction.atomic():
        row(site=site, subject="b").save()


def test_a_site_is_in_a_common_cause_once_at_a_time(estate: Estate) -> None:
    [site] = estate.add()
    incident = row()
    incident.save()
    times = {"since": START, "joined_at": START}
    IncidentSite.objects.create(incident=incident, site=site, **times, left_at=START)
    IncidentSite.objects.create(incident=incident, site=site, **times)
    with pytest.raises(IntegrityError), transaction.atomic():
        IncidentSite.objects.create(incident=incident, site=site, **times)


def test_an_outage_ends_after_it_began_and_is_recorded_once(estate: Estate) -> None:
    Outage.objects.create(began_at=START, ended_at=START + timedelta(seconds=1))
    with pytest.raises(IntegrityError), transaction.atomic():
        Outage.objects.create(began_at=START, ended_at=START + timedelta(seconds=2))
    with pytest.raises(IntegrityError), transaction.atomic():
        Outage.objects.create(began_at=START, ended_at=START)


def test_every_kind_has_a_severity() -> None:
    assert {kind: SEVERITY_OF[kind] for kind in Kind} == {
        "site_offline": "critical",
        "sites_offline_together": "critical",
        "lock_not_taken_up": "warning",
        "calls_without_license": "warning",
        "license_ending": "warning",
        "license_ended": "warning",
        "clone_suspected": "warning",
        "sign_in_attack": "critical",
        "control_plane_was_down": "info",
    }


# --- One at a time ---


def opened(estate: Estate) -> Incident:
    [incident] = open_incidents([NewIncident(Kind.SIGN_IN_ATTACK, "Attack", "", since=estate.now)], at=estate.now)
    return incident


def test_what_is_open_is_not_opened_again_and_not_told_again(estate: Estate) -> None:
    channel = estate.channel()
    opened(estate)
    assert open_incidents([NewIncident(Kind.SIGN_IN_ATTACK, "Other", "", since=estate.now)], at=estate.now) == []
    assert len(estate.told(channel)) == 1


def test_a_second_acknowledgement_changes_nothing(estate: Estate, by_anna: Actor) -> None:
    channel = estate.channel()
    incident = opened(estate)
    for note in ("on it", "me too"):
        acknowledged = acknowledge_incident(incident.id, by=by_anna, at=estate.now, note=note)
        assert (acknowledged.state, acknowledged.acknowledge_note) == (State.ACKNOWLEDGED, "on it")
    assert [type_ for type_, _ in estate.told(channel)] == ["opened", "acknowledged"]
    assert Event.objects.filter(action="incident.acknowledged").count() == 1


def test_what_is_resolved_cannot_be_acknowledged_nor_resolved_again(estate: Estate, by_anna: Actor) -> None:
    channel = estate.channel()
    incident = opened(estate)
    assert len(resolve_incidents([incident.pk], at=estate.now)) == 1
    assert resolve_incidents([incident.pk], at=estate.now) == []
    with pytest.raises(AlreadyResolved):
        acknowledge_incident(incident.id, by=by_anna, at=estate.now)
    assert [type_ for type_, _ in estate.told(channel)] == ["opened", "resolved"]


def test_an_acknowledged_incident_is_resolved_by_itself_and_keeps_who_it_was(estate: Estate, by_anna: Actor) -> None:
    [site] = estate.add()
    estate.check(hours=8)
    [incident] = estate.unresolved()
    acknowledge_incident(incident.id, by=by_anna, at=estate.now)
    estate.call(site)
    estate.check(seconds=30)
    incident.refresh_from_db()
    assert (incident.state, incident.acknowledged_by_id) == (State.RESOLVED, by_anna.admin.pk if by_anna.admin else 0)


# --- Without counting the sites ---


def statements(work: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as captured:
        work()
    return len(captured)


@pytest.mark.parametrize("what", ["nothing happens", "a tenth is silent", "all are silent", "all are back"])
def test_the_number_of_statements_does_not_depend_on_the_number_of_sites(estate: Estate, what: str) -> None:
    estate.channel()
    counts = []
    for size in (10, 500):
        Site.objects.update(deregistered_at=estate.now)
        estate.check(seconds=30)
        sites = estate.add(size)
        if what == "nothing happens":
            estate.check()
        else:
            silent = sites if what != "a tenth is silent" else sites[: size // 10]
            heard = [site for site in sites if site not in silent]
            estate.now += timedelta(hours=8)
            estate.call(*heard)
        if what == "all are back":
            estate.check()
            estate.call(*sites)
        counts.append(statements(lambda: estate.check(seconds=1)))
        assert counts[-1] < 100
    # SQLite takes fewer parameters in a statement. A tenth is one site alone, or fifty together.
    more = 10 if connection.vendor == "sqlite" or what == "a tenth is silent" else 0
    assert counts[1] <= counts[0] + more


def test_the_incidents_of_a_kind_are_asked_for_only_if_there_are_unresolved_ones(estate: Estate) -> None:
    estate.add(3)
    with CaptureQueriesContext(connection) as captured:
        estate.check(seconds=30)
    of_incidents = [query["sql"] for query in captured if '"alerts_incident"' in query["sql"]]
    # Which kinds there are, and the silent sites that no incident covers.
    assert len(of_incidents) == 2


# --- Several at once ---


@contextmanager
def meeting_at(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, parties: int) -> Iterator[None]:
    """Let threads wait for each other before they call that function."""
    barrier = threading.Barrier(parties, timeout=5)
    function = getattr(module, name)

    def met(*given: Any, **named: Any) -> Any:
        try:
            barrier.wait()
        except threading.BrokenBarrierError:
            barrier.reset()
        return function(*given, **named)

    with monkeypatch.context() as patched:
        patched.setattr(module, name, met)
        yield


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """What each returned or raised."""
    results: list[Any] = [None] * len(works)

    def run(number: int) -> None:
        try:
            results[number] = works[number]()
        except Exception as error:  # the test looks at it
            results[number] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[number]) for number in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_an_acknowledgement_and_the_end_are_told_in_the_order_in_which_they_happened(
        self, estate: Estate, by_anna: Actor
    ) -> None:
        channel = estate.channel()
        for _ in range(20):
            incident = opened(estate)
            acknowledged, _ = at_once(
                lambda incident=incident: acknowledge_incident(incident.id, by=by_anna, at=estate.now),  # type: ignore[misc]
                lambda incident=incident: resolve_incidents([incident.pk], at=estate.now),  # type: ignore[misc]
            )
            incident.refresh_from_db()
            assert incident.state == State.RESOLVED
            types = [message.type for message in Delivery.objects.filter(incident=incident).order_by("sequence")]
            middle = [] if isinstance(acknowledged, AlreadyResolved) else ["incident.acknowledged"]
            assert types == ["incident.opened", *middle, "incident.resolved"]
        assert channel

    def test_two_judges_at_once_open_and_tell_everything_once(
        self, estate: Estate, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        channel = estate.channel()
        estate.add(3, name="alone")
        together = estate.add(8, network="203.0.113")
        estate.call(*estate.add(60))
        for site in together:
            estate.set_heartbeat(site, at=estate.now, due_at=estate.now + timedelta(hours=6))
            site.pulse.save()
        estate.now += timedelta(hours=7, minutes=1)
        estate.call(*Site.objects.filter(name__startswith="Trattoria", pulse__last_seen_ip__startswith="11."))
        estate.be_down(timedelta(minutes=3))
        estate.now += timedelta(hours=2)
        ReceivingMark.objects.update(at=estate.now)
        with meeting_at(monkeypatch, offline, "newly_silent", 2):
            results = at_once(*[lambda: check_alerts(at=estate.now)] * 2)
        assert not [result for result in results if isinstance(result, Exception)], results
        assert set(estate.covered().values()) == {1}
        assert len(estate.covered()) >= 11
        told = list(Delivery.objects.filter(channel=channel).values_list("incident", "type"))
        assert len(told) == len(set(told))
        check_alerts(at=estate.now)
        assert set(estate.covered().values()) == {1}

    def test_a_heartbeat_while_the_judge_works_leaves_no_false_incident(
        self, estate: Estate, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        [site] = estate.add()
        estate.now += timedelta(hours=8)
        ReceivingMark.objects.update(at=estate.now)
        function = offline.open_incidents

        def heard_between(*given: Any, **named: Any) -> list[Incident]:
            at_once(lambda: estate.call(site))
            return function(*given, **named)

        monkeypatch.setattr(offline, "open_incidents", heard_between)
        check_alerts(at=estate.now)
        monkeypatch.undo()
        check_alerts(at=estate.now + timedelta(seconds=30))
        assert not Incident.objects.unresolved().exists()
