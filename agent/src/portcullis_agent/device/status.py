"""What a device knows about itself, without the network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from portcullis_agent.device.moments import rfc3339
from portcullis_agent.device.queue import Queue
from portcullis_agent.device.settings import DeviceSettings
from portcullis_agent.device.state import DeviceStore
from portcullis_agent.keys import KeyRing


@dataclass(frozen=True)
class Status:
    """As stored by the process that runs the device; it may be ten minutes old."""

    settings: DeviceSettings
    firmware_version: str
    firmware_problem: str
    config_version: int
    config: dict[str, Any]
    licensed: bool | None
    locked: bool | None
    last_contact_at: float | None
    waiting_samples: int
    waiting_periods: int
    queue_bytes: int
    keys: KeyRing

    def as_dict(self) -> dict[str, Any]:
        contact = self.last_contact_at
        return {
            "url": self.settings.url,
            "id": self.settings.id,
            "device_id": self.settings.device_id,
            "name": self.settings.name,
            "role": self.settings.role,
            "hardware": self.settings.hardware,
            "product": self.settings.product,
            "firmware_version": self.firmware_version,
            "firmware_problem": self.firmware_problem or None,
            "config_version": self.config_version,
            "config": self.config,
            "licensed": self.licensed,
            "locked": self.locked,
            "last_contact_at": None if contact is None else rfc3339(contact),
            "waiting": {"samples": self.waiting_samples, "periods": self.waiting_periods, "bytes": self.queue_bytes},
            "pinned_keys": [key.kid for key in self.keys.pinned],
        }

    def as_text(self) -> str:
        """For a person, in a few lines."""
        contact = self.last_contact_at
        lines = [
            f"Device: {self.settings.device_id or 'not known'} ({self.settings.id})",
            f"Server: {self.settings.url}",
            f"Last contact: {'never' if contact is None else rfc3339(contact)}",
            f"Firmware: {self.firmware_version or 'not known'}",
            f"Configuration: version {self.config_version}",
            f"Licensed: {_yes(self.licensed)}, locked: {_yes(self.locked)} (a device works in any case)",
            f"Waiting for the server: {self.waiting_samples} samples, {self.waiting_periods} periods",
        ]
        lines += [f"Problem: {self.firmware_problem}"] if self.firmware_problem else []
        return "\n".join("".join(c if c.isprintable() else " " for c in line) for line in lines)


def _yes(value: bool | None) -> str:
    return "not known" if value is None else "yes" if value else "no"


def read_status(settings: DeviceSettings) -> Status:
    """Read the state folder, also while another process writes it."""
    state = DeviceStore(settings.state_dir).state
    samples = Queue(settings.state_dir / "health", settings.queue_bytes)
    periods = Queue(settings.state_dir / "telemetry", settings.queue_bytes)
    return Status(
        settings=settings,
        firmware_version=settings.firmware_version or state.firmware.installed,
        firmware_problem=state.firmware.problem,
        config_version=state.config_version,
        config=state.config,
        licensed=state.licensed,
        locked=state.locked,
        last_contact_at=state.last_contact_at,
        waiting_samples=len(samples),
        waiting_periods=len(periods),
        queue_bytes=samples.size + periods.size,
        keys=state.key_ring(settings.issuer),
    )
