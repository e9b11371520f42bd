"""The list, the latest version, one firmware, and its changes."""

from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import Admin
from audit.models import Event
from conftest import Clock, SignIn
from fleet.devices.models import Device
from fleet.firmware.models import Firmware, FirmwareTarget
from fleet.firmware.tests.conftest import Upload
from fleet.firmware.tests.rows import add_row
from sites.tests.conftest import UNKNOWN_ID, assert_problem, newest_event

pytestmark = pytest.mark.django_db


def versions(client: APIClient, **query: Any) -> list[str]:
    return [firmware["version"] for firmware in client.get("/api/firmware", query).json()["results"]]


def latest(client: APIClient, **query: Any) -> str:
    answer = client.get("/api/firmware/latest", {"product": "till", **query})
    assert answer.status_code == 200, answer.content
    return str(answer.json()["version"])


def test_the_list_is_sorted_by_precedence(api: APIClient) -> None:
    for version in ("1.9.0", "1.10.0", "1.10.0-rc.1", "1.10.0-rc.11", "1.10.0-rc.2", "0.99.0"):
        add_row(version)
    assert versions(api) == ["1.10.0", "1.10.0-rc.11", "1.10.0-rc.2", "1.10.0-rc.1", "1.9.0", "0.99.0"]


def test_the_filters_of_the_list(device: APIClient) -> None:
    add_row("1.0.0")
    add_row("1.1.0", channel="beta", withdrawn_at=timezone.now())
    add_row("2.0.0", product="display", channel="beta")
    assert versions(device) == ["2.0.0", "1.1.0", "1.0.0"]
    assert versions(device, product="till") == ["1.1.0", "1.0.0"]
    assert versions(device, channel="beta") == ["2.0.0", "1.1.0"]
    assert versions(device, product="till", channel="beta") == ["1.1.0"]
    assert versions(device, product="unknown") == []


def test_the_pages_of_the_list(api: APIClient, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for number in range(5):
        add_row(f"1.{number}.0")
    page = api.get("/api/firmware", {"page": 2, "page_size": 2}).json()
    assert (page["count"], [each["version"] for each in page["results"]]) == (5, ["1.2.0", "1.1.0"])
    assert "page=3" in page["next"]
    assert_problem(api.get("/api/firmware", {"page": 9}), 404, "not_found")


@pytest.mark.parametrize("query", [{"channel": "nightly"}, {"color": "red"}, {"page": 0}])
def test_a_wrong_query_of_the_list(api: APIClient, query: dict[str, Any]) -> None:
    assert_problem(api.get("/api/firmware", query), 400, "invalid", "/" + next(iter(query)))


def test_the_latest_is_the_newest_stable_version(device: APIClient) -> None:
    for version, channel in [("1.9.0", "stable"), ("1.10.0", "stable"), ("2.0.0", "beta"), ("3.0.0-a", "dev")]:
        add_row(version, channel=channel)
    add_row("9.0.0", product="display")
    add_row("8.0.0", withdrawn_at=timezone.now())
    assert latest(device) == latest(device, channel="stable") == "1.10.0"
    assert latest(device, channel="beta") == "2.0.0"
    assert latest(device, channel="dev") == "3.0.0-a"


def test_the_latest_for_a_hardware(device: APIClient) -> None:
    add_row("1.0.0", hardware=None)
    add_row("2.0.0", hardware="pi-4")
    add_row("3.0.0", hardware="pi-5")
    assert latest(device, hardware="pi-4") == "2.0.0"
    assert latest(device, hardware="pi-5") == "3.0.0"
    assert latest(device, hardware="other") == "1.0.0"
    assert latest(device) == "3.0.0"


def test_of_versions_that_differ_in_build_metadata_the_later_upload_is_the_latest(api: APIClient, clock: Clock) -> None:
    add_row("1.0.0+z", created_at=clock.at)
    add_row("1.0.0+a", created_at=clock.move(hours=1))
    assert latest(api) == "1.0.0+a"


def test_without_any_version_there_is_no_latest(device: APIClient) -> None:
    add_row("1.0.0", channel="beta")
    add_row("1.1.0", withdrawn_at=timezone.now())
    add_row("1.2.0", hardware="pi-5")
    for query in ({"product": "other"}, {"product": "till", "hardware": "pi-4"}, {"product": "till", "channel": "dev"}):
        assert_problem(device.get("/api/firmware/latest", query), 404, "firmware_not_found")


@pytest.mark.parametrize("query", [{}, {"product": "till", "channel": "all"}, {"product": "till", "version": "1.0.0"}])
def test_a_wrong_query_for_the_latest(api: APIClient, query: dict[str, Any]) -> None:
    add_row()
    assert api.get("/api/firmware/latest", query).status_code == 400


def test_one_firmware(device: APIClient) -> None:
    firmware = add_row()
    answer = device.get(f"/api/firmware/{firmware.pk}")
    assert (answer.json()["id"], answer["ETag"]) == (str(firmware.pk), '"1"')
    assert_problem(device.get(f"/api/firmware/{UNKNOWN_ID}"), 404, "firmware_not_found")
    assert_problem(device.get("/api/firmware/1.0.0"), 404, "firmware_not_found")


def test_reading_takes_a_token_or_a_device(device: APIClient, vera: Admin, signed_in: SignIn) -> None:
    firmware = add_row()
    for path in ("/api/firmware", "/api/firmware/latest?product=till", f"/api/firmware/{firmware.pk}"):
        assert device.get(path).status_code == 200
        assert signed_in(vera).get(path).status_code == 200
        assert_problem(APIClient().get(path), 401, "not_authenticated")


def patch(client: APIClient, firmware: Firmware, **body: Any) -> Any:
    return client.patch(f"/api/firmware/{firmware.pk}", body)


def test_withdrawing_and_reinstating(api: APIClient, clock: Clock) -> None:
    firmware = add_row()
    answer = patch(api, firmware, withdrawn=True)
    assert (answer.status_code, answer.json()["withdrawn"]) == (200, True)
    assert answer.json()["withdrawn_at"] == "2026-06-01T12:00:00Z"
    assert newest_event().action == "firmware.withdrawn"
    assert patch(api, firmware, withdrawn=True)["ETag"] == '"2"'
    answer = patch(api, firmware, withdrawn=False)
    assert (answer.json()["withdrawn"], answer.json()["withdrawn_at"], answer["ETag"]) == (False, None, '"3"')
    assert newest_event().action == "firmware.reinstated"
    assert Event.objects.filter(subject_type="firmware").count() == 2


def test_a_withdrawn_firmware_has_no_manifest(api: APIClient, clock: Clock, upload: Upload) -> None:
    from_upload = upload().json()
    firmware = Firmware.objects.get(pk=from_upload["id"])
    assert patch(api, firmware, withdrawn=True).json()["manifest"] is None


def test_withdrawing_tells_the_devices_that_have_it_as_their_target(api: APIClient, device: APIClient) -> None:
    firmware, found = add_row(), Device.objects.get()
    FirmwareTarget.objects.create(device=found, firmware=firmware, set_at=timezone.now(), source="admin")
    patch(api, firmware, withdrawn=True)
    assert Device.objects.get().revision == found.revision + 1
    patch(api, firmware, notes="of no use to devices")
    assert Device.objects.get().revision == found.revision + 1
    patch(api, firmware, withdrawn=False)
    assert Device.objects.get().revision == found.revision + 2


def test_the_notes_are_changed(api: APIClient) -> None:
    firmware = add_row()
    assert patch(api, firmware, notes="One\ntwo").json()["notes"] == "One\ntwo"
    event = newest_event()
    assert (event.action, event.changes) == ("firmware.notes_changed", {"notes": ["", "One\ntwo"]})
    assert patch(api, firmware, notes="One\ntwo")["ETag"] == '"2"'


@pytest.mark.parametrize("body", [{"withdrawn": "yes"}, {"withdrawn": None}, {"notes": 5}, {"notes": "n" * 10_001}])
def test_a_wrong_change(api: APIClient, body: dict[str, Any]) -> None:
    assert_problem(patch(api, add_row(), **body), 400, "invalid", "/" + next(iter(body)))


def test_nothing_else_can_be_changed(api: APIClient) -> None:
    firmware = add_row()
    assert patch(api, firmware, version="2.0.0", channel="dev", sha256="0" * 64).status_code == 200
    after = Firmware.objects.get()
    assert (after.version, after.channel, after.sha256, after.revision) == ("1.0.0", "stable", firmware.sha256, 1)


def test_a_change_between_is_noticed(api: APIClient) -> None:
    firmware = add_row()
    patch(api, firmware, notes="first")
    path = f"/api/firmware/{firmware.pk}"
    assert_problem(api.patch(path, {"withdrawn": True}, headers={"If-Match": '"1"'}), 412, "firmware_changed_meanwhile")
    assert api.patch(path, {"withdrawn": True}, headers={"If-Match": '"2"'}).status_code == 200


def test_only_sysadmins_change(device: APIClient, ben: Admin, vera: Admin, signed_in: SignIn) -> None:
    firmware = add_row()
    for admin in (ben, vera):
        assert_problem(patch(signed_in(admin), firmware, withdrawn=True), 403, "permission_denied")
    device.default_format = "json"
    assert_problem(patch(device, firmware, withdrawn=True), 401, "not_authenticated")
    assert Firmware.objects.get().withdrawn_at is None
