"""Incidents. `alerts.incidents.services` writes them."""

import uuid
from functools import reduce
from operator import or_

from django.conf import settings
from django.db import models
from django.db.models import Q

from alerts.kinds import SEVERITY_OF, Kind, Severity, State
from alerts.querysets import IncidentQuerySet, IncidentSiteQuerySet
from sites.limits import MAX_REASON_LENGTH

MAX_TITLE_LENGTH, MAX_DETAIL_LENGTH = 300, 1_000


class Incident(models.Model):
    """One thing that somebody should know.

    `subject` identifies what it is about, beside its kind: a site's id, a network, or nothing. Of each kind and subject at most
    one incident is not resolved.
    """

    sequence = models.BigAutoField(primary_key=True)
    id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=32, choices=Kind.choices)
    severity = models.CharField(max_length=16, choices=Severity.choices)
    state = models.CharField(max_length=16, choices=State.choices, default=State.OPEN)
    subject = models.CharField(max_length=64, blank=True, default="")
    # Null if it covers several sites or none.
    site = models.ForeignKey(
        "sites.Site", null=True, on_delete=models.PROTECT, related_name="incidents", db_index=False
    )
    # How many sites it covers now.
    site_count = models.PositiveIntegerField(default=1)
    title = models.CharField(max_length=MAX_TITLE_LENGTH)
    detail = models.CharField(max_length=MAX_DETAIL_LENGTH, blank=True)
    # Since when the cause holds; `opened_at` is when it was noticed.
    since = models.DateTimeField()
    opened_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    acknowledge_note = models.CharField(max_length=MAX_REASON_LENGTH, blank=True, default="")
    resolved_at = models.DateTimeField(null=True)
    # What it was last told with: the days of a licence that ends, the number of sites or addresses of a common cause.
    stage = models.PositiveIntegerField(null=True)
    # Of a common cause: since when so few sites are left that it seems to be gone.
    fading_since = models.DateTimeField(null=True)

    objects = IncidentQuerySet.as_manager()

    class Meta:
        default_permissions = ("view",)
        permissions = [("acknowledge_incident", "Can acknowledge an incident")]
        indexes = [
            models.Index(fields=["state", "-sequence"], name="incident_by_state"),
            models.Index(fields=["site", "-sequence"], name="incident_of_site", condition=Q(site__isnull=False)),
            models.Index(fields=["resolved_at"], name="incident_by_end", condition=Q(resolved_at__isnull=False)),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject"], condition=~Q(state=State.RESOLVED), name="incident_one_unresolved"
            ),
            models.UniqueConstraint(
                fields=["kind", "site"],
                condition=Q(site__isnull=False) & ~Q(state=State.RESOLVED),
                name="incident_one_unresolved_of_site",
            ),
            models.CheckConstraint(
                condition=Q(state=State.RESOLVED, resolved_at__isnull=False)
                | (~Q(state=State.RESOLVED) & Q(resolved_at__isnull=True)),
                name="incident_resolved_iff_time",
            ),
            models.CheckConstraint(
                condition=Q(acknowledged_at__isnull=True, acknowledged_by__isnull=True)
                | Q(acknowledged_at__isnull=False, acknowledged_by__isnull=False),
                name="incident_acknowledged_by_somebody",
            ),
            models.CheckConstraint(
                condition=(Q(state=State.ACKNOWLEDGED, acknowledged_at__isnull=False))
                | Q(state=State.OPEN, acknowledged_at__isnull=True)
                | Q(state=State.RESOLVED),
                name="incident_acknowledged_iff_time",
            ),
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="incident_kind_known"),
            # Of each severity its kinds.
            models.CheckConstraint(
                condition=reduce(
                    or_,
                    (
                        Q(severity=severity, kind__in=[kind for kind in Kind.values if SEVERITY_OF[kind] == severity])
                        for severity in Severity.values
                    ),
                ),
                name="incident_severity_of_its_kind",
            ),
            models.CheckConstraint(
                condition=Q(acknowledge_note="") | Q(acknowledged_at__isnull=False), name="incident_note_of_somebody"
            ),
            models.CheckConstraint(condition=~Q(title=""), name="incident_has_title"),
        ]

    def __str__(self) -> str:
        return self.title


class IncidentSite(models.Model):
    """A site that a common cause covers, and from when to when."""

    id = models.BigAutoField(primary_key=True)
    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="members", db_index=False)
    site = models.ForeignKey("sites.Site", on_delete=models.PROTECT, related_name="+")
    # Since when the site is silent.
    since = models.DateTimeField()
    joined_at = models.DateTimeField()
    left_at = models.DateTimeField(null=True)

    objects = IncidentSiteQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["incident", "site"], condition=Q(left_at=None), name="incidentsite_once_at_a_time"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.site_id} in {self.incident_id}"
