"""The audit's events about firmware."""

from django.db.models import TextChoices

from audit.services import Subject
from fleet.firmware.models import Firmware

FIRMWARE = "firmware"


class FirmwareAction(TextChoices):
    UPLOADED = "firmware.uploaded"
    WITHDRAWN = "firmware.withdrawn"
    REINSTATED = "firmware.reinstated"
    NOTES_CHANGED = "firmware.notes_changed"
    SIGNED = "firmware.signed"


class FirmwareTargetAction(TextChoices):
    """Events of the device."""

    TARGET_CHANGED = "device.target_firmware_changed"


def firmware_subject(firmware: Firmware) -> Subject:
    return Subject(FIRMWARE, firmware.pk, str(firmware))
