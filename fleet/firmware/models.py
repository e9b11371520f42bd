"""Firmware that can be downloaded, and which of it a device should run."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Length

from fleet.devices.models import Device
from fleet.firmware.limits import (
    MAX_FILE_NAME_LENGTH,
    MAX_HARDWARE_LENGTH,
    MAX_PRODUCT_LENGTH,
    MAX_VERSION_LENGTH,
    SHA256_LENGTH,
)
from fleet.firmware.querysets import FirmwareQuerySet, FirmwareTargetQuerySet
from licensing.models import SigningKey

models.CharField.register_lookup(Length)


class Firmware(models.Model):
    """One version of a product, and where its file is. Only `fleet.firmware.services` writes it; no row is deleted.

    After it was added, only its notes, its manifest and whether it is withdrawn change.
    """

    class Channel(models.TextChoices):
        DEV = "dev"
        BETA = "beta"
        STABLE = "stable"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    product = models.CharField(max_length=MAX_PRODUCT_LENGTH)
    version = models.CharField(max_length=MAX_VERSION_LENGTH)
    # See `fleet.firmware.versions`. Bytes, because a text would be sorted by the rules of some language.
    precedence = models.BinaryField()
    channel = models.CharField(max_length=8, choices=Channel.choices)
    hardware = models.CharField(max_length=MAX_HARDWARE_LENGTH, null=True)  # noqa: DJ001 - null: fits all
    notes = models.TextField(blank=True, default="")
    # The lowest version from which a device may come.
    min_from = models.CharField(max_length=MAX_VERSION_LENGTH, null=True)  # noqa: DJ001 - null: any
    sha256 = models.CharField(max_length=SHA256_LENGTH)
    size = models.PositiveBigIntegerField()
    file_name = models.CharField(max_length=MAX_FILE_NAME_LENGTH, unique=True)  # in the storage
    manifest = models.TextField(null=True)  # noqa: DJ001 - null: there was no signing key, or it was taken out of the set
    signed_by = models.ForeignKey(SigningKey, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField(null=True)
    # Counts the changes, for ETags.
    revision = models.PositiveIntegerField(default=1)

    objects = FirmwareQuerySet.as_manager()

    class Meta:
        default_permissions = ("add", "change", "view")
        verbose_name_plural = "firmware"
        indexes = [
            models.Index(fields=["product", "channel", "-precedence"], name="firmware_by_precedence"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["product", "version"], name="firmware_version_once_for_a_product"),
            models.CheckConstraint(condition=~Q(product="") & ~Q(version=""), name="firmware_named"),
            models.CheckConstraint(condition=Q(channel__in=["dev", "beta", "stable"]), name="firmware_channel_known"),
            models.CheckConstraint(condition=Q(hardware=None) | ~Q(hardware=""), name="firmware_hardware_not_empty"),
            models.CheckConstraint(condition=Q(min_from=None) | ~Q(min_from=""), name="firmware_min_from_not_empty"),
            models.CheckConstraint(condition=Q(sha256__length=SHA256_LENGTH), name="firmware_sha256_length"),
            models.CheckConstraint(condition=Q(size__gte=1), name="firmware_not_empty"),
            models.CheckConstraint(condition=Q(revision__gte=1), name="firmware_revision_positive"),
            models.CheckConstraint(
                condition=Q(manifest__isnull=True, signed_by__isnull=True)
                | Q(manifest__isnull=False, signed_by__isnull=False),
                name="firmware_manifest_iff_signed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.product} {self.version}"


class FirmwareTarget(models.Model):
    """The firmware that a device should run; a device without a row keeps what it has.

    A roll-out's is offered until the device's time in the maintenance window is over, an admin's without an end.
    """

    class Source(models.TextChoices):
        ADMIN = "admin"
        ROLLOUT = "rollout"

    device = models.OneToOneField(Device, on_delete=models.PROTECT, primary_key=True, related_name="firmware_target")
    firmware = models.ForeignKey(Firmware, on_delete=models.PROTECT, related_name="targets")
    set_at = models.DateTimeField()
    source = models.CharField(max_length=8, choices=Source.choices)
    offered_until = models.DateTimeField(null=True)  # exclusive

    objects = FirmwareTargetQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(condition=Q(source__in=["admin", "rollout"]), name="firmwaretarget_source_known"),
            models.CheckConstraint(
                condition=Q(source="rollout", offered_until__isnull=False)
                | ~Q(source="rollout") & Q(offered_until=None),
                name="firmwaretarget_ends_iff_of_rollout",
            ),
        ]

    def __str__(self) -> str:
        return f"target of {self.device_id}"
