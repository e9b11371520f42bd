"""What the API's description says of a period beside its two times. drf-spectacular finds this class by itself."""

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import Direction

from fleet.telemetry.limits import MAX_METRIC, MAX_METRICS, METRIC_NAME, RESERVED_NAMES


class PeriodMetrics(OpenApiSerializerExtension):
    target_class = "fleet.telemetry.api.serializers.PeriodSerializer"

    def map_serializer(self, auto_schema: AutoSchema, direction: Direction) -> Any:
        times = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        names = "|".join(sorted(RESERVED_NAMES - times["properties"].keys()))
        return {
            **times,
            "propertyNames": {"pattern": f"^{METRIC_NAME}$", "not": {"pattern": f"^({names})$"}},
            "additionalProperties": {"type": ["number", "null"], "minimum": -MAX_METRIC, "maximum": MAX_METRIC},
            "maxProperties": MAX_METRICS + len(times["properties"]),
        }
