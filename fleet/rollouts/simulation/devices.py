"""Simulated restaurants and what is in them, in the database and outside of it."""

import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from fleet.devices.models import Device, DevicePulse
from fleet.firmware.models import Firmware
from fleet.firmware.versions import precedence_key
from fleet.rollouts.models import MaintenanceWindow
from fleet.rollouts.services import USUAL_WINDOW
from fleet.rollouts.windows import Window
from sites.models import Site, SitePulse

OLD, NEW = "1.0.0", "2.0.0"
ZONES = (
    "Europe/Rome",
    "America/New_York",
    "America/Havana",
    "Asia/Kathmandu",
    "Asia/Tokyo",
    "Pacific/Chatham",
    "Australia/Lord_Howe",
    "UTC",
)
# Also across midnight, and where clocks change.
WINDOWS = (
    USUAL_WINDOW,
    USUAL_WINDOW,
    Window(time(1, 30), time(4)),
    Window(time(23), time(2, 30)),
    Window(time(2), time(3)),
)
MINUTE = timedelta(minutes=1)


@dataclass
class SimulatedDevice:
    """A device as it is in the world. While it installs something it does not call."""

    id: uuid.UUID
    site: int
    is_killed_by_new: bool
    version: str = OLD
    is_dead: bool = False
    offline_until: datetime | None = None
    installs: str | None = None
    installed_at: datetime | None = None
    has_installed_new: bool = False

    def calls(self, at: datetime) -> bool:
        is_away = self.offline_until is not None and at < self.offline_until
        return not self.is_dead and not is_away and self.installs is None

    def begin(self, version: str, *, at: datetime, minutes: int) -> None:
        self.installs, self.installed_at = version, at + minutes * MINUTE
        self.has_installed_new |= version == NEW

    def finish(self, at: datetime) -> None:
        """Install what is due by now; a version that kills the device leaves it silent."""
        if self.installs is None or self.installed_at is None or at < self.installed_at:
            return
        self.version, self.installs, self.installed_at = self.installs, None, None
        self.is_dead = self.version == NEW and self.is_killed_by_new


def add_firmware(at: datetime, randomness: random.Random) -> tuple[Firmware, Firmware]:
    """The old and the new version."""
    old, new = (
        Firmware(
            pk=uuid.UUID(int=randomness.getrandbits(128)),
            product="till",
            version=version,
            precedence=precedence_key(version),
            channel="stable",
            sha256="0" * 64,
            size=1_000,
            file_name=f"{version}.bin",
            created_at=at,
        )
        for version in (OLD, NEW)
    )
    Firmware.objects.bulk_create([old, new])
    return old, new


def add_sites(number: int, at: datetime, randomness: random.Random) -> tuple[list[Site], list[Window]]:
    """Each zone and window comes with each other."""
    sites = [
        Site(
            pk=uuid.UUID(int=randomness.getrandbits(128)),
            name=f"Restaurant {index + 1}",
            owner_name="Giulia",
            contact_email="giulia@restaurant.example",
            timezone=ZONES[index % len(ZONES)],
            search_text=f"restaurant {index + 1}",
            license_expires_at=at + timedelta(days=3_650),
            created_at=at,
            updated_at=at,
        )
        for index in range(number)
    ]
    windows = [WINDOWS[index // len(ZONES) % len(WINDOWS)] for index in range(number)]
    Site.objects.bulk_create(sites)
    SitePulse.objects.bulk_create([SitePulse(site=site) for site in sites])
    MaintenanceWindow.objects.bulk_create(
        [
            MaintenanceWindow(site=site, start=window.start, end=window.end)
            for site, window in zip(sites, windows, strict=True)
            if window != USUAL_WINDOW
        ]
    )
    return sites, windows


def add_devices(
    number: int, sites: Sequence[Site], *, killed_percent: float, at: datetime, randomness: random.Random
) -> list[SimulatedDevice]:
    """At least one at each site, as long as there are enough."""
    simulated = [
        SimulatedDevice(
            uuid.UUID(int=randomness.getrandbits(128)),
            index if index < len(sites) else randomness.randrange(len(sites)),
            is_killed_by_new=randomness.random() * 100 < killed_percent,
        )
        for index in range(number)
    ]
    Device.objects.bulk_create(
        [
            Device(
                pk=each.id,
                site=sites[each.site],
                device_id=f"till-{index}",
                name=f"Till {index}",
                search_text=f"till {index}",
                created_at=at,
                updated_at=at,
            )
            for index, each in enumerate(simulated)
        ]
    )
    DevicePulse.objects.bulk_create([DevicePulse(device_id=each.id, firmware_version=OLD) for each in simulated])
    return simulated
