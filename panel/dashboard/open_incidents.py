"""The dashboard's open incidents: how many of each severity, and the worst."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlencode

from django.db.models import Case, Count, Value, When
from django.urls import reverse
from django.utils.safestring import SafeString

from alerts.kinds import RANK, Severity, State
from alerts.models import Incident
from panel.alerts.badges import SEVERITY_BADGES, severity_badge
from panel.widgets.badges import badge

MAX_SHOWN = 5


@dataclass(frozen=True)
class SeverityCount:
    severity: Severity
    number: int

    @property
    def badge(self) -> SafeString:
        """As in "2 critical" or "2 warnings"."""
        ending = "s" if self.severity == Severity.WARNING and self.number != 1 else ""
        return badge(SEVERITY_BADGES[self.severity], f"{self.number:,} {self.severity.label}{ending}")

    @property
    def url(self) -> str:
        query = urlencode({"view": State.OPEN, "severity": self.severity})
        return f"{reverse('admin:alerts_incident_changelist')}?{query}"


class IncidentRow(NamedTuple):
    incident: Incident

    @property
    def badge(self) -> SafeString:
        return severity_badge(self.incident)


@dataclass(frozen=True)
class OpenIncidents:
    counts: Sequence[SeverityCount]
    worst: Sequence[IncidentRow]
    acknowledged: int

    @property
    def more(self) -> int:
        return sum(count.number for count in self.counts) - len(self.worst)


def open_incidents() -> OpenIncidents:
    """One statement for the counts, and another if something is open."""
    rows = Incident.objects.unresolved().order_by().values("state", "severity").annotate(number=Count("pk"))
    numbers = {(row["state"], row["severity"]): row["number"] for row in rows}
    counts = [
        SeverityCount(severity, numbers[State.OPEN, severity])
        for severity in reversed(Severity)
        if (State.OPEN, severity) in numbers
    ]
    acknowledged = sum(number for (state, _), number in numbers.items() if state == State.ACKNOWLEDGED)
    return OpenIncidents(counts, worst_open() if counts else [], acknowledged)


def worst_open() -> list[IncidentRow]:
    """The most severe first, and of these the newest."""
    rank = Case(*(When(severity=severity, then=Value(rank)) for severity, rank in RANK.items()))
    worst = Incident.objects.filter(state=State.OPEN).order_by(rank.desc(), "-sequence")[:MAX_SHOWN]
    return [IncidentRow(incident) for incident in worst]
