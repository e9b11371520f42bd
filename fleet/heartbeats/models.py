"""What remains of the heartbeats of devices: counts by day, the history of their status, their boots; and commands to them."""

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from fleet.devices.models import Device
from fleet.devices.status import DeviceStatus


class HeartbeatDay(models.Model):
    """How many heartbeats a device sent on a day (UTC) that is over; those of the newest day are in its pulse."""

    id = models.BigAutoField(primary_key=True)
    # Without a constraint in the database: checking one would lock the device's row, and so write to it.
    device = models.ForeignKey(
        Device, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="heartbeat_days"
    )
    day = models.DateField()
    heartbeats = models.PositiveIntegerField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["device", "day"], name="heartbeatday_once")]

    def __str__(self) -> str:
        return f"{self.heartbeats} on {self.day}"


class DeviceBoot(models.Model):
    """A run of a device's software, from its start to its end: evidence of two boxes that use one key."""

    id = models.BigAutoField(primary_key=True)
    device = models.ForeignKey(
        Device, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="boots"
    )
    boot_id = models.UUIDField()
    first_seen_at = models.DateTimeField()
    # When another boot took its place, and the number of its last heartbeat then.
    last_seen_at = models.DateTimeField()
    sequence = models.BigIntegerField(null=True)
    # How often it called again after another boot had taken its place.
    returns = models.PositiveIntegerField(default=0)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["device", "boot_id"], name="deviceboot_once")]

    def __str__(self) -> str:
        return str(self.boot_id)


class DeviceStatusChange(models.Model):
    """A device went from one status to another. Append-only; a job writes it, see `fleet.heartbeats.transitions`."""

    id = models.BigAutoField(primary_key=True)
    device = models.ForeignKey(
        Device, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="status_changes"
    )
    status = models.CharField(max_length=16, choices=DeviceStatus.choices)
    # Since when, by the device's heartbeats; the job notices it a little later.
    at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["device", "-at", "-id"], name="devicestatus_newest_first")]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=DeviceStatus.values), name="devicestatus_known"),
        ]

    def __str__(self) -> str:
        return f"{self.status} since {self.at}"


class DeviceLastStatus(models.Model):
    """The newest change of each device, so that the job compares two tables and lists can count without reading pulses."""

    device = models.OneToOneField(Device, on_delete=models.PROTECT, primary_key=True, related_name="last_status")
    status = models.CharField(max_length=16, choices=DeviceStatus.choices)
    at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        # In the order of lists: of those in a status the longest first.
        indexes = [models.Index(fields=["status", "at", "device"], name="devicelaststatus_in_order")]

    def __str__(self) -> str:
        return self.status


class CommandQuerySet(models.QuerySet["DeviceCommand"]):
    def waiting(self, *, at: Any) -> "CommandQuerySet":
        return self.filter(delivered_at=None, expires_at__gt=at)


class DeviceCommand(models.Model):
    """Something that an admin asked a device to do: it goes to the device with the next heartbeat's answer, once."""

    class Name(models.TextChoices):
        IDENTIFY = "identify", "identify itself"
        RESTART = "restart", "restart"
        SEND_HEALTH = "send_health", "send its health now"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="commands")
    name = models.CharField(max_length=32, choices=Name.choices)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    expires_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True)

    objects = CommandQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        permissions = [("send_command", "Can send a command to a device")]
        constraints = [
            models.CheckConstraint(condition=Q(expires_at__gt=F("created_at")), name="devicecommand_has_a_life"),
        ]

    def __str__(self) -> str:
        return self.name
