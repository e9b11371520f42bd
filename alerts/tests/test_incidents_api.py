"""`/api/incidents`: who reads and acknowledges what, filters and pages."""

import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Admin
from alerts.incidents.services import resolve_incidents
from alerts.kinds import Kind
from alerts.models import Incident, IncidentSite
from alerts.tests.conftest import OpenIncident
from audit.models import Event
from conftest import Register, RegisteredSite, SignIn
from sites.tests.conftest import assert_problem

FIELDS = {
    *("id", "kind", "severity", "state", "site_id", "sites", "title", "detail", "opened_at", "updated_at"),
    *("acknowledged_at", "acknowledged_by", "resolved_at"),
}


def test_an_incident_has_exactly_the_promised_fields(
    api: APIClient, open_incident: OpenIncident, roma: RegisteredSite
) -> None:
    incident = open_incident(Kind.SITE_OFFLINE, site=roma)
    body = api.get(f"/api/incidents/{incident.id}").json()
    assert set(body) == FIELDS
    assert body["site_id"] == roma.site_id
    assert (body["kind"], body["severity"], body["state"], body["sites"]) == ("site_offline", "critical", "open", 1)
    assert body["acknowledged_by"] is body["acknowledged_at"] is body["resolved_at"] is None
    assert body["opened_at"].endswith("Z")
    (listed,) = api.get("/api/incidents").json()["results"]
    assert listed == body


@pytest.mark.parametrize("path", ["/api/incidents", "/api/v1/incidents/"])
def test_the_newest_incident_comes_first(api: APIClient, open_incident: OpenIncident, path: str) -> None:
    ids = [str(open_incident(Kind.SITES_OFFLINE_TOGETHER, subject=f"192.0.{number}.0/24").id) for number in range(5)]
    first = api.get(f"{path}?page_size=3").json()
    second = api.get(first["next"]).json()
    assert [one["id"] for one in first["results"] + second["results"]] == ids[::-1]
    assert second["next"] is None


def test_the_filters_choose_by_state_kind_severity_and_site(
    api: APIClient, open_incident: OpenIncident, register: Register
) -> None:
    roma, napoli = register(), register(name="Napoli")
    offline = open_incident(Kind.SITE_OFFLINE, site=roma)
    ended = open_incident(Kind.LICENSE_ENDED, site=roma)
    other = open_incident(Kind.LICENSE_ENDED, site=napoli)
    group = open_incident(Kind.SITES_OFFLINE_TOGETHER, subject="192.0.2.0/24", site_count=5)
    now = timezone.now()
    IncidentSite.objects.create(incident=group, site_id=uuid.UUID(roma.site_id), since=now, joined_at=now)
    resolve_incidents([other.pk], at=now)

    def found(query: str) -> set[str]:
        return {one["id"] for one in api.get(f"/api/incidents?{query}").json()["results"]}

    assert found("state=resolved") == {str(other.id)}
    assert found("kind=license_ended") == {str(ended.id), str(other.id)}
    assert found("severity=critical") == {str(offline.id), str(group.id)}
    assert found(f"site_id={roma.site_id}") == {str(offline.id), str(ended.id), str(group.id)}
    assert found(f"site_id={roma.site_id}&state=open&severity=warning") == {str(ended.id)}
    assert found(f"site_id={uuid.uuid4()}") == set()


@pytest.mark.parametrize("query", ["state=closed", "kind=fire", "severity=high", "site_id=1", "cursor=x", "colour=red"])
def test_a_wrong_filter_is_refused(api: APIClient, query: str) -> None:
    assert_problem(api.get(f"/api/incidents?{query}"), 400, "invalid", f"/{query.partition('=')[0]}")


def test_a_list_takes_the_same_number_of_queries_however_long_it_is(
    api: APIClient, open_incident: OpenIncident, signed_in: SignIn, ben: Admin
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert api.get("/api/incidents").status_code == 200
        return len(captured)

    open_incident(Kind.SITES_OFFLINE_TOGETHER, subject="0")
    before = queries()
    for number in range(1, 20):
        incident = open_incident(Kind.SITES_OFFLINE_TOGETHER, subject=str(number))
        assert signed_in(ben).post(f"/api/incidents/{incident.id}/acknowledge").status_code == 200
    assert queries() == before


def test_acknowledging_says_who_takes_care(api: APIClient, open_incident: OpenIncident) -> None:
    incident = open_incident()
    answer = api.post(f"/api/incidents/{incident.id}/acknowledge", {"note": "I call them."})
    assert answer.status_code == 200
    body = answer.json()
    assert (body["state"], body["acknowledged_by"]) == ("acknowledged", "anna")
    assert body["acknowledged_at"] == body["updated_at"]
    event = Event.objects.get(action="incident.acknowledged")
    assert (event.subject_id, event.reason, event.actor_name) == (str(incident.id), None, "anna")


def test_acknowledging_twice_changes_nothing(
    api: APIClient, open_incident: OpenIncident, signed_in: SignIn, ben: Admin
) -> None:
    path = f"/api/incidents/{open_incident().id}/acknowledge"
    first = api.post(path, {"note": "mine"})
    second = signed_in(ben).post(path, {"note": "no, mine"})
    assert second.status_code == 200
    assert second.json() == first.json()
    assert Event.objects.filter(action="incident.acknowledged").count() == 1


def test_a_resolved_incident_cannot_be_acknowledged(api: APIClient, open_incident: OpenIncident) -> None:
    incident = open_incident()
    resolve_incidents([incident.pk], at=timezone.now())
    assert_problem(api.post(f"/api/incidents/{incident.id}/acknowledge"), 409, "already_resolved")


@pytest.mark.parametrize("note", [5, "x" * 501, "a\x07b", ["x"]])
def test_a_wrong_note_is_refused(api: APIClient, open_incident: OpenIncident, note: object) -> None:
    incident = open_incident()
    assert_problem(api.post(f"/api/incidents/{incident.id}/acknowledge", {"note": note}), 400, "invalid", "/note")
    assert Incident.objects.get().state == "open"


@pytest.mark.parametrize("incident_id", ["x", "4460c8c1-a1f1-401b-adb0-89eeeb95d59b"])
def test_an_unknown_incident_is_not_found(api: APIClient, incident_id: str) -> None:
    assert_problem(api.get(f"/api/incidents/{incident_id}"), 404, "incident_not_found")
    assert_problem(api.post(f"/api/incidents/{incident_id}/acknowledge"), 404, "incident_not_found")


def test_viewers_read_and_do_not_acknowledge(open_incident: OpenIncident, signed_in: SignIn, vera: Admin) -> None:
    incident = open_incident()
    client = signed_in(vera)
    assert client.get("/api/incidents").status_code == client.get(f"/api/incidents/{incident.id}").status_code == 200
    assert_problem(client.post(f"/api/incidents/{incident.id}/acknowledge"), 403, "permission_denied")


def test_without_a_token_there_is_nothing(open_incident: OpenIncident) -> None:
    incident = open_incident(at=timezone.now() - timedelta(hours=1))
    for answer in (
        APIClient().get("/api/incidents"),
        APIClient().get(f"/api/incidents/{incident.id}"),
        APIClient().post(f"/api/incidents/{incident.id}/acknowledge"),
    ):
        assert_problem(answer, 401, "not_authenticated")
