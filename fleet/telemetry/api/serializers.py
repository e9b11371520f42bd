"""The JSON of samples and periods."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError as InvalidValue
from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.fields import get_error_detail

from common.api.fields import InstantField, StrictNumberField
from common.values import clean_number
from fleet.telemetry.limits import (
    MAX_AGE,
    MAX_AHEAD,
    MAX_CELSIUS,
    MAX_ITEMS,
    MAX_MEMORY_MB,
    MAX_METRIC,
    MAX_METRICS,
    MAX_PERCENT,
    MAX_PERIOD,
    METRIC_NAME,
    MIN_CELSIUS,
    RESERVED_NAMES,
)

TOO_OLD = f"Must not be more than {MAX_AGE.days} days ago."
TOO_LATE = f"Must not be more than {MAX_AHEAD.seconds // 60} minutes in the future."


def check_moment(moment: datetime, *, at: datetime) -> None:
    if moment < at - MAX_AGE:
        raise ValidationError(TOO_OLD, code="too_old")
    if moment > at + MAX_AHEAD:
        raise ValidationError(TOO_LATE, code="in_the_future")


@extend_schema_serializer(component_name="HealthSample")
class SampleSerializer(serializers.Serializer[Any]):
    """A sample as a device sends it; with what is left out as null or as now."""

    at = InstantField(required=False, allow_null=True, help_text="When it was measured; now, if it is left out.")
    cpu_usage_percent = StrictNumberField(min_value=0, max_value=MAX_PERCENT)
    memory_used_mb = StrictNumberField(min_value=0, max_value=MAX_MEMORY_MB)
    memory_total_mb = StrictNumberField(min_value=0, max_value=MAX_MEMORY_MB, help_text="More than 0.")
    temperature_celsius = StrictNumberField(
        min_value=MIN_CELSIUS, max_value=MAX_CELSIUS, required=False, allow_null=True
    )
    disk_used_percent = StrictNumberField(min_value=0, max_value=MAX_PERCENT, required=False, allow_null=True)

    def validate_at(self, value: datetime | None) -> datetime | None:
        if value is not None:
            check_moment(value, at=self.context["at"])
        return value

    def validate_memory_total_mb(self, value: float) -> float:
        if value == 0:
            raise ValidationError("Must be more than 0.", code="min_value")
        return value

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        if values["memory_used_mb"] > values["memory_total_mb"]:
            problem = ErrorDetail("Must not be more than memory_total_mb.", code="above_total")
            raise ValidationError({"memory_used_mb": [problem]})
        return {**values, "at": values.get("at") or self.context["at"]}


@extend_schema_serializer(component_name="HealthSamples")
class SamplesSerializer(serializers.Serializer[Any]):
    samples = serializers.ListField(child=SampleSerializer(), min_length=1, max_length=MAX_ITEMS)


@extend_schema_serializer(component_name="TelemetryPeriod")
class PeriodSerializer(serializers.Serializer[Any]):
    """A period as a device sends it: all fields but the two times are metrics."""

    period_start = InstantField()
    period_end = InstantField(help_text="Exclusive: the next period may start then.")

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, Mapping):
            return super().to_internal_value(data)
        problems: dict[str, Any] = {}
        times: dict[str, Any] = {}
        try:
            times = super().to_internal_value(data)
        except ValidationError as error:
            problems |= error.detail
        metrics, problems_of_metrics = read_metrics(data)
        problems |= problems_of_metrics
        if problems:
            raise ValidationError(problems)
        return {"start": times["period_start"], "end": times["period_end"], "metrics": metrics}

    def validate_period_end(self, value: datetime) -> datetime:
        check_moment(value, at=self.context["at"])
        return value

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        if values["end"] <= values["start"]:
            raise ValidationError({"period_end": [ErrorDetail("Must be later than period_start.", code="not_later")]})
        if values["end"] - values["start"] > MAX_PERIOD:
            problem = ErrorDetail(f"Must not be more than {MAX_PERIOD.days} days after period_start.", code="too_long")
            raise ValidationError({"period_end": [problem]})
        return values


def read_metrics(data: Mapping[str, Any]) -> tuple[dict[str, float], dict[str, Any]]:
    """The metrics, and what is wrong with others by name. One that is null counts as left out."""
    metrics, problems = {}, {}
    for name, value in data.items():
        if name in ("period_start", "period_end"):
            continue
        if problem := problem_of_name(name):
            problems[name] = [problem]
        elif value is not None:
            try:
                metrics[name] = clean_number(value, minimum=-MAX_METRIC, maximum=MAX_METRIC)
            except InvalidValue as error:
                problems[name] = get_error_detail(error)
    if len(metrics) > MAX_METRICS:
        problems["non_field_errors"] = [ErrorDetail(f"At most {MAX_METRICS} metrics are allowed.", code="metrics")]
    return metrics, problems


def problem_of_name(name: str) -> ErrorDetail | None:
    if name in RESERVED_NAMES:
        return ErrorDetail("No metric can have this name.", code="reserved")
    if not re.fullmatch(METRIC_NAME, name, re.ASCII):
        return ErrorDetail("The name of a metric has 1 to 64 of a-z 0-9 _", code="metric_name")
    return None


@extend_schema_serializer(component_name="TelemetryPeriods")
class PeriodsSerializer(serializers.Serializer[Any]):
    periods = serializers.ListField(child=PeriodSerializer(), min_length=1, max_length=MAX_ITEMS)


class ItemErrorSerializer(serializers.Serializer[Any]):
    """As in a problem."""

    pointer = serializers.CharField(help_text="An RFC 6901 pointer into the item.")
    code = serializers.CharField()
    detail = serializers.CharField()


@extend_schema_serializer(component_name="RejectedItem")
class RejectedSerializer(serializers.Serializer[Any]):
    index = serializers.IntegerField(min_value=0, help_text="Of the item in the call, from 0 on.")
    errors = ItemErrorSerializer(many=True)


class VerdictSerializer(serializers.Serializer[Any]):
    """What became of the items of a call."""

    accepted = serializers.IntegerField(min_value=0, help_text="Stored now.")
    duplicates = serializers.IntegerField(min_value=0, help_text="Stored before, or earlier in this call.")
    rejected = RejectedSerializer(many=True)
