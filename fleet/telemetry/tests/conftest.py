"""A device that reports, and a clock on which it does."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from audit.actors import SYSTEM
from common.instants import format_instant
from conftest import Clock, Register
from fleet.devices.services import register_device


@dataclass
class Reporter:
    """A device as it calls the API."""

    id: uuid.UUID
    key: str

    def post(self, path: str, body: Any, **headers: str) -> Any:
        credentials = {"X-Device-ID": str(self.id), "X-Device-Key": self.key}
        return APIClient().post(f"/api/{path}", body, format="json", headers={**credentials, **headers})

    def health(self, *samples: Any) -> dict[str, Any]:
        """The verdict on one call."""
        answer = self.post("health", {"samples": list(samples)})
        assert answer.status_code == 200, answer.content
        verdict: dict[str, Any] = answer.json()
        return verdict

    def telemetry(self, *periods: Any) -> dict[str, Any]:
        answer = self.post("telemetry", {"periods": list(periods)})
        assert answer.status_code == 200, answer.content
        verdict: dict[str, Any] = answer.json()
        return verdict


NewReporter = Callable[..., Reporter]


@pytest.fixture
def new_reporter(register: Register, clock: Clock) -> NewReporter:
    def new(name: str = "till-1", site: Any = None) -> Reporter:
        site = site or register()
        made = register_device(uuid.UUID(site.site_id), device_id=name, by=SYSTEM, at=clock.at)
        return Reporter(made.device.pk, made.device_key)

    return new


@pytest.fixture
def till(new_reporter: NewReporter) -> Reporter:
    return new_reporter()


def sample(moment: datetime | None = None, /, **values: Any) -> dict[str, Any]:
    usual = {"cpu_usage_percent": 12.5, "memory_used_mb": 512, "memory_total_mb": 2048}
    return {**usual, **({"at": format_instant(moment)} if moment else {}), **values}


def period(start: datetime, minutes: float = 60, **metrics: Any) -> dict[str, Any]:
    end = start + timedelta(minutes=minutes)
    return {"period_start": format_instant(start), "period_end": format_instant(end), **metrics}
