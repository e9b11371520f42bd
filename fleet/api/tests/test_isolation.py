"""Who may do what with the fleet's API: each operation of the description, with each kind of credentials.

The operations come from the description, so that a new one is refused here until it is listed.
"""

import re
import uuid
from dataclasses import dataclass

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Admin
from audit.actors import SYSTEM
from config.documentation import description
from conftest import Register, RegisteredSite, SignIn
from fleet.firmware.tests.rows import add_row
from fleet.heartbeats.tests.calls import RegisteredDevice, a_device
from sites.services import create_organization

pytestmark = pytest.mark.django_db

TAGS = {"organizations", "locations", "devices", "firmware", "rollouts", "analytics"}
ADMINS, DEVICES = ("sysadmin", "support", "viewer"), ("device", "neighbour", "stranger")
OTHERS = ("site", "wrong key", "nobody")

READ, ADMINISTER = {"sysadmin", "support", "viewer"}, {"sysadmin"}
# A device says everything of itself; no path or body names another one.
DEVICE = set(DEVICES)
# Who may do it. All others are refused: admins with 403, everybody else with 401.
ALLOWED: dict[str, set[str]] = {
    **dict.fromkeys(("list_organizations", "get_organization", "list_locations", "get_location"), READ),
    **dict.fromkeys(("create_organization", "update_organization", "create_location", "update_location"), ADMINISTER),
    "create_enrolment_code": ADMINISTER,
    **dict.fromkeys(("list_devices", "get_device", "get_device_health", "get_device_telemetry"), READ),
    **dict.fromkeys(("update_device", "retire_device", "rotate_device_key"), ADMINISTER),
    **dict.fromkeys(("send_device_heartbeat", "report_health", "report_telemetry"), DEVICE),
    **dict.fromkeys(("list_firmware", "get_latest_firmware", "get_firmware", "download_firmware"), READ | DEVICE),
    **dict.fromkeys(("upload_firmware", "update_firmware"), ADMINISTER),
    **dict.fromkeys(("list_rollouts", "get_rollout", "list_rollout_devices"), READ),
    **dict.fromkeys(("plan_rollout", "create_rollout", "start_rollout", "pause_rollout", "resume_rollout"), ADMINISTER),
    **dict.fromkeys(("abort_rollout", "roll_back_rollout"), ADMINISTER),
    **dict.fromkeys(("get_organization_analytics", "get_location_analytics"), READ),
}
# It takes an enrolment code and other credentials than the rest, see test_registration.
BY_ITSELF = {"register_device"}


@dataclass(frozen=True)
class Operation:
    name: str
    method: str
    path: str


def operations(ids: dict[str, str]) -> list[Operation]:
    """Of the fleet, with the ids of things that exist in the paths."""
    found = []
    for path, methods in description().get("paths", {}).items():
        for method, described in methods.items():
            if TAGS & set(described.get("tags", ())) and described["operationId"] not in BY_ITSELF:
                (tag,) = TAGS & set(described["tags"])
                named = re.sub(r"\{(\w+)\}", lambda match, tag=tag: ids.get(tag, ids["locations"]), path)
                found.append(Operation(described["operationId"], method, named))
    return found


@pytest.fixture
def till(roma: RegisteredSite) -> RegisteredDevice:
    return a_device(roma)


@pytest.fixture
def callers(
    anna: Admin,
    ben: Admin,
    vera: Admin,
    signed_in: SignIn,
    register: Register,
    roma: RegisteredSite,
    till: RegisteredDevice,
) -> dict[str, APIClient]:
    def with_headers(headers: dict[str, str]) -> APIClient:
        client = APIClient(headers=headers)
        client.default_format = "json"
        return client

    neighbour, stranger = a_device(roma, "till-2"), a_device(register(name="Milano"))
    return {
        "sysadmin": signed_in(anna),
        "support": signed_in(ben),
        "viewer": signed_in(vera),
        "device": with_headers(till.headers),
        "neighbour": with_headers(neighbour.headers),
        "stranger": with_headers(stranger.headers),
        "site": with_headers({"X-Site-ID": roma.site_id, "X-Site-Key": roma.key}),
        "wrong key": with_headers({**till.headers, "X-Device-Key": neighbour.key}),
        "nobody": with_headers({}),
    }


def test_each_operation_with_each_kind_of_credentials(
    callers: dict[str, APIClient], roma: RegisteredSite, till: RegisteredDevice, anna: Admin
) -> None:
    organization = create_organization(name="Conti", by=SYSTEM, at=timezone.now())
    firmware = add_row()
    ids = {
        "locations": roma.site_id,
        "organizations": str(organization.pk),
        "devices": str(till.id),
        "firmware": str(firmware.pk),
        "rollouts": str(uuid.uuid4()),
        "analytics": str(organization.pk),
    }
    found = operations(ids)
    assert {operation.name for operation in found} <= set(ALLOWED), "a new operation must be listed above"
    assert len(found) >= 20
    wrong = []
    for operation in sorted(found, key=lambda operation: operation.name == "retire_device"):
        allowed = ALLOWED[operation.name]
        # Refused ones first: the allowed ones may change something.
        for name in sorted(callers, key=lambda name: name in allowed):
            answer = getattr(callers[name], operation.method)(operation.path, {} if operation.method != "get" else None)
            expected = "allowed" if name in allowed else 403 if name in ADMINS and not allowed <= DEVICE else 401
            status = "allowed" if answer.status_code not in (401, 403) else answer.status_code
            if status != expected or answer.status_code >= 500:
                wrong.append(f"{name}: {operation.name} is {answer.status_code}, expected {expected}")
    assert wrong == []
