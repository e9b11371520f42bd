"""Read the samples and periods of a call, each by itself: a bad one does not spoil the others.

A valid item is read without a serializer, which costs a hundred times as much. The serializers word what is wrong with the
others; fleet/telemetry/tests/test_two_readers.py compares the two.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from rest_framework.exceptions import ErrorDetail, ValidationError

from common.api.problems import pointed_errors
from common.instants import parse_instant
from fleet.telemetry.api.serializers import PeriodSerializer, SampleSerializer
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
from fleet.telemetry.services import Period, Sample

NUMBERS = frozenset({int, float})  # not bool
USUAL_NAME = re.compile(METRIC_NAME, re.ASCII).fullmatch

Errors = list[dict[str, str]]


class Rejected(NamedTuple):
    """An item's index in the call, and what is wrong with it, as in a problem."""

    index: int
    errors: Errors


def items_of(body: dict[str, Any], name: str) -> list[Any]:
    """The list of that name, or the body itself as the only item. Raises ValidationError."""
    if name not in body:
        return [body]
    items = body[name]
    if not isinstance(items, list):
        raise ValidationError({name: [ErrorDetail("Must be a list.", code="invalid")]})
    if not 1 <= len(items) <= MAX_ITEMS:
        raise ValidationError({name: [ErrorDetail(f"Must have 1 to {MAX_ITEMS:,} items.", code="number_of_items")]})
    return items


# --- Samples -------------------------------------------------------------------------------------------------------------


def read_samples(items: list[Any], *, at: datetime) -> tuple[list[Sample], list[Rejected]]:
    earliest, latest = at - MAX_AGE, at + MAX_AHEAD
    serializer = SampleSerializer(context={"at": at})
    samples, rejected = [], []
    for index, item in enumerate(items):
        sample = usual_sample(item, at=at, earliest=earliest, latest=latest)
        if sample is None:
            try:
                sample = Sample(**serializer.run_validation(item))
            except ValidationError as error:
                rejected.append(Rejected(index, list(pointed_errors(error.detail, ""))))
                continue
        samples.append(sample)
    return samples, rejected


def usual_sample(item: Any, *, at: datetime, earliest: datetime, latest: datetime) -> Sample | None:
    """None if something may be wrong with it."""
    if type(item) is not dict:
        return None
    get: Any = item.get
    cpu, used, total = get("cpu_usage_percent"), get("memory_used_mb"), get("memory_total_mb")
    celsius, disk, when = get("temperature_celsius"), get("disk_used_percent"), get("at")
    if (
        type(cpu) in NUMBERS
        and 0 <= cpu <= MAX_PERCENT
        and type(used) in NUMBERS
        and type(total) in NUMBERS
        and 0 <= used <= total <= MAX_MEMORY_MB
        and total > 0
        and (celsius is None or (type(celsius) in NUMBERS and MIN_CELSIUS <= celsius <= MAX_CELSIUS))
        and (disk is None or (type(disk) in NUMBERS and 0 <= disk <= MAX_PERCENT))
    ):
        moment = at if when is None else usual_instant(when)
        if moment is not None and earliest <= moment <= latest:
            return Sample(
                moment,
                float(cpu),
                float(used),
                float(total),
                None if celsius is None else float(celsius),
                None if disk is None else float(disk),
            )
    return None


def usual_instant(value: Any) -> datetime | None:
    try:
        return parse_instant(value)
    except (TypeError, ValueError):
        return None


# --- Periods -------------------------------------------------------------------------------------------------------------


def read_periods(items: list[Any], *, at: datetime) -> tuple[list[tuple[int, Period]], list[Rejected]]:
    """The periods with their indexes, and what is wrong with the others."""
    earliest, latest = at - MAX_AGE, at + MAX_AHEAD
    serializer = PeriodSerializer(context={"at": at})
    periods, rejected = [], []
    for index, item in enumerate(items):
        period = usual_period(item, earliest=earliest, latest=latest)
        if period is None:
            try:
                period = Period(**serializer.run_validation(item))
            except ValidationError as error:
                rejected.append(Rejected(index, list(pointed_errors(error.detail, ""))))
                continue
        periods.append((index, period))
    return periods, rejected


def usual_period(item: Any, *, earliest: datetime, latest: datetime) -> Period | None:
    """None if something may be wrong with it."""
    if type(item) is not dict:
        return None
    start, end = usual_instant(item.get("period_start")), usual_instant(item.get("period_end"))
    if start is None or end is None or not (start < end <= latest and end >= earliest and end - start <= MAX_PERIOD):
        return None
    metrics = usual_metrics(item)
    return None if metrics is None else Period(start, end, metrics)


def usual_metrics(item: Mapping[str, Any]) -> dict[str, float] | None:
    metrics = {}
    for name, value in item.items():
        if name in ("period_start", "period_end"):
            continue
        if name in RESERVED_NAMES or not USUAL_NAME(name):
            return None
        if type(value) not in NUMBERS or not -MAX_METRIC <= value <= MAX_METRIC:
            return None
        metrics[name] = float(value)
    return metrics if len(metrics) <= MAX_METRICS else None
