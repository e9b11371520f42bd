"""Unresolved incidents, and messages that wait. Read from the database for each scrape, in two statements."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Count, Min
from prometheus_client.core import GaugeMetricFamily, Metric

from alerts.kinds import Severity, State
from alerts.models import Delivery, Incident


def alert_gauges(*, at: datetime) -> Iterator[Metric]:
    found = Incident.objects.unresolved().order_by().values_list("severity", "state").annotate(Count("pk"))
    numbers = {(severity, state): number for severity, state, number in found}
    incidents = GaugeMetricFamily(
        "portcullis_incidents", "Incidents that are not resolved.", labels=["severity", "state"]
    )
    for severity in Severity.values:
        for state in (State.OPEN, State.ACKNOWLEDGED):
            incidents.add_metric([severity, state.value], numbers.get((severity, state.value), 0))
    yield incidents
    waiting = Delivery.objects.waiting().aggregate(number=Count("pk"), oldest=Min("created_at"))
    messages = GaugeMetricFamily("portcullis_alert_messages_waiting", "Messages of alerts that are not delivered yet.")
    messages.add_metric([], waiting["number"])
    age = GaugeMetricFamily("portcullis_alert_messages_oldest_seconds", "For how long the oldest of them waits.")
    age.add_metric([], max(0.0, (at - (waiting["oldest"] or at)).total_seconds()))
    yield from (messages, age)
