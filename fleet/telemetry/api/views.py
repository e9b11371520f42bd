"""`GET /api/devices/{id}/health` and `/telemetry`."""

from datetime import datetime
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from common.api.fields import InstantField
from common.api.query import QuerySerializer
from common.api.views import APIView
from fleet.devices.errors import DeviceNotFound
from fleet.devices.models import Device
from fleet.devices.validation import read_device_id
from fleet.telemetry.api.points import HealthPointsSerializer, TelemetryPointsSerializer, as_health, as_telemetry
from fleet.telemetry.reading import DEFAULT_SPAN, Points, Resolution, health_points, telemetry_points


class RangeQuery(QuerySerializer):
    resolution = serializers.ChoiceField(
        choices=[each.value for each in Resolution], required=False, help_text="Chosen by the span, if it is left out."
    )

    def get_fields(self) -> dict[str, Any]:
        """`from` is no name that a class can have."""
        return {
            "from": InstantField(required=False, help_text="Inclusive; a day before `to`, if it is left out."),
            "to": InstantField(required=False, help_text="Exclusive; now, if it is left out."),
            **super().get_fields(),
        }


class PointsView(APIView):
    required_permissions = {"get": "devices.view_device"}
    query_serializer = RangeQuery
    problem_statuses = (400, 401, 403, 404)

    def read(self, request: Request, device_id: str, points: Any) -> Points:
        """Raises DeviceNotFound, RangeInvalid and TooManyPoints."""
        query = RangeQuery.read(request.query_params)
        wanted = read_device_id(device_id)
        if not Device.objects.live().filter(pk=wanted).exists():
            raise DeviceNotFound
        until = query.get("to") or timezone.now()
        since = query.get("from") or default_start(until)
        resolution = Resolution(query["resolution"]) if "resolution" in query else None
        found: Points = points(wanted, since=since, until=until, resolution=resolution)
        return found


def default_start(until: datetime) -> datetime:
    try:
        return until - DEFAULT_SPAN
    except OverflowError:  # on the first day that there is
        return until.min.replace(tzinfo=until.tzinfo)


class DeviceHealthView(PointsView):
    @extend_schema(
        operation_id="get_device_health",
        summary="Show the health of a device",
        tags=["health and telemetry"],
        parameters=[RangeQuery],
        responses=HealthPointsSerializer,
        examples=[
            OpenApiExample(
                "by the hour",
                {
                    "resolution": "hour",
                    "points": [
                        {
                            "at": "2026-06-01T12:00:00Z",
                            "samples": 12,
                            "cpu_usage_percent": {"min": 3.1, "mean": 12.5, "max": 71.0},
                            "memory_used_mb": {"min": 500.0, "mean": 512.0, "max": 530.5},
                            "memory_total_mb": {"min": 2048.0, "mean": 2048.0, "max": 2048.0},
                            "temperature_celsius": {"min": 44.0, "mean": 48.2, "max": 51.5},
                            "disk_used_percent": None,
                        }
                    ],
                },
                response_only=True,
            ),
            OpenApiExample(
                "raw",
                {
                    "resolution": "raw",
                    "points": [
                        {
                            "at": "2026-06-01T12:00:00Z",
                            "cpu_usage_percent": 12.5,
                            "memory_used_mb": 512.0,
                            "memory_total_mb": 2048.0,
                            "temperature_celsius": 48.2,
                            "disk_used_percent": None,
                        }
                    ],
                },
                response_only=True,
            ),
        ],
    )
    def get(self, request: Request, device_id: str) -> Response:
        """The samples from `from` on and before `to`, or their least, mean and greatest values by hours or days in UTC.

        Up to 36 hours are answered raw and up to 40 days by the hour, unless `resolution` says otherwise. Hours and days are
        those that begin in the span, each as a whole. More than 1,000 points are a 400 `too_many_points`.
        """
        return Response(as_health(self.read(request, device_id, health_points)))


class DeviceTelemetryView(PointsView):
    @extend_schema(
        operation_id="get_device_telemetry",
        summary="Show the telemetry of a device",
        tags=["health and telemetry"],
        parameters=[RangeQuery],
        responses=TelemetryPointsSerializer,
        examples=[
            OpenApiExample(
                "by the day",
                {
                    "resolution": "day",
                    "points": [{"at": "2026-06-01T00:00:00Z", "total_orders": 420.0, "average_latency_ms": 18.5}],
                },
                response_only=True,
            ),
        ],
    )
    def get(self, request: Request, device_id: str) -> Response:
        """The periods that start from `from` on and before `to`, or their metrics by hours or days in UTC.

        In an hour or a day, metrics whose names begin with `total_` are added up; all others are averages weighted by time. A
        period belongs to the hour and the day of its start. Otherwise as for health.
        """
        return Response(as_telemetry(self.read(request, device_id, telemetry_points)))
