"""Everything that changes firmware and the targets of devices: one function for each change of state."""

from fleet.firmware.services.targets import OfferedFirmware, set_target, set_targets, targets_of

__all__ = ["OfferedFirmware", "set_target", "set_targets", "targets_of"]
