"""The part of an erasure for health samples and telemetry."""

import uuid
from collections.abc import Iterable
from typing import Any

from fleet.telemetry.models import (
    HealthDay,
    HealthHour,
    HealthSample,
    MarkedHour,
    TelemetryDay,
    TelemetryHour,
    TelemetryPeriod,
)

BATCH_SIZE = 5000  # so that no statement takes as long as the database allows
RAW = ((HealthSample, "at"), (TelemetryPeriod, "period_start"))
COMPUTED = (HealthHour, HealthDay, TelemetryHour, TelemetryDay)


def telemetry_of(device_ids: Iterable[uuid.UUID]) -> int:
    """How many samples and periods."""
    return sum(model.objects.filter(device__in=device_ids).count() for model, _ in RAW)


def delete_telemetry(device_ids: Iterable[uuid.UUID]) -> int:
    """Delete what these devices measured and what was computed from it; how many samples and periods."""
    total = 0
    for device_id in device_ids:
        total += sum(delete_rows(model, column, device_id) for model, column in RAW)
        for computed in COMPUTED:
            delete_rows(computed, "at", device_id)
        MarkedHour.objects.filter(device=device_id).delete()
    return total


def delete_rows(model: Any, column: str, device_id: uuid.UUID) -> int:
    total = 0
    rows = model.objects.filter(device=device_id)
    while moments := list(rows.order_by(column).values_list(column, flat=True)[:BATCH_SIZE]):
        total += rows.filter(**{f"{column}__lte": moments[-1]}).delete()[0]
    return total
