"""The devices of a location on the page of the site, and enrolment codes."""

import re
import uuid
from datetime import timedelta

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import Admin
from conftest import Clock, RegisteredSite
from fleet.devices.models import Device, EnrolmentCode
from panel.fleet.devices.tests.cast import DEVICES, create_device, every_kind
from panel.tests.screen import browser_of

pytestmark = pytest.mark.django_db


def card(person: Admin, site: RegisteredSite) -> str:
    page = browser_of(person).get(f"/admin/sites/site/{site.site_id}/change/").content.decode()
    return page.partition('id="devices"')[2].partition("</section>")[0]


def add_path(site: RegisteredSite) -> str:
    return f"{DEVICES}add-to/{site.site_id}/"


def make_code(browser: Client, site: RegisteredSite, **fields: object) -> str:
    answer = browser.post(add_path(site), {"code_id": uuid.uuid4(), "uses": 1, "expires_in_hours": 24, **fields})
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_worst_devices_come_first_with_links_to_the_list(vera: Admin, roma: RegisteredSite, clock: Clock) -> None:
    every_kind(roma, at=clock.at)
    create_device(roma, "one more", seen=clock.at, at=clock.at)
    html = card(vera, roma)
    names = re.findall(r'<span class="who"><a href="[^"]+">([^<]+)</a>', html)
    assert set(names[:2]) == {"gone", "gone for long"}
    assert names[2] == "slow"
    assert len(names) == 10
    assert f'href="{DEVICES}?site={roma.site_id}&amp;status=offline"' in html
    assert "2 offline" in html
    assert "Show all 11 in the list" in html
    assert "Add a device" not in html


def test_a_site_without_devices_offers_sysadmins_alone_to_add_one(
    anna: Admin, vera: Admin, roma: RegisteredSite, api: APIClient
) -> None:
    assert card(vera, roma) == ""
    assert "No devices yet." in card(anna, roma)
    assert add_path(roma) in card(anna, roma)
    api.delete(roma.path)
    assert card(anna, roma) == ""


def test_a_code_is_shown_once_and_registers_devices(anna: Admin, roma: RegisteredSite) -> None:
    browser, code_id = browser_of(anna), uuid.uuid4()
    page = make_code(browser, roma, code_id=code_id, uses=2)
    found = re.search(r'<code id="enrolment-code" data-secret>([^<]+)</code>', page)
    assert found
    code = found[1]
    assert f"portcullis-device enrol --url http://testserver --code {code}" in page
    again = browser.post(add_path(roma), {"code_id": code_id, "uses": 2, "expires_in_hours": 24}, follow=True)
    assert "This code was made already, and shown then, once." in again.content.decode()
    assert code not in again.content.decode()
    assert EnrolmentCode.objects.count() == 1
    body = {"device_id": "till-1", "enrolment_code": code}
    assert APIClient().post("/api/devices/register", body, format="json").status_code == 201
    assert Device.objects.get().site_id == uuid.UUID(roma.site_id)
    assert "1 of 2 used" in card(anna, roma)


@pytest.mark.parametrize("fields", [{"uses": 0}, {"uses": 1001}, {"expires_in_hours": 0}, {"expires_in_hours": 721}])
def test_wrong_numbers_make_no_code(anna: Admin, roma: RegisteredSite, fields: dict[str, int]) -> None:
    assert "No code was made. Please fix the fields below." in make_code(browser_of(anna), roma, **fields)
    assert not EnrolmentCode.objects.exists()


def test_a_code_is_revoked(anna: Admin, vera: Admin, roma: RegisteredSite, clock: Clock) -> None:
    browser = browser_of(anna)
    make_code(browser, roma)
    code = EnrolmentCode.objects.get()
    assert f"Revoke the code that ends in {code.hint}" in card(anna, roma)
    assert code.hint not in card(vera, roma)
    path = f"{DEVICES}codes/{code.pk}/revoke/"
    assert browser_of(vera).post(path).status_code == 403
    answer = browser.post(path, follow=True)
    assert "Revoked: the code that ends in" in answer.content.decode()
    assert not EnrolmentCode.objects.usable(at=clock.at).exists()
    assert "Enrolment code revoked" in answer.content.decode()


def test_codes_that_cannot_be_used_are_not_listed(anna: Admin, roma: RegisteredSite, clock: Clock) -> None:
    make_code(browser_of(anna), roma)
    EnrolmentCode.objects.update(expires_at=clock.at + timedelta(seconds=1))
    assert "Enrolment codes" in card(anna, roma)
    clock.move(seconds=2)
    assert "Enrolment codes" not in card(anna, roma)
