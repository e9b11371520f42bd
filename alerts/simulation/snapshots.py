"""A backup of what a simulation changes, in memory. The audit is left out: it only grows, and nothing here reads it."""

from typing import Any

from django.db import models, transaction

from alerts.models import AlertChannel, Delivery, DeliveryAttempt, Incident, IncidentSite, Outage, ReceivingMark
from sites.models import SitePulse

# In an order in which they can be inserted.
WHOLE: tuple[type[models.Model], ...] = (
    ReceivingMark,
    Incident,
    IncidentSite,
    Outage,
    AlertChannel,
    Delivery,
    DeliveryAttempt,
)
BATCH_SIZE = 500


class Snapshot:
    def __init__(self) -> None:
        self.rows: dict[type[models.Model], list[Any]] = {model: list(model._default_manager.all()) for model in WHOLE}
        self.pulses = list(SitePulse.objects.all())

    @transaction.atomic
    def restore(self) -> None:
        for model in reversed(WHOLE):
            model._default_manager.all().delete()
        for model, rows in self.rows.items():
            model._default_manager.bulk_create(rows, batch_size=BATCH_SIZE)
        fields = [field.name for field in SitePulse._meta.fields if not field.primary_key]
        SitePulse.objects.bulk_update(self.pulses, fields, batch_size=100)
