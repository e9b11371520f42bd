"""`POST /api/health` and `POST /api/telemetry`, which devices call."""

import json
import uuid
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, PolymorphicProxySerializer, extend_schema
from rest_framework.permissions import AllowAny

from common.api.parsing import json_body
from common.api.problems import exception_handler
from common.api.query import refuse_unknown
from common.api.views import APIView
from fleet.devices.authentication import DeviceCredentials, authenticate_device
from fleet.devices.errors import InvalidDeviceCredentials
from fleet.telemetry.api.items import Rejected, items_of, read_periods, read_samples
from fleet.telemetry.api.serializers import (
    PeriodSerializer,
    PeriodsSerializer,
    SampleSerializer,
    SamplesSerializer,
    VerdictSerializer,
)
from fleet.telemetry.services import Outcome, store_periods, store_samples

encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
OVERLAPS = {
    "pointer": "/period_start",
    "code": "overlaps",
    "detail": "The device has another period in this time.",
}

SAMPLE = {
    "at": "2026-06-01T12:00:00Z",
    "cpu_usage_percent": 12.5,
    "memory_used_mb": 512,
    "memory_total_mb": 2048,
    "temperature_celsius": 48.2,
    "disk_used_percent": 31,
}
PERIOD = {
    "period_start": "2026-06-01T11:00:00Z",
    "period_end": "2026-06-01T12:00:00Z",
    "total_orders": 42,
    "average_latency_ms": 18.5,
}
VERDICT = OpenApiExample(
    "verdict",
    {
        "accepted": 48,
        "duplicates": 1,
        "rejected": [
            {
                "index": 7,
                "errors": [
                    {
                        "pointer": "/at",
                        "code": "too_old",
                        "detail": "Must not be more than 30 days ago.",
                    }
                ],
            }
        ],
    },
    response_only=True,
)


class ReportView(APIView):
    """A call of a device, one of very many. It skips DRF's request and output as `heartbeat.api.views.HeartbeatView` does."""

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]
    security_schemes = ("deviceId", "deviceKey")
    problem_statuses = (400, 401, 429)
    body_required = True

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method != "POST":
            return super().dispatch(request, *args, **kwargs)
        try:
            return self.post(request)
        except Exception as error:  # as DRF's own dispatch does
            return exception_handler(error, {})

    def post(self, request: HttpRequest) -> HttpResponse:
        raise NotImplementedError

    def answer(self, request: HttpRequest) -> HttpResponse:
        if request.META.get("QUERY_STRING"):
            refuse_unknown(request.GET, known=set())
        at = timezone.now()
        # Before the body is read, which may be large.
        device_id = authenticated(request, at=at)
        accepted, duplicates, rejected = self.store(device_id, json_body(request), at=at)
        verdict = {
            "accepted": accepted,
            "duplicates": duplicates,
            "rejected": [item._asdict() for item in rejected],
        }
        body = encode(verdict).encode()
        headers = {"Cache-Control": "no-store", "Content-Length": str(len(body))}
        return HttpResponse(body, content_type="application/json", headers=headers)

    def store(self, device_id: uuid.UUID, body: dict[str, Any], *, at: datetime) -> tuple[int, int, list[Rejected]]:
        """The numbers of accepted and duplicate items, and those that are rejected."""
        raise NotImplementedError


def authenticated(request: HttpRequest, *, at: datetime) -> uuid.UUID:
    """The device's id. Raises InvalidDeviceCredentials and TooManyFailures."""
    device_id, key = request.META.get("HTTP_X_DEVICE_ID"), request.META.get("HTTP_X_DEVICE_KEY")
    if device_id is None or key is None:
        raise InvalidDeviceCredentials
    return authenticate_device(DeviceCredentials(device_id, key), ip=request.client_address, at=at).id


class HealthReportView(ReportView):
    @extend_schema(
        operation_id="report_health",
        summary="Report health samples",
        tags=["health and telemetry"],
        request=PolymorphicProxySerializer(
            "HealthReport", [SampleSerializer, SamplesSerializer], resource_type_field_name=None
        ),
        responses=VerdictSerializer,
        examples=[
            OpenApiExample("one sample", SAMPLE, request_only=True),
            OpenApiExample("several", {"samples": [SAMPLE]}, request_only=True),
            VERDICT,
        ],
    )
    def post(self, request: HttpRequest) -> HttpResponse:
        """Store one sample, or up to 1,000 as `samples`. The answer comes after they are stored.

        Of a device and a moment one sample is kept, the first that came: others are counted as duplicates, so that a call can
        be repeated. Each sample is judged by itself; those that are rejected are listed with the reasons. A sample may be up to
        30 days old and 5 minutes ahead.
        """
        return self.answer(request)

    def store(self, device_id: uuid.UUID, body: dict[str, Any], *, at: datetime) -> tuple[int, int, list[Rejected]]:
        samples, rejected = read_samples(items_of(body, "samples"), at=at)
        accepted = store_samples(device_id, samples, at=at)
        return accepted, len(samples) - accepted, rejected


class TelemetryReportView(ReportView):
    @extend_schema(
        operation_id="report_telemetry",
        summary="Report telemetry periods",
        tags=["health and telemetry"],
        request=PolymorphicProxySerializer(
            "TelemetryReport", [PeriodSerializer, PeriodsSerializer], resource_type_field_name=None
        ),
        responses=VerdictSerializer,
        examples=[
            OpenApiExample("one period", PERIOD, request_only=True),
            OpenApiExample("several", {"periods": [PERIOD]}, request_only=True),
            VERDICT,
        ],
    )
    def post(self, request: HttpRequest) -> HttpResponse:
        """Store one period, or up to 1,000 as `periods`. The answer comes after they are stored.

        Every field but the two times is a metric: a number by a name of 1 to 64 of `a-z 0-9 _`, at most 50 of them. A period
        is at most 31 days long, and its end may be up to 30 days ago and 5 minutes ahead. Each period is judged by itself: one
        with the same start and end as another counts as a duplicate, and one that overlaps another is rejected. The first that
        came stays.
        """
        return self.answer(request)

    def store(self, device_id: uuid.UUID, body: dict[str, Any], *, at: datetime) -> tuple[int, int, list[Rejected]]:
        periods, rejected = read_periods(items_of(body, "periods"), at=at)
        outcomes = store_periods(device_id, [period for _, period in periods], at=at)
        for (index, _), outcome in zip(periods, outcomes, strict=True):
            if outcome is Outcome.OVERLAPS:
                rejected.append(Rejected(index, [OVERLAPS]))
        return (
            outcomes.count(Outcome.STORED),
            outcomes.count(Outcome.DUPLICATE),
            sorted(rejected, key=lambda item: item.index),
        )
