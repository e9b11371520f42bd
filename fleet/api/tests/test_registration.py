"""How devices register: by a code, by their location's local backend, by themselves."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from audit.actors import SYSTEM
from conftest import Register, RegisteredSite
from fleet.devices.models import Device, DeviceKey, EnrolmentCode
from fleet.devices.services import create_enrolment_code
from fleet.firmware.tests.rows import add_row
from fleet.heartbeats.tests.calls import a_device

pytestmark = pytest.mark.django_db

TILL = {"device_id": "till-1", "role": "till", "hardware": "rpi-5", "firmware_version": "1.2.0"}


@pytest.fixture
def anybody() -> APIClient:
    client = APIClient()
    client.default_format = "json"
    return client


def new_code(api: APIClient, site: RegisteredSite, **facts: Any) -> str:
    answer = api.post(f"/api/locations/{site.site_id}/enrolment-codes", facts)
    assert answer.status_code == 201, answer.json()
    return str(answer.json()["code"])


def register(client: APIClient, headers: dict[str, str] | None = None, **facts: Any) -> Any:
    return client.post("/api/devices/register", {**TILL, **facts}, headers=headers)


def test_a_code_registers_as_many_devices_as_it_has_uses(
    api: APIClient, anybody: APIClient, roma: RegisteredSite
) -> None:
    code = new_code(api, roma, uses=2)
    first = register(anybody, enrolment_code=code)
    assert first.status_code == 201
    body = first.json()
    assert body["device_key"].startswith("pdk_")
    assert (body["location_id"], body["status"], body["firmware_version"]) == (roma.site_id, "never_seen", "1.2.0")
    assert first["Location"] == f"/api/devices/{body['id']}"
    assert register(anybody, device_id="till-2", enrolment_code=code.lower().replace("-", " ")).status_code == 201
    refused = register(anybody, device_id="till-3", enrolment_code=code)
    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_enrolment_code")
    assert refused["WWW-Authenticate"]
    assert Device.objects.count() == 2


def test_all_wrong_codes_are_refused_alike(api: APIClient, anybody: APIClient, roma: RegisteredSite) -> None:
    used, expired = new_code(api, roma), new_code(api, roma)
    assert register(anybody, enrolment_code=used).status_code == 201
    EnrolmentCode.objects.filter(used=0).update(expires_at="2020-01-02T00:00:00Z", created_at="2020-01-01T00:00:00Z")
    answers = [register(anybody, device_id="x", enrolment_code=each) for each in (used, expired, "no", "\U0001f355")]
    answers.append(register(anybody, device_id="x"))
    assert [answer.status_code for answer in answers] == [401] * 5
    assert len({answer.content for answer in answers}) == 1
    assert answers[0].json()["code"] == "invalid_enrolment_code"


def test_a_refused_registration_uses_nothing_up(api: APIClient, anybody: APIClient, roma: RegisteredSite) -> None:
    code = new_code(api, roma, uses=2)
    assert register(anybody, enrolment_code=code).status_code == 201
    taken = register(anybody, enrolment_code=code)
    assert (taken.status_code, taken.json()["code"]) == (409, "device_exists")
    assert register(anybody, enrolment_code=code, location_id=str(uuid.uuid4())).status_code == 401
    assert register(anybody, enrolment_code=code, device_id="no spaces").status_code == 400
    assert EnrolmentCode.objects.get().used == 1


def test_a_replaced_device_keeps_its_id_and_its_old_key_ends(
    api: APIClient, anybody: APIClient, roma: RegisteredSite
) -> None:
    code = new_code(api, roma, uses=3)
    old = register(anybody, enrolment_code=code).json()
    new = register(anybody, enrolment_code=code, replace=True, firmware_version="2.0.0")
    assert (new.status_code, new.json()["id"], new.json()["firmware_version"]) == (201, old["id"], "2.0.0")
    own = {"X-Device-ID": old["id"], "X-Device-Key": old["device_key"]}
    assert register(anybody, headers=own).json()["code"] == "invalid_device_credentials"
    own["X-Device-Key"] = new.json()["device_key"]
    assert register(anybody, headers=own).status_code == 200
    assert DeviceKey.objects.filter(revoked_at=None).count() == 1


def test_a_local_backend_registers_the_devices_of_its_site(anybody: APIClient, roma: RegisteredSite) -> None:
    headers = {"X-Site-ID": roma.site_id, "X-Site-Key": roma.key}
    assert register(anybody, headers=headers).status_code == 201
    assert register(anybody, headers=headers).json()["code"] == "device_exists"
    assert register(anybody, headers=headers, replace=True).json()["code"] == "device_exists"
    other = register(anybody, headers=headers, device_id="b", location_id=str(uuid.uuid4()))
    assert (other.status_code, other.json()["errors"][0]["pointer"]) == (400, "/location_id")
    headers["X-Site-Key"] = roma.key[:-1]
    assert register(anybody, headers=headers).json()["code"] == "invalid_site_credentials"


def test_a_device_updates_what_it_says_of_itself(anybody: APIClient, roma: RegisteredSite) -> None:
    site = {"X-Site-ID": roma.site_id, "X-Site-Key": roma.key}
    till = register(anybody, headers=site).json()
    own = {"X-Device-ID": till["id"], "X-Device-Key": till["device_key"]}
    answer = register(anybody, headers=own, name="Till at the door", firmware_version="1.3.0", hardware=None)
    assert answer.status_code == 200
    body = answer.json()
    assert "device_key" not in body
    assert (body["name"], body["hardware"], body["firmware_version"]) == ("Till at the door", "rpi-5", "1.3.0")
    assert register(anybody, headers=own, device_id="till-2").status_code == 400


def test_two_locations_may_have_a_device_of_the_same_id(
    anybody: APIClient, roma: RegisteredSite, register: Register
) -> None:
    milano = register(name="Milano")
    for site in (roma, milano):
        headers = {"X-Site-ID": site.site_id, "X-Site-Key": site.key}
        assert anybody.post("/api/devices/register", TILL, headers=headers).status_code == 201


def test_admins_read_change_rotate_and_retire(api: APIClient, anybody: APIClient, roma: RegisteredSite) -> None:
    site = {"X-Site-ID": roma.site_id, "X-Site-Key": roma.key}
    till = register(anybody, headers=site).json()
    path = f"/api/devices/{till['id']}"
    assert api.get("/api/devices", {"location_id": roma.site_id, "status": "never_seen"}).json()["count"] == 1
    assert api.get("/api/devices", {"search": "TILL"}).json()["results"][0]["id"] == till["id"]
    changed = api.patch(path, {"config": {"printer": "tcp://10.0.0.3"}})
    assert (changed.status_code, changed.json()["config_version"]) == (200, 2)
    assert api.patch(path, {"name": "x"}, headers={"If-Match": '"1"'}).status_code == 412
    rotated = api.post(f"{path}/rotate-key")
    assert set(rotated.json()) == {"device_key", "previous_key_expires_at"}
    location = api.get(f"/api/locations/{roma.site_id}").json()
    assert location["devices"] == {"total": 1, "online": 0, "late": 0, "offline": 0, "never_seen": 1, "stopped": 0}
    assert api.delete(path).status_code == 204
    assert api.get(path).status_code == 404
    assert api.delete(path).status_code == 404
    assert register(anybody, headers=site).status_code == 201  # the id is free again


def test_an_admin_gives_a_device_a_target(api: APIClient, roma: RegisteredSite) -> None:
    till, firmware = a_device(roma, hardware="rpi-5"), add_row("1.1.0")
    path = f"/api/devices/{till.id}"
    answer = api.patch(path, {"target_firmware": str(firmware.pk)})
    assert (answer.status_code, answer.json()["target_firmware"]) == (200, str(firmware.pk))
    unknown = api.patch(path, {"target_firmware": str(uuid.uuid4()), "name": "x"})
    assert (unknown.status_code, unknown.json()["errors"][0]["pointer"]) == (400, "/target_firmware")
    assert api.get(path).json()["name"] == "till-1", "all of a change is refused, or none"
    assert api.patch(path, {"target_firmware": None}).json()["target_firmware"] is None


def test_a_device_that_still_has_its_code_updates_itself(
    api: APIClient, anybody: APIClient, roma: RegisteredSite
) -> None:
    code = new_code(api, roma)
    till = register(anybody, enrolment_code=code).json()
    own = {"X-Device-ID": till["id"], "X-Device-Key": till["device_key"]}
    again = register(anybody, headers=own, enrolment_code=code, firmware_version="2.0.0")
    assert (again.status_code, again.json()["firmware_version"]) == (200, "2.0.0")
    assert "device_key" not in again.json()
    wrong = {**own, "X-Device-Key": till["device_key"][:-1]}
    assert register(anybody, headers=wrong, enrolment_code=code).json()["code"] == "invalid_enrolment_code"
    fresh = new_code(api, roma)
    assert register(anybody, headers=wrong, enrolment_code=fresh, replace=True).status_code == 201
    elsewhere = register(anybody, headers=wrong, location_id=str(uuid.uuid4()))
    assert elsewhere.json()["code"] == "invalid_device_credentials"


def test_numbers_that_no_database_gives_back_are_refused(api: APIClient, roma: RegisteredSite) -> None:
    till = a_device(roma)
    for number in (2**63, -(2**70), 1e300):
        answer = api.patch(f"/api/devices/{till.id}", {"config": {"list": [{"deep": number}]}})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/config")
    assert api.patch(f"/api/devices/{till.id}", {"config": {"n": 2**62}}).json()["config"] == {"n": 2**62}


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_as_many_get_in_as_the_code_has_uses(transactional_db: None, roma: RegisteredSite) -> None:
    new = create_enrolment_code(uuid.UUID(roma.site_id), by=SYSTEM, at=timezone.now(), uses=3)
    gate = threading.Barrier(8)

    def enrol(number: int) -> int:
        client = APIClient()
        client.default_format = "json"
        gate.wait(10)
        try:
            return int(register(client, device_id=f"till-{number}", enrolment_code=new.code).status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(enrol, range(8)))
    assert statuses == [201] * 3 + [401] * 5
    assert EnrolmentCode.objects.get().used == Device.objects.count() == 3
