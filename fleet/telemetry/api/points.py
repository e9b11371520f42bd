"""The JSON of points: of samples and periods as they came, and of hours and days."""

from collections.abc import Callable, Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from common.api.fields import InstantField
from common.instants import format_instant
from fleet.telemetry.hours import MEASURES
from fleet.telemetry.models import HealthBucket, HealthSample, TelemetryBucket, TelemetryPeriod
from fleet.telemetry.reading import Points, Resolution
from fleet.telemetry.summaries import Spread, metric_sums, spreads_of

Point = dict[str, Any]


def as_health(points: Points) -> dict[str, Any]:
    return answer(points, health_point if points.resolution is Resolution.RAW else health_bucket)


def as_telemetry(points: Points) -> dict[str, Any]:
    return answer(points, telemetry_point if points.resolution is Resolution.RAW else telemetry_bucket)


def answer(points: Points, point: Callable[[Any], Point]) -> dict[str, Any]:
    return {"resolution": points.resolution.value, "points": [point(row) for row in points.rows]}


def health_point(sample: HealthSample) -> Point:
    return {"at": format_instant(sample.at)} | {measure: getattr(sample, measure) for measure in MEASURES}


def health_bucket(bucket: HealthBucket) -> Point:
    spreads = spreads_of(bucket)
    return {"at": format_instant(bucket.at), "samples": bucket.samples} | {
        measure: as_spread(spreads[measure]) if measure in spreads else None for measure in MEASURES
    }


def as_spread(spread: Spread) -> dict[str, float]:
    return {"min": spread.low, "mean": spread.mean, "max": spread.high}


def telemetry_point(period: TelemetryPeriod) -> Point:
    times = {"at": format_instant(period.period_start), "period_end": format_instant(period.period_end)}
    metrics: Mapping[str, float] = period.metrics
    return times | dict(sorted(metrics.items()))


def telemetry_bucket(bucket: TelemetryBucket) -> Point:
    sums = metric_sums(bucket.totals, bucket.averages)
    return {"at": format_instant(bucket.at)} | {name: sums[name].value for name in sorted(sums)}


# --- The API's description -------------------------------------------------------------------------------------------


# The component that fleet.api.analytics brings into the description.
SPREAD = {"$ref": "#/components/schemas/Spread"}


@extend_schema_field({"oneOf": [{"type": "number"}, SPREAD]})
class MeasureField(serializers.Field[Any, Any, Any, Any]):
    """A number if the resolution is raw."""


@extend_schema_field({"oneOf": [{"type": "number"}, SPREAD, {"type": "null"}]})
class OptionalMeasureField(serializers.Field[Any, Any, Any, Any]):
    """Null if there was none."""


class HealthPointSerializer(serializers.Serializer[Any]):
    at = InstantField(help_text="The moment, or the beginning of the hour or day.")
    samples = serializers.IntegerField(required=False, help_text="Their number, in an hour or a day.")
    cpu_usage_percent = MeasureField()
    memory_used_mb = MeasureField()
    memory_total_mb = MeasureField()
    temperature_celsius = OptionalMeasureField()
    disk_used_percent = OptionalMeasureField()


@extend_schema_field(
    {
        "type": "object",
        "required": ["at"],
        "properties": {
            "at": {"type": "string", "format": "date-time"},
            "period_end": {"type": "string", "format": "date-time", "description": "If the resolution is raw."},
        },
        "additionalProperties": {"type": "number"},
    }
)
class TelemetryPointField(serializers.Field[Any, Any, Any, Any]):
    """The other fields are metrics."""


class HealthPointsSerializer(serializers.Serializer[Any]):
    resolution = serializers.ChoiceField(choices=[each.value for each in Resolution])
    points = HealthPointSerializer(many=True)


class TelemetryPointsSerializer(serializers.Serializer[Any]):
    resolution = serializers.ChoiceField(choices=[each.value for each in Resolution])
    points = serializers.ListField(child=TelemetryPointField())
