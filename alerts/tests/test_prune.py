"""What is deleted when it is old, and what is not."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from alerts import prune
from alerts.channels.services import create_channel
from alerts.incidents.services import resolve_incidents
from alerts.kinds import Kind
from alerts.models import Delivery, DeliveryAttempt, Incident, IncidentSite, LicenseNotice, Outage
from alerts.prune import prune_alerts
from alerts.tests.conftest import OpenIncident
from audit.actors import Actor
from conftest import RegisteredSite
from sites.models import Site

NOW = timezone.now()


@pytest.fixture(autouse=True)
def _channel(by_anna: Actor) -> None:
    create_channel("email", {"name": "On call", "address": "oncall@vendor.example"}, by=by_anna, at=ago(900))


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def resolved(open_incident: OpenIncident, days: float, **facts: Any) -> Incident:
    """An incident that was resolved so many days ago."""
    incident = open_incident(at=ago(days + 1), **facts)
    resolve_incidents([incident.pk], at=ago(days))
    return incident


def end(messages: Any) -> None:
    for message in messages:
        DeliveryAttempt.objects.create(delivery=message, at=message.created_at, duration_ms=1, answer="ok")
    messages.update(state="delivered", ended_at=NOW)


def test_messages_go_after_ninety_days_and_those_that_wait_stay(open_incident: OpenIncident) -> None:
    resolved(open_incident, 91)
    end(Delivery.objects.filter(type="incident.opened"))
    young = resolved(open_incident, 88)
    end(Delivery.objects.filter(incident=young))
    assert prune_alerts(at=NOW)["messages"] == 1
    assert Delivery.objects.filter(incident=young).count() == 2
    assert list(Delivery.objects.exclude(incident=young).values_list("state", flat=True)) == ["waiting"]
    assert DeliveryAttempt.objects.count() == 2


def test_a_channel_is_told_of_the_end_of_an_incident_that_lasted_longer_than_messages_are_kept(
    open_incident: OpenIncident,
) -> None:
    incident = open_incident(at=ago(200))
    end(Delivery.objects.all())
    assert prune_alerts(at=NOW)["messages"] == 0
    resolve_incidents([incident.pk], at=NOW)
    assert Delivery.objects.waiting().get().type == "incident.resolved"


def test_incidents_go_as_long_after_their_end_as_heartbeats(open_incident: OpenIncident, roma: RegisteredSite) -> None:
    old = resolved(open_incident, 401)
    IncidentSite.objects.create(incident=old, site_id=roma.site_id, since=ago(402), joined_at=ago(402))
    kept = {resolved(open_incident, 399).pk, open_incident(at=ago(800), subject="still open").pk}
    assert Delivery.objects.waiting().filter(incident=old).exists(), "also a message that waits for its channel"
    assert prune_alerts(at=NOW)["incidents"] == 1
    assert {incident.pk for incident in Incident.objects.all()} == kept
    assert not IncidentSite.objects.exists()
    assert not Delivery.objects.filter(incident=old.pk).exists()


def test_how_long_follows_the_setting(open_incident: OpenIncident, settings: Any) -> None:
    resolved(open_incident, 40)
    assert prune_alerts(at=NOW)["incidents"] == 0
    settings.HEARTBEAT_HISTORY = timedelta(days=30)
    assert prune_alerts(at=NOW)["incidents"] == 1


def test_outages_go_with_the_incidents_that_tell_them(open_incident: OpenIncident) -> None:
    for days in (401, 399):
        incident = resolved(open_incident, days - 0.1, kind=Kind.CONTROL_PLANE_WAS_DOWN)
        Outage.objects.create(began_at=ago(days + 1), ended_at=ago(days), incident=incident)
    deleted = prune_alerts(at=NOW)
    assert (deleted["outages"], deleted["incidents"]) == (1, 1)
    assert Outage.objects.get().incident is not None


def test_an_incident_stays_with_a_younger_outage(open_incident: OpenIncident) -> None:
    """As if the clock had been set back between the two."""
    incident = resolved(open_incident, 401, kind=Kind.CONTROL_PLANE_WAS_DOWN)
    Outage.objects.create(began_at=ago(400), ended_at=ago(399), incident=incident)
    assert prune_alerts(at=NOW)["incidents"] == 0
    assert Outage.objects.get().incident == incident


def test_notices_go_too(roma: RegisteredSite) -> None:
    site = Site.objects.get()
    for days, state in ((401, "sent"), (399, "sent"), (450, "waiting")):
        LicenseNotice.objects.create(
            site=site,
            license_expires_at=ago(days - 1),
            stage=1,
            day=ago(days).date(),
            state=state,
            created_at=ago(days),
            next_attempt_at=ago(days),
            ended_at=ago(days) if state == "sent" else None,
        )
    assert prune_alerts(at=NOW)["license_notices"] == 1
    assert LicenseNotice.objects.count() == 2


def test_it_deletes_in_batches(open_incident: OpenIncident, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prune, "BATCH_SIZE", 2)
    for number in range(5):
        resolved(open_incident, 401 + number)
    with CaptureQueriesContext(connection) as queries:
        assert prune_alerts(at=NOW)["incidents"] == 5
    deletions = [query for query in queries if query["sql"].startswith('DELETE FROM "alerts_incident" ')]
    assert len(deletions) == 3
