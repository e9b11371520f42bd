from django.utils.safestring import SafeString

from fleet.firmware.models import Firmware
from panel.widgets.badges import badge


def offer_badge(firmware: Firmware) -> SafeString:
    """Whether devices are offered it."""
    return badge("bad", "withdrawn") if firmware.withdrawn_at else badge("good", "available")


def signature_badge(firmware: Firmware) -> SafeString:
    return badge("good", "signed") if firmware.manifest else badge("warn", "not signed")
