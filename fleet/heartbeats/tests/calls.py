"""A device that calls, for tests."""

import uuid
from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from rest_framework.test import APIClient

from audit.actors import SYSTEM
from conftest import RegisteredSite
from fleet.devices.models import DevicePulse
from fleet.devices.services import register_device


@dataclass
class RegisteredDevice:
    """A device as it knows itself: the id and the key."""

    id: uuid.UUID
    key: str

    @property
    def headers(self) -> dict[str, str]:
        return {"X-Device-ID": str(self.id), "X-Device-Key": self.key}

    @property
    def pulse(self) -> DevicePulse:
        return DevicePulse.objects.get(pk=self.id)

    def call(self, **report: Any) -> Any:
        return APIClient().post("/api/devices/heartbeat", report, format="json", headers=self.headers)


def a_device(site: RegisteredSite, device_id: str = "till-1", **facts: str) -> RegisteredDevice:
    new = register_device(uuid.UUID(site.site_id), device_id=device_id, by=SYSTEM, at=timezone.now(), **facts)
    return RegisteredDevice(new.device.pk, new.device_key)
