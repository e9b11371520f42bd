"""Health samples and telemetry periods of devices, and what is computed from them for each hour and day.

Samples and periods are written once and never changed. Hours and days are computed from them, never added to, so the result
does not depend on the order in which they arrive. On PostgreSQL samples and periods are in one partition for each day, see
`fleet.telemetry.partitions`.
"""

from typing import Any

from django.db import models
from django.db.models import F, Q

from fleet.devices.models import Device
from fleet.telemetry.limits import MAX_CELSIUS, MAX_MEMORY_MB, MAX_PERCENT, MIN_CELSIUS


def device_column() -> "models.ForeignKey[Device, Device]":
    """Without a constraint, as in `heartbeat.models.Heartbeat`: checking one would lock the device's row at each call.

    It is not needed, because devices are retired and never deleted.
    """
    return models.ForeignKey(
        Device, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+", editable=False
    )


class HealthSample(models.Model):
    """What a device measured at one moment. Of one device and one moment there is one."""

    pk = models.CompositePrimaryKey("device_id", "at")
    device = device_column()
    at = models.DateTimeField()
    cpu_usage_percent = models.FloatField()
    memory_used_mb = models.FloatField()
    memory_total_mb = models.FloatField()
    temperature_celsius = models.FloatField(null=True)
    disk_used_percent = models.FloatField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(cpu_usage_percent__gte=0, cpu_usage_percent__lte=MAX_PERCENT), name="healthsample_cpu_range"
            ),
            models.CheckConstraint(
                condition=Q(
                    memory_used_mb__gte=0,
                    memory_used_mb__lte=F("memory_total_mb"),
                    memory_total_mb__gt=0,
                    memory_total_mb__lte=MAX_MEMORY_MB,
                ),
                name="healthsample_memory_range",
            ),
            models.CheckConstraint(
                condition=Q(temperature_celsius__gte=MIN_CELSIUS, temperature_celsius__lte=MAX_CELSIUS),
                name="healthsample_temperature_range",
            ),
            models.CheckConstraint(
                condition=Q(disk_used_percent__gte=0, disk_used_percent__lte=MAX_PERCENT),
                name="healthsample_disk_range",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.device_id} at {self.at}"


class TelemetryPeriod(models.Model):
    """Numbers of a device over a period, its end exclusive. The periods of a device do not overlap."""

    pk = models.CompositePrimaryKey("device_id", "period_start")
    device = device_column()
    period_start = models.DateTimeField()
    period_end = models.DateTimeField()
    metrics: Any = models.JSONField()  # numbers by name

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(condition=Q(period_end__gt=F("period_start")), name="telemetryperiod_has_a_length")
        ]

    def __str__(self) -> str:
        return f"{self.device_id} from {self.period_start} to {self.period_end}"


class HealthBucket(models.Model):
    """Samples of a device from `at` on, for an hour or a day in UTC.

    With sums in place of means, so that buckets can be put together. Temperature and disk are null if no sample has them.
    """

    pk = models.CompositePrimaryKey("device_id", "at")
    device = device_column()
    at = models.DateTimeField()
    samples = models.PositiveIntegerField()
    cpu_usage_percent_min = models.FloatField()
    cpu_usage_percent_sum = models.FloatField()
    cpu_usage_percent_max = models.FloatField()
    memory_used_mb_min = models.FloatField()
    memory_used_mb_sum = models.FloatField()
    memory_used_mb_max = models.FloatField()
    memory_total_mb_min = models.FloatField()
    memory_total_mb_sum = models.FloatField()
    memory_total_mb_max = models.FloatField()
    temperature_celsius_samples = models.PositiveIntegerField()
    temperature_celsius_min = models.FloatField(null=True)
    temperature_celsius_sum = models.FloatField(null=True)
    temperature_celsius_max = models.FloatField(null=True)
    disk_used_percent_samples = models.PositiveIntegerField()
    disk_used_percent_min = models.FloatField(null=True)
    disk_used_percent_sum = models.FloatField(null=True)
    disk_used_percent_max = models.FloatField(null=True)

    class Meta:
        abstract = True
        default_permissions = ()
        constraints = [models.CheckConstraint(condition=Q(samples__gte=1), name="%(class)s_has_samples")]

    def __str__(self) -> str:
        return f"{self.device_id} from {self.at}"


class HealthHour(HealthBucket):
    pass


class HealthDay(HealthBucket):
    pass


class TelemetryBucket(models.Model):
    """Periods of a device that start in an hour or a day in UTC, which begins `at`."""

    pk = models.CompositePrimaryKey("device_id", "at")
    device = device_column()
    at = models.DateTimeField()
    totals: Any = models.JSONField()  # {metric: sum}
    averages: Any = models.JSONField()  # {metric: [sum of value times seconds, seconds]}

    class Meta:
        abstract = True
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.device_id} from {self.at}"


class TelemetryHour(TelemetryBucket):
    pass


class TelemetryDay(TelemetryBucket):
    pass


class MarkedHour(models.Model):
    """An hour of a device that has samples or periods which its bucket does not contain yet, nor that of its day.

    What stores a sample or a period marks its hour in the same transaction.
    """

    class Kind(models.TextChoices):
        HEALTH = "health", "health"
        TELEMETRY = "telemetry", "telemetry"

    # The job takes the oldest hours first, whatever their devices.
    pk = models.CompositePrimaryKey("kind", "hour", "device_id")
    kind = models.CharField(max_length=9, choices=Kind)
    hour = models.DateTimeField()
    device = device_column()
    day = models.DateTimeField()  # that of the hour
    marked_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["device", "day"], name="markedhour_of_device")]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=["health", "telemetry"]), name="markedhour_kind"),
            models.CheckConstraint(condition=Q(day__lte=F("hour")), name="markedhour_day_of_the_hour"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.device_id} from {self.hour}"
