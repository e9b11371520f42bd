"""Read the body of a device's heartbeat. A valid one is read without the serializer, which would cost more than all else."""

from typing import Any

from fleet.devices.limits import MAX_SEQUENCE, MAX_UPTIME, MAX_VERSION_LENGTH
from fleet.heartbeats.api.serializers import MAX_CONFIG_VERSION, DeviceReportSerializer
from fleet.heartbeats.services import DeviceReport
from heartbeat.api.reports import read_uuid

# It holds no state, so one instance serves all requests.
REPORT = DeviceReportSerializer()


def read_device_report(body: dict[str, Any]) -> DeviceReport:
    """Raises ValidationError, which DeviceReportSerializer words."""
    get = body.get
    status, version, uptime, boot = get("status"), get("firmware_version"), get("uptime_seconds"), get("boot_id")
    sequence, config_version = get("sequence"), get("config_version")
    boot_id = None if boot is None else read_uuid(boot)
    if (
        (status is None or status == "online" or status == "stopped")
        and (
            version is None
            or (type(version) is str and 0 < len(version) <= MAX_VERSION_LENGTH and version.isprintable())
        )
        and (uptime is None or (type(uptime) is int and 0 <= uptime <= MAX_UPTIME))
        and (boot is None or boot_id is not None)
        and (sequence is None or (type(sequence) is int and 0 <= sequence <= MAX_SEQUENCE))
        and (config_version is None or (type(config_version) is int and 0 <= config_version <= MAX_CONFIG_VERSION))
    ):
        return DeviceReport(status == "stopped", version, uptime, boot_id, sequence, config_version)
    valid = REPORT.run_validation(body)
    is_stopped = valid.pop("status", None) == "stopped"
    return DeviceReport(is_stopped, **valid)
