"""Roll-outs of firmware, their waves and devices, and the hours in which a location's devices may be updated."""

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from fleet.devices.limits import MAX_VERSION_LENGTH
from fleet.devices.models import Device
from fleet.firmware.models import Firmware
from fleet.rollouts.limits import (
    MAX_DEADLINE_MINUTES,
    MAX_HEALTH_RISE,
    MAX_OBSERVATION_MINUTES,
    MAX_ONLINE_MINUTES,
    MAX_PATIENCE_HOURS,
    MAX_REASON_LENGTH,
    MAX_ROLLOUT_NAME_LENGTH,
)
from fleet.rollouts.querysets import RolloutDeviceQuerySet, RolloutQuerySet
from sites.models import Site


class Rollout(models.Model):
    """A firmware on its way to a selection of devices. Only `fleet.rollouts.services` and `fleet.rollouts.engine` write it."""

    class State(models.TextChoices):
        DRAFT = "draft", "draft"
        RUNNING = "running", "running"
        PAUSED = "paused", "paused"
        ABORTED = "aborted", "aborted"
        FINISHED = "finished", "finished"
        ROLLING_BACK = "rolling_back", "rolling back"
        ROLLED_BACK = "rolled_back", "rolled back"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    firmware = models.ForeignKey(Firmware, on_delete=models.PROTECT, related_name="rollouts")
    # It never changes: with the firmware's id it decides which wave a device is in, see `fleet.rollouts.waves`.
    name = models.CharField(max_length=MAX_ROLLOUT_NAME_LENGTH)
    state = models.CharField(max_length=16, choices=State.choices, default=State.DRAFT)
    pause_reason = models.CharField(max_length=MAX_REASON_LENGTH, blank=True, default="")
    selection: Any = models.JSONField(default=dict)  # see `fleet.rollouts.selection`
    # The site of the first wave; chosen at the start if it was left out.
    pilot_site = models.ForeignKey(Site, null=True, on_delete=models.PROTECT, related_name="+")
    # The number of the wave whose devices, and those of the waves before, may be updated now.
    wave = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    # Since when the devices go back to what they ran before.
    rollback_at = models.DateTimeField(null=True)
    # Counts the changes, for ETags.
    revision = models.PositiveIntegerField(default=1)

    objects = RolloutQuerySet.as_manager()

    class Meta:
        default_permissions = ("view",)
        verbose_name = "roll-out"
        permissions = [("manage_rollout", "Can manage roll-outs")]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="rollout_newest_first"),
            models.Index(
                fields=["id"], name="rollout_under_way", condition=Q(state__in=["running", "paused", "rolling_back"])
            ),
        ]
        constraints = [
            models.CheckConstraint(condition=~Q(name=""), name="rollout_name_not_empty"),
            models.CheckConstraint(condition=Q(revision__gte=1), name="rollout_revision_positive"),
            models.CheckConstraint(
                condition=Q(state="paused") & ~Q(pause_reason="") | ~Q(state="paused") & Q(pause_reason=""),
                name="rollout_paused_iff_reason",
            ),
            models.CheckConstraint(
                condition=Q(state="draft", started_at__isnull=True, finished_at__isnull=True)
                | Q(state__in=["running", "paused", "rolling_back"], started_at__isnull=False, finished_at__isnull=True)
                | Q(state="aborted", finished_at__isnull=False)
                | Q(state__in=["finished", "rolled_back"], started_at__isnull=False, finished_at__isnull=False),
                name="rollout_times_fit_state",
            ),
            models.CheckConstraint(
                condition=Q(started_at__isnull=True)
                | Q(finished_at__isnull=True)
                | Q(finished_at__gte=F("started_at")),
                name="rollout_finishes_after_start",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["rolling_back", "rolled_back"]) | Q(rollback_at__isnull=False),
                name="rollout_back_has_a_time",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class RolloutWave(models.Model):
    """One wave of a roll-out: how far it reaches, and the gate before the next one."""

    rollout = models.ForeignKey(Rollout, on_delete=models.PROTECT, related_name="waves", db_index=False)
    number = models.PositiveSmallIntegerField()  # from 0
    # Of all devices, those of the waves before included; null for the pilot, which is one site.
    percent = models.PositiveSmallIntegerField(null=True)
    min_success_percent = models.PositiveSmallIntegerField()
    max_failures = models.PositiveIntegerField()
    # A device that was offered the firmware must report it by then, and stay online for that long.
    deadline_minutes = models.PositiveSmallIntegerField()
    online_minutes = models.PositiveSmallIntegerField()
    # How long the wave is observed after its last success, before the next wave.
    observation_minutes = models.PositiveSmallIntegerField()
    # How long devices that are not online hold up the next wave.
    patience_hours = models.PositiveSmallIntegerField()
    # By how much CPU and memory (percent) and temperature (°C) may rise on average; null: they are not compared.
    max_health_rise = models.PositiveSmallIntegerField(null=True)
    # Failures that an admin accepted by resuming; the gate does not count them.
    accepted_failures = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["rollout", "number"], name="rolloutwave_number_once"),
            models.CheckConstraint(
                condition=Q(number=0, percent__isnull=True)
                | Q(percent__isnull=False, percent__gte=1, percent__lte=100),
                name="rolloutwave_percent_range",
            ),
            models.CheckConstraint(
                condition=Q(min_success_percent__lte=100)
                & Q(deadline_minutes__gte=1, deadline_minutes__lte=MAX_DEADLINE_MINUTES)
                & Q(online_minutes__lte=MAX_ONLINE_MINUTES)
                & Q(observation_minutes__lte=MAX_OBSERVATION_MINUTES)
                & Q(patience_hours__lte=MAX_PATIENCE_HOURS)
                & (Q(max_health_rise__isnull=True) | Q(max_health_rise__lte=MAX_HEALTH_RISE)),
                name="rolloutwave_gate_range",
            ),
            models.CheckConstraint(
                condition=Q(finished_at__isnull=True) | Q(started_at__isnull=False, finished_at__gte=F("started_at")),
                name="rolloutwave_finishes_after_start",
            ),
        ]

    def __str__(self) -> str:
        return "pilot" if self.percent is None else f"{self.percent} %"


class RolloutDevice(models.Model):
    """A device in a roll-out: on its way to the firmware, or with `direction` back to the one before."""

    class State(models.TextChoices):
        WAITING = "waiting", "waiting"
        IN_FLIGHT = "in_flight", "in flight"
        SUCCEEDED = "succeeded", "succeeded"
        FAILED = "failed", "failed"
        SKIPPED = "skipped", "skipped"

    class Direction(models.TextChoices):
        FORWARD = "forward", "forward"
        BACK = "back", "back"

    id = models.BigAutoField(primary_key=True)
    rollout = models.ForeignKey(Rollout, on_delete=models.PROTECT, related_name="devices", db_index=False)
    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="rollout_devices", db_index=False)
    # Where the device was when it joined. One that has moved since is skipped.
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="+", db_index=False)
    direction = models.CharField(max_length=8, choices=Direction.choices, default=Direction.FORWARD)
    wave = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=16, choices=State.choices, default=State.WAITING)
    # What the device is offered: the roll-out's firmware, or on the way back the one that it ran before.
    firmware = models.ForeignKey(Firmware, on_delete=models.PROTECT, related_name="+", db_index=False)
    # What the device reported when it was offered the firmware, and the firmware of that version if there is one.
    previous_version = models.CharField(max_length=MAX_VERSION_LENGTH, blank=True, default="")
    previous_firmware = models.ForeignKey(
        Firmware, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    joined_at = models.DateTimeField()
    offered_at = models.DateTimeField(null=True)
    # The version must be reported by then; the judgement falls by `ends_at`, which lies in the location's window.
    deadline_at = models.DateTimeField(null=True)
    ends_at = models.DateTimeField(null=True)
    # Since when it reports the version without having been offline.
    reported_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=MAX_REASON_LENGTH, blank=True, default="")

    objects = RolloutDeviceQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        indexes = [
            models.Index(fields=["rollout", "state", "wave"], name="rolloutdevice_by_state"),
            models.Index(fields=["device"], name="rolloutdevice_of_device"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["rollout", "device", "direction"], name="rolloutdevice_once_each_way"),
            models.UniqueConstraint(
                fields=["site"], condition=Q(state="in_flight"), name="rolloutdevice_one_in_flight_per_site"
            ),
            models.UniqueConstraint(
                fields=["device"],
                condition=Q(state__in=["waiting", "in_flight"]),
                name="rolloutdevice_in_one_rollout_at_a_time",
            ),
            models.CheckConstraint(
                condition=Q(state="waiting", offered_at__isnull=True, finished_at__isnull=True)
                | Q(state="in_flight", offered_at__isnull=False, finished_at__isnull=True)
                | Q(
                    state__in=["succeeded", "failed"],
                    offered_at__isnull=False,
                    finished_at__isnull=False,
                    finished_at__gte=F("offered_at"),
                )
                | Q(state="skipped", finished_at__isnull=False, finished_at__gte=F("joined_at")),
                name="rolloutdevice_times_fit_state",
            ),
            models.CheckConstraint(
                condition=Q(
                    offered_at__isnull=True, deadline_at__isnull=True, ends_at__isnull=True, reported_at__isnull=True
                )
                | Q(
                    offered_at__isnull=False,
                    deadline_at__isnull=False,
                    ends_at__isnull=False,
                    deadline_at__gt=F("offered_at"),
                    ends_at__gte=F("deadline_at"),
                ),
                name="rolloutdevice_deadline_after_offer",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["failed", "skipped"]) & ~Q(reason="")
                | ~Q(state__in=["failed", "skipped"]) & Q(reason=""),
                name="rolloutdevice_reason_iff_not_updated",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.device_id} in {self.rollout_id}"


class MaintenanceWindow(models.Model):
    """The hours, in the site's own zone, in which its devices may be updated. A site without a row has the usual ones."""

    site = models.OneToOneField(Site, on_delete=models.PROTECT, primary_key=True, related_name="maintenance_window")
    # An end that is earlier than the start is on the next day.
    start = models.TimeField()
    end = models.TimeField()

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(condition=~Q(start=F("end")), name="maintenancewindow_has_a_length"),
        ]

    def __str__(self) -> str:
        return f"{self.start:%H:%M}–{self.end:%H:%M}"
