"""Whether updated devices are worse off than before: CPU, memory and temperature on average."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Avg, F, Q, Value
from django.db.models.functions import NullIf

from fleet.rollouts.models import RolloutWave
from fleet.telemetry.models import HealthSample

# Of the time before the offer.
COMPARED = timedelta(hours=6)
MEASURES = {
    "cpu": ("CPU", F("cpu_usage_percent"), " %"),
    "memory": ("memory", F("memory_used_mb") * 100.0 / NullIf(F("memory_total_mb"), Value(0.0)), " %"),
    "temperature": ("temperature", F("temperature_celsius"), " °C"),
}


def why_health_is_worse(rows: Collection[Any], gate: RolloutWave, *, at: datetime) -> dict[int, str]:
    """By the keys of the rows, of those whose averages have risen by more than the gate allows since the new version.

    Devices that sent no samples before or since are not compared. One statement for all of them.
    """
    if gate.max_health_rise is None or not rows:
        return {}
    by_device = {row.device_id: row for row in rows}
    row_of_device = "device__rollout_devices__"
    before = Q(at__lt=F(f"{row_of_device}offered_at")) & Q(at__gte=F(f"{row_of_device}offered_at") - COMPARED)
    since = Q(at__gte=F(f"{row_of_device}reported_at"))
    samples = HealthSample.objects.filter(
        at__gte=min(row.offered_at for row in rows) - COMPARED,
        at__lte=at,
        device__in=by_device,
        **{f"{row_of_device}pk__in": [row.pk for row in rows]},
    )
    averages: dict[str, Any] = {}
    for name, (_, value, _) in MEASURES.items():
        averages[f"{name}_before"] = Avg(value, filter=before)
        averages[f"{name}_since"] = Avg(value, filter=since)
    worse = {}
    per_device: Any = samples.values("device").annotate(**averages).order_by()
    for found in per_device:
        for name, (words, _, unit) in MEASURES.items():
            earlier, later = found[f"{name}_before"], found[f"{name}_since"]
            if earlier is not None and later is not None and later - earlier > gate.max_health_rise:
                worse[by_device[found["device"]].pk] = f"Its {words} rose from {earlier:.0f} to {later:.0f}{unit}."
                break
    return worse
