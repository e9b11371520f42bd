"""Devices, their keys, the codes that enrol them, and what their newest heartbeat reported."""

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Length

from common.keys import PEPPER_ID_LENGTH
from fleet.devices.limits import (
    MAX_CODE_USES,
    MAX_DEVICE_ID_LENGTH,
    MAX_HARDWARE_LENGTH,
    MAX_NAME_LENGTH,
    MAX_ROLE_LENGTH,
    MAX_VERSION_LENGTH,
)
from fleet.devices.querysets import DeviceKeyQuerySet, DeviceQuerySet, EnrolmentCodeQuerySet
from sites.models import Site

models.CharField.register_lookup(Length)


class Device(models.Model):
    """A box at a location. Only `fleet.devices.services` writes it.

    Heartbeats write DevicePulse, so that the two never overwrite each other.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="devices", db_index=False)
    # What the device calls itself; another location may have one of the same id.
    device_id = models.CharField(max_length=MAX_DEVICE_ID_LENGTH)
    name = models.CharField(max_length=MAX_NAME_LENGTH)
    role = models.CharField(max_length=MAX_ROLE_LENGTH, blank=True, default="")
    hardware = models.CharField(max_length=MAX_HARDWARE_LENGTH, blank=True, default="")
    config: Any = models.JSONField(default=dict)
    config_version = models.PositiveIntegerField(default=1)
    # Counts the changes of the row, its keys, and all else that a heartbeat's answer depends on: web processes compare it
    # with what they hold in memory, and ETags with what a client read.
    revision = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True)
    # Since when two boxes seem to use its key; see `fleet.heartbeats.boots`.
    clone_suspected_at = models.DateTimeField(null=True)
    # Name, ids, role and hardware in folded case, as in Site.
    search_text = models.TextField(editable=False)

    objects = DeviceQuerySet.as_manager()

    class Meta:
        default_permissions = ("add", "change", "view")
        permissions = [
            ("retire_device", "Can retire a device"),
            ("rotate_device_key", "Can rotate a device's key"),
            ("dismiss_clone", "Can dismiss the suspicion that a device's key is used twice"),
        ]
        indexes = [
            # One in the order of names is in the migration only: PostgreSQL alone has the collation.
            models.Index(fields=["id"], name="device_retired", condition=Q(retired_at__isnull=False)),
            models.Index(
                fields=["id"],
                name="device_clone_suspected",
                condition=Q(clone_suspected_at__isnull=False, retired_at=None),
            ),
            models.Index(fields=["created_at", "id"], name="device_by_age", condition=Q(retired_at=None)),
            # Also the retired ones: their history is kept.
            models.Index(fields=["site", "id"], name="device_of_site"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["site", "device_id"], condition=Q(retired_at=None), name="device_id_once_for_a_site"
            ),
            models.CheckConstraint(condition=~Q(device_id=""), name="device_id_not_empty"),
            models.CheckConstraint(condition=~Q(name=""), name="device_name_not_empty"),
            models.CheckConstraint(condition=~Q(search_text=""), name="device_searchable"),
            models.CheckConstraint(condition=Q(revision__gte=1), name="device_revision_positive"),
            models.CheckConstraint(condition=Q(config_version__gte=1), name="device_config_version_positive"),
        ]

    def __str__(self) -> str:
        return self.name


class DeviceKey(models.Model):
    """A key of a device. A rotation gives the older keys an end; the second use of the new key revokes them."""

    id = models.BigAutoField(primary_key=True)
    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="keys")
    digest = models.CharField(max_length=64)
    pepper = models.CharField(max_length=PEPPER_ID_LENGTH)
    hint = models.CharField(max_length=8)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    # Counted up to two while an older key is accepted; also two if the older ones ended by themselves.
    uses = models.PositiveSmallIntegerField(default=0)

    objects = DeviceKeyQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["pepper"], name="devicekey_by_pepper", condition=Q(revoked_at=None))]
        constraints = [
            models.UniqueConstraint(fields=["digest"], name="devicekey_digest_unique"),
            models.UniqueConstraint(
                fields=["device"], condition=Q(expires_at=None, revoked_at=None), name="devicekey_one_newest"
            ),
            models.CheckConstraint(condition=Q(digest__length=64), name="devicekey_digest_length"),
            models.CheckConstraint(condition=Q(uses__lte=2), name="devicekey_uses_at_most_two"),
        ]

    def __str__(self) -> str:
        return self.hint


class EnrolmentCode(models.Model):
    """A code with which devices register themselves at a location, a number of times and until its end."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="enrolment_codes")
    digest = models.CharField(max_length=64)
    hint = models.CharField(max_length=8)
    uses = models.PositiveSmallIntegerField()
    used = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    objects = EnrolmentCodeQuerySet.as_manager()

    class Meta:
        default_permissions = ("add",)
        constraints = [
            models.UniqueConstraint(fields=["digest"], name="enrolmentcode_digest_unique"),
            models.CheckConstraint(condition=Q(digest__length=64), name="enrolmentcode_digest_length"),
            models.CheckConstraint(
                condition=Q(uses__gte=1, uses__lte=MAX_CODE_USES), name="enrolmentcode_number_of_uses"
            ),
            models.CheckConstraint(condition=Q(used__lte=F("uses")), name="enrolmentcode_used_at_most"),
            models.CheckConstraint(condition=Q(expires_at__gt=F("created_at")), name="enrolmentcode_has_a_life"),
        ]

    def __str__(self) -> str:
        return self.hint


class DevicePulse(models.Model):
    """The newest heartbeat of a device, one narrow row for each. Only heartbeats write it, see `fleet.heartbeats`.

    What changes has no index, and each page has free room (see the migration), so that updates on PostgreSQL are HOT.
    """

    device = models.OneToOneField(Device, on_delete=models.PROTECT, primary_key=True, related_name="pulse")
    last_seen_at = models.DateTimeField(null=True)
    # When the device was told to call next.
    due_at = models.DateTimeField(null=True)
    # It said that it stops, with its last heartbeat.
    is_stopped = models.BooleanField(default=False)
    # Also as it said when it was registered.
    firmware_version = models.CharField(max_length=MAX_VERSION_LENGTH, blank=True, default="")
    uptime_seconds = models.BigIntegerField(null=True)
    boot_id = models.UUIDField(null=True)
    sequence = models.BigIntegerField(null=True)
    config_version = models.PositiveIntegerField(null=True)
    # Heartbeats on the day (UTC) of the newest one; those of earlier days are in the history.
    day = models.DateField(null=True)
    day_heartbeats = models.PositiveIntegerField(default=0)

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(last_seen_at__isnull=True, due_at__isnull=True, day__isnull=True)
                | Q(last_seen_at__isnull=False, due_at__gt=F("last_seen_at"), day__isnull=False),
                name="devicepulse_due_after_seen",
            ),
        ]

    def __str__(self) -> str:
        return f"pulse of {self.device_id}"
