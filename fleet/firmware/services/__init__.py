"""Everything that changes firmware and the targets of devices: one function for each change of state."""

from fleet.firmware.services.changes import update_firmware
from fleet.firmware.services.manifests import sign_firmware
from fleet.firmware.services.targets import OfferedFirmware, end_offers, set_target, set_targets, targets_of
from fleet.firmware.services.uploads import add_firmware

__all__ = [
    "OfferedFirmware",
    "add_firmware",
    "end_offers",
    "set_target",
    "set_targets",
    "sign_firmware",
    "targets_of",
    "update_firmware",
]
