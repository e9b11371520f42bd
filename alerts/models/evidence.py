"""When this control plane could receive heartbeats. `alerts.evidence` writes and reads it."""

from django.db import models
from django.db.models import F, Q


class ReceivingMark(models.Model):
    """The newest moment at which a web process could receive a heartbeat and write to the database, and that of a restore."""

    WEB, RESTORED = "web", "restored"

    name = models.CharField(max_length=16, primary_key=True)
    at = models.DateTimeField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.name} at {self.at}"


class Outage(models.Model):
    """A period of at least ALERT_OUTAGE_SECONDS in which no heartbeat could be received."""

    id = models.BigAutoField(primary_key=True)
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(db_index=True)
    # The incident that tells it.
    incident = models.ForeignKey("alerts.Incident", null=True, on_delete=models.PROTECT, related_name="outages")

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(condition=Q(ended_at__gt=F("began_at")), name="outage_ends_after_its_beginning"),
            models.UniqueConstraint(fields=["began_at"], name="outage_recorded_once"),
        ]

    def __str__(self) -> str:
        return f"{self.began_at} to {self.ended_at}"
