"""`/api/devices`: devices that are not there any more, and changes with If-Match."""

import uuid
from typing import Any

import pytest
from rest_framework.test import APIClient

from audit.actors import SYSTEM
from conftest import Clock, RegisteredSite
from fleet.devices.models import Device, DeviceKey
from fleet.heartbeats.tests.calls import RegisteredDevice, a_device
from sites.services import deregister_site
from sites.tests.conftest import assert_problem

pytestmark = pytest.mark.django_db

CHANGES: list[tuple[str, str, dict[str, Any] | None]] = [
    ("patch", "", {"name": "Bar"}),
    ("delete", "", None),
    ("post", "/rotate-key", {"overlap_hours": 1}),
]


@pytest.fixture
def till(roma: RegisteredSite) -> RegisteredDevice:
    return a_device(roma)


def rows() -> list[Any]:
    return [*Device.objects.values(), *DeviceKey.objects.values()]


@pytest.mark.parametrize(("method", "part", "body"), [("get", "", None), *CHANGES])
def test_the_devices_of_a_deregistered_site_are_not_there(
    api: APIClient, roma: RegisteredSite, till: RegisteredDevice, clock: Clock, method: str, part: str, body: Any
) -> None:
    deregister_site(uuid.UUID(roma.site_id), by=SYSTEM, at=clock.at)
    before = rows()
    assert_problem(getattr(api, method)(f"/api/devices/{till.id}{part}", body), 404, "device_not_found")
    assert rows() == before


@pytest.mark.parametrize(("method", "part", "body"), CHANGES)
def test_a_change_of_another_revision_is_refused(
    api: APIClient, till: RegisteredDevice, method: str, part: str, body: Any
) -> None:
    path, before = f"/api/devices/{till.id}", rows()
    tag = api.get(path)["ETag"]
    change = getattr(api, method)
    assert_problem(change(f"{path}{part}", body, headers={"If-Match": '"99"'}), 412, "device_changed_meanwhile")
    assert rows() == before
    assert change(f"{path}{part}", body, headers={"If-Match": tag}).status_code in (200, 204)
