"""The client of a device: a till, a printer bridge, a camera, a display."""

from portcullis_agent.device.device import Device, DeviceBeat
from portcullis_agent.device.enrolment import Enrolment, EnrolmentFailed, enrol
from portcullis_agent.device.firmware.manifest import FirmwareRefused, Manifest
from portcullis_agent.device.firmware.versions import Version
from portcullis_agent.device.settings import DeviceSettings

__all__ = [
    "Device",
    "DeviceBeat",
    "DeviceSettings",
    "Enrolment",
    "EnrolmentFailed",
    "FirmwareRefused",
    "Manifest",
    "Version",
    "enrol",
]
