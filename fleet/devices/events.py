"""The audit's events about devices and enrolment codes."""

from django.db.models import TextChoices

from audit.services import Subject
from fleet.devices.models import Device

DEVICE = "device"


class DeviceAction(TextChoices):
    REGISTERED = "device.registered"
    REPLACED = "device.replaced"
    UPDATED = "device.updated"
    KEY_ROTATED = "device.key_rotated"
    KEY_RETIRED = "device.key_retired"
    RETIRED = "device.retired"
    COMMAND_SENT = "device.command_sent"
    CLONE_SUSPECTED = "device.clone_suspected"
    CLONE_DISMISSED = "device.clone_dismissed"


class EnrolmentAction(TextChoices):
    """Events of the site for which a code was made."""

    CODE_CREATED = "site.enrolment_code_created"
    CODE_REVOKED = "site.enrolment_code_revoked"


def device_subject(device: Device) -> Subject:
    return Subject(DEVICE, device.pk, device.name)
