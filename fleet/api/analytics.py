"""`/api/analytics`: what the devices of an organization or a location did, by day."""

from datetime import MAXYEAR, MINYEAR, date, datetime, timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from common.api.fields import InstantField
from common.api.query import QuerySerializer
from common.api.views import APIView
from common.instants import format_instant
from fleet.analytics.availability import DAY, start_of
from fleet.analytics.services import Analytics, Summary, analytics_of
from fleet.devices.models import Device
from fleet.devices.querysets import DeviceQuerySet
from fleet.telemetry.summaries import Spread
from sites.errors import OrganizationNotFound, SiteNotFound
from sites.models import Organization, Site
from sites.validation import read_organization_id, read_site_id

USUAL_DAYS, MOST_DAYS = 30, 400
# A day before and after a period must be in the calendar, too.
FIRST_YEAR, LAST_YEAR = MINYEAR + 1, MAXYEAR - 1
MEASURES = {"cpu": "cpu_usage_percent", "memory": "memory_used_mb", "temperature": "temperature_celsius"}
UNKNOWN_VERSION = "unknown"


class PeriodQuery(QuerySerializer):
    """The names are reserved words of Python, so the fields are declared below."""

    def get_fields(self) -> dict[str, Any]:
        return {
            "from": InstantField(required=False, help_text=f"{USUAL_DAYS} days before `to` when left out."),
            "to": InstantField(required=False, help_text="Now when left out; itself not included."),
        }

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        outside = [name for name, instant in attrs.items() if not FIRST_YEAR <= instant.year <= LAST_YEAR]
        if outside:
            problem = f"Must be in the years {FIRST_YEAR} to {LAST_YEAR}."
            raise serializers.ValidationError(dict.fromkeys(outside, problem))
        until: datetime = attrs.get("to") or timezone.now()
        since: datetime = attrs.get("from") or until - timedelta(days=USUAL_DAYS)
        if since >= until:
            raise serializers.ValidationError({"from": "Must be before `to`."})
        if until - since > timedelta(days=MOST_DAYS):
            raise serializers.ValidationError({"from": f"Must not be more than {MOST_DAYS} days before `to`."})
        return {"first": since.date(), "last": (until - timedelta(microseconds=1)).date()}


class SpreadSerializer(serializers.Serializer[Any]):
    def get_fields(self) -> dict[str, Any]:
        return {"min": serializers.FloatField(), "mean": serializers.FloatField(), "max": serializers.FloatField()}


class HealthSummarySerializer(serializers.Serializer[Any]):
    cpu = SpreadSerializer(allow_null=True, help_text="Per cent.")
    memory = SpreadSerializer(allow_null=True, help_text="MB in use.")
    temperature = SpreadSerializer(allow_null=True, help_text="Degrees Celsius.")


class SummarySerializer(serializers.Serializer[Any]):
    availability_percent = serializers.FloatField(
        allow_null=True, help_text="Of the time since the first heartbeats in which devices were online or late."
    )
    heartbeats = serializers.IntegerField()
    health = HealthSummarySerializer()
    telemetry = serializers.DictField(
        child=serializers.FloatField(), help_text="The sum of each `total_…`, and the average of every other metric."
    )


@extend_schema_serializer(component_name="AnalyticsDay")
class DaySerializer(SummarySerializer):
    day = serializers.DateField(help_text="In UTC.")


class AnalyticsSerializer(SummarySerializer):
    def get_fields(self) -> dict[str, Any]:
        instants = {"from": InstantField(), "to": InstantField(help_text="Not included.")}
        return instants | super().get_fields()

    devices = serializers.DictField(child=serializers.IntegerField(), help_text="By status, now.")
    firmware = serializers.DictField(
        child=serializers.IntegerField(),
        help_text=f"Devices by version, now; `{UNKNOWN_VERSION}` if they reported none.",
    )
    by_day = DaySerializer(many=True)


class AnalyticsView(APIView):
    required_permissions = {"get": "devices.view_device"}
    query_serializer = PeriodQuery
    problem_statuses = (400, 401, 403, 404)

    def devices_of(self, wanted: str) -> DeviceQuerySet:
        raise NotImplementedError

    def answer(self, request: Request, wanted: str) -> Response:
        days: dict[str, date] = PeriodQuery.read(request.query_params)
        devices = self.devices_of(wanted)
        return Response(representation(analytics_of(devices, at=timezone.now(), **days), **days))


class OrganizationAnalyticsView(AnalyticsView):
    @extend_schema(
        operation_id="get_organization_analytics",
        summary="What the devices of an organization did",
        tags=["analytics"],
        parameters=[PeriodQuery],
        responses=AnalyticsSerializer,
    )
    def get(self, request: Request, organization_id: str) -> Response:
        """Of whole days (UTC): those in which `from` and `to` lie are whole, too. What retired devices did before counts."""
        return self.answer(request, organization_id)

    def devices_of(self, wanted: str) -> DeviceQuerySet:
        organization_id = read_organization_id(wanted)
        if not Organization.objects.filter(pk=organization_id).exists():
            raise OrganizationNotFound
        return Device.objects.of_live_sites().filter(site__organization=organization_id)


class LocationAnalyticsView(AnalyticsView):
    @extend_schema(
        operation_id="get_location_analytics",
        summary="What the devices of a location did",
        tags=["analytics"],
        parameters=[PeriodQuery],
        responses=AnalyticsSerializer,
    )
    def get(self, request: Request, site_id: str) -> Response:
        """Of whole days (UTC): those in which `from` and `to` lie are whole, too. What retired devices did before counts."""
        return self.answer(request, site_id)

    def devices_of(self, wanted: str) -> DeviceQuerySet:
        site_id = read_site_id(wanted)
        if not Site.objects.live().filter(pk=site_id).exists():
            raise SiteNotFound
        return Device.objects.of_site(site_id)


def representation(found: Analytics, *, first: date, last: date) -> dict[str, Any]:
    return {
        "from": format_instant(start_of(first)),
        "to": format_instant(start_of(last) + DAY),
        "devices": found.devices,
        **summary_representation(found.total),
        "firmware": {version or UNKNOWN_VERSION: number for version, number in sorted(found.firmware.items())},
        "by_day": [{"day": str(day), **summary_representation(each)} for day, each in found.by_day.items()],
    }


def summary_representation(summary: Summary) -> dict[str, Any]:
    return {
        "availability_percent": summary.availability.percent,
        "heartbeats": summary.heartbeats,
        "health": {name: spread_of(summary.health.get(measure)) for name, measure in MEASURES.items()},
        "telemetry": {name: each.value for name, each in sorted(summary.telemetry.items())},
    }


def spread_of(spread: Spread | None) -> dict[str, float] | None:
    return None if spread is None else {"min": spread.low, "mean": spread.mean, "max": spread.high}
