"""Record a heartbeat of a device: who calls, what it says, what it is answered."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from fleet.devices.authentication import DeviceCredentials, authenticate_device
from fleet.heartbeats.answers import answer_to
from fleet.heartbeats.beats import Beat, WaitingBeats
from fleet.heartbeats.writing import write_beats

waiting_beats = WaitingBeats(write_beats)


@dataclass(frozen=True, slots=True)
class DeviceReport:
    """The body of a heartbeat. What is left out is None and stays as it was; `is_stopped`: the device says that it stops."""

    is_stopped: bool = False
    firmware_version: str | None = None
    uptime_seconds: int | None = None
    boot_id: UUID | None = None
    sequence: int | None = None
    config_version: int | None = None


def record_device_heartbeat(
    credentials: DeviceCredentials, report: DeviceReport, *, ip: str | None, at: datetime
) -> dict[str, Any]:
    """The answer. The heartbeat is written within two seconds, or before this returns.

    Raises InvalidDeviceCredentials, TooManyFailures.
    """
    known = authenticate_device(credentials, ip=ip, at=at)
    answer = answer_to(known, config_version=report.config_version, firmware_version=report.firmware_version, at=at)
    due_at = at + timedelta(seconds=answer["next_heartbeat_seconds"])
    beat = Beat(
        at,
        due_at,
        report.is_stopped,
        report.firmware_version,
        report.uptime_seconds,
        report.boot_id,
        report.sequence,
        report.config_version,
    )
    waiting_beats.add(known.id, beat)
    return answer
