"""Sites and devices for tests of roll-outs, without requests; devices report what a test says."""

import random
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from audit.actors import SYSTEM
from fleet.devices.models import Device, DevicePulse
from fleet.firmware.models import Firmware, FirmwareTarget
from fleet.firmware.versions import precedence_key
from fleet.rollouts.engine import advance_rollouts
from fleet.rollouts.models import Rollout, RolloutDevice
from fleet.rollouts.services import create_rollout, start_rollout
from fleet.rollouts.waves import WaveSpec
from sites.models import Site, SitePulse

# 03:00 in Rome on an ordinary day: the usual window opens.
NIGHT = datetime(2026, 6, 2, 1, tzinfo=UTC)
ALL_AT_ONCE = (WaveSpec(100, observation_minutes=0, max_failures=0),)


class Estate:
    """Locations in Rome, unless a test says otherwise, at a time that it moves."""

    def __init__(self) -> None:
        self.at = NIGHT
        # Which wave a device is in follows from ids.
        self.randomness = random.Random(1)
        self.old, self.new = self.firmware("1.0.0"), self.firmware("2.0.0")

    def new_id(self) -> uuid.UUID:
        return uuid.UUID(int=self.randomness.getrandbits(128))

    def firmware(self, version: str, **facts: Any) -> Firmware:
        pk = self.new_id()
        return Firmware.objects.create(
            pk=pk,
            product="till",
            version=version,
            precedence=precedence_key(version),
            channel="stable",
            sha256="0" * 64,
            size=1_000,
            file_name=f"{pk}.bin",
            created_at=self.at,
            **facts,
        )

    def move(self, **by: float) -> datetime:
        self.at += timedelta(**by)
        return self.at

    def site(self, name: str = "Roma", timezone: str = "Europe/Rome") -> Site:
        site = Site.objects.create(
            pk=self.new_id(),
            name=name,
            owner_name="Giulia",
            contact_email="giulia@roma.example",
            timezone=timezone,
            search_text=name.lower(),
            license_expires_at=self.at + timedelta(days=365),
            created_at=self.at,
            updated_at=self.at,
        )
        SitePulse.objects.create(site=site)
        return site

    def device(self, site: Site, device_id: str = "till-1", *, version: str = "1.0.0", **facts: Any) -> Device:
        """Online, and reports that version."""
        device = Device.objects.create(
            pk=self.new_id(),
            site=site,
            device_id=device_id,
            name=device_id,
            search_text=device_id,
            created_at=self.at,
            updated_at=self.at,
            **facts,
        )
        DevicePulse.objects.create(device=device)
        self.report(device, version=version)
        return device

    def devices(self, site: Site, number: int) -> list[Device]:
        return [self.device(site, f"till-{each + 1}") for each in range(number)]

    def report(self, *devices: Device, version: str | None = None, is_stopped: bool = False) -> None:
        """A heartbeat of each, after which they are online for a minute."""
        changes: dict[str, Any] = {
            "last_seen_at": self.at,
            "due_at": self.at + timedelta(minutes=1),
            "day": self.at.date(),
            "is_stopped": is_stopped,
        }
        if version is not None:
            changes["firmware_version"] = version
        DevicePulse.objects.filter(pk__in=[device.pk for device in devices]).update(**changes)

    def report_all(self) -> None:
        self.report(*Device.objects.live())

    def tick(self, **by: float) -> Any:
        self.move(**by)
        return advance_rollouts(at=self.at)

    def start(self, firmware: Firmware | None = None, **facts: Any) -> Rollout:
        values: dict[str, Any] = {"name": "June", "waves": ALL_AT_ONCE, **facts}
        created = create_rollout(firmware_id=(firmware or self.new).pk, by=SYSTEM, at=self.at, **values)
        return start_rollout(created.pk, by=SYSTEM, at=self.at)


def row_of(device: Device, direction: str = "forward") -> RolloutDevice:
    row: RolloutDevice = RolloutDevice.objects.filter(device=device, direction=direction).latest("id")
    return row


def state_of(device: Device) -> tuple[str, str]:
    row = row_of(device)
    return row.state, row.reason


def states_of(rollout: Rollout) -> dict[uuid.UUID, str]:
    return dict(RolloutDevice.objects.filter(rollout=rollout).values_list("device", "state"))


def target_of(device: Device) -> str | None:
    target = FirmwareTarget.objects.filter(device=device).select_related("firmware").first()
    return target.firmware.version if target else None
