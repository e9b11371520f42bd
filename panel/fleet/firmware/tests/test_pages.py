"""The list of firmware, the page of a version, and what admins change there."""

import uuid
from typing import Any

import pytest
from django.test import Client

from accounts.models import Admin
from audit.actors import SYSTEM
from audit.models import Event
from fleet.firmware.models import Firmware
from fleet.firmware.services import set_target, update_firmware
from fleet.rollouts.tests.estate import Estate
from licensing.jws import base64url
from panel.fleet.firmware.page import manifest_of
from panel.tests.screen import FormReader, browser_of

pytestmark = pytest.mark.any_database

LIST = "/admin/firmware/firmware/"


@pytest.fixture
def estate(db: None) -> Estate:
    """Of the product till, 1.0.0 and 2.0.0."""
    return Estate()


def page_of(firmware: Firmware, part: str = "change") -> str:
    return f"{LIST}{firmware.pk}/{part}/"


def text(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def press(browser: Client, firmware: Firmware, part: str, **entries: str) -> Any:
    """Open the page, and send its form."""
    hidden = FormReader(browser.get(page_of(firmware, part)).content.decode()).fields
    return browser.post(page_of(firmware, part), {"revision": hidden["revision"][0], **entries}, follow=True)


def test_the_list_has_the_newest_version_first_and_how_many_devices_have_it(anna: Admin, estate: Estate) -> None:
    first, second = estate.devices(estate.site(), 2)
    set_target(first.pk, estate.new.pk, by=SYSTEM, at=estate.at)
    answer = browser_of(anna).get(LIST)
    found = [(str(firmware), usage) for firmware, _, _, usage in answer.context["rows"]]
    assert found == [("till 2.0.0", (0, 1)), ("till 1.0.0", (2, 0))]
    assert "not signed" in text(answer)
    assert second.pk


def test_devices_of_other_hardware_do_not_count_and_retired_ones_neither(anna: Admin, estate: Estate) -> None:
    special = estate.firmware("3.0.0", hardware="pi-5")
    site = estate.site()
    estate.device(site, "a", version="3.0.0", hardware="pi-5")
    estate.device(site, "b", version="3.0.0", hardware="pi-4")
    gone = estate.device(site, "c", version="3.0.0", hardware="pi-5")
    type(gone).objects.filter(pk=gone.pk).update(retired_at=estate.at)
    usage = browser_of(anna).get(page_of(special)).context["usage"]
    assert usage.reporting == 1


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("product=till", ["till 2.0.0", "till 1.0.0"]),
        ("product=camera", []),
        ("channel=stable", ["till 2.0.0", "till 1.0.0"]),
        ("channel=beta", []),
        ("q=2.0", ["till 2.0.0"]),
    ],
)
def test_the_list_is_filtered(query: str, found: list[str], anna: Admin, estate: Estate) -> None:
    answer = browser_of(anna).get(f"{LIST}?{query}")
    assert [str(row[0]) for row in answer.context["rows"]] == found
    assert ("No firmware matches" in text(answer)) is not bool(found)


def test_an_empty_list_leads_to_the_upload_only_who_may(anna: Admin, vera: Admin) -> None:
    assert "Upload a version." in text(browser_of(anna).get(LIST))
    assert "Upload" not in text(browser_of(vera).get(LIST))


def test_a_version_is_withdrawn_and_reinstated(anna: Admin, estate: Estate) -> None:
    browser = browser_of(anna)
    estate.device(estate.site())
    rollout = estate.start()
    page = text(browser.get(page_of(estate.new, "withdraw")))
    assert "No device is offered till 2.0.0 any more" in page
    assert f'These roll-outs pause: <a href="/admin/rollouts/rollout/{rollout.pk}/change/">June</a>' in page
    assert "Withdrawn: till 2.0.0." in text(press(browser, estate.new, "withdraw"))
    estate.new.refresh_from_db()
    assert estate.new.withdrawn_at is not None
    assert "withdrawn already" in text(browser.get(page_of(estate.new, "withdraw"), follow=True))
    assert "Reinstated: till 2.0.0." in text(press(browser, estate.new, "reinstate"))
    assert [event.actor_name for event in Event.objects.filter(subject_type="firmware")] == ["anna", "anna"]


def test_a_page_that_was_opened_before_another_change_withdraws_nothing(anna: Admin, estate: Estate) -> None:
    browser = browser_of(anna)
    update_firmware(estate.new.pk, {"notes": "careful"}, by=SYSTEM, at=estate.at)
    answer = browser.post(page_of(estate.new, "withdraw"), {"revision": "1"}, follow=True)
    assert "changed since you read it. Nothing was changed." in text(answer)
    assert "This page has expired" in text(browser.post(page_of(estate.new, "withdraw"), {}, follow=True))
    estate.new.refresh_from_db()
    assert estate.new.withdrawn_at is None


def test_notes_are_edited_and_a_stale_form_keeps_both(anna: Admin, estate: Estate) -> None:
    browser = browser_of(anna)
    assert "Saved: notes of till 2.0.0." in text(press(browser, estate.new, "notes", notes="Two\r\nlanguages"))
    estate.new.refresh_from_db()
    assert estate.new.notes == "Two\nlanguages"
    answer = browser.post(page_of(estate.new, "notes"), {"revision": "1", "notes": "mine"})
    page = text(answer)
    assert "was changed while you had the page open" in page
    assert "Two languages" in page
    assert ">mine</textarea>" in page.replace("> mine", ">mine")
    estate.new.refresh_from_db()
    assert estate.new.notes == "Two\nlanguages"


def test_the_claims_of_the_manifest_are_shown_and_not_while_it_is_withdrawn(estate: Estate) -> None:
    header, claims = '{"kid":"key-1"}', '{"product":"till","min_from":null,"size":7}'
    estate.new.manifest = ".".join([base64url(header.encode()), base64url(claims.encode()), "c2ln"])
    found = manifest_of(estate.new)
    assert found is not None
    assert (found.key, found.claims) == ("key-1", [("product", "till"), ("min_from", "–"), ("size", "7")])
    estate.new.withdrawn_at = estate.at
    assert manifest_of(estate.new) is None


def test_the_page_for_uploads_has_the_commands_of_this_server(anna: Admin, settings: Any) -> None:
    page = text(browser_of(anna).get(f"{LIST}upload/"))
    assert "curl http://testserver/api/firmware" in page
    assert "Pages of the panel accept at most 4.8" in page
    settings.PUBLIC_URL = "https://licences.example/"
    assert "curl https://licences.example/api/firmware" in text(browser_of(anna).get(f"{LIST}upload/"))


def test_an_unknown_firmware_is_a_page_of_status_404(anna: Admin, estate: Estate) -> None:
    assert browser_of(anna).get(f"{LIST}{uuid.UUID(int=7)}/change/").status_code == 404


@pytest.mark.parametrize("number", [1, 30])
def test_the_list_takes_the_same_number_of_statements_for_any_number(
    number: int, anna: Admin, estate: Estate, django_assert_num_queries: Any
) -> None:
    for each in range(number):
        estate.firmware(f"3.{each}.0")
    estate.devices(estate.site(), number)
    browser = browser_of(anna)
    with django_assert_num_queries(8):
        browser.get(LIST)


@pytest.mark.parametrize("number", [1, 30])
def test_the_page_takes_the_same_number_of_statements_for_any_number_of_devices(
    number: int, anna: Admin, estate: Estate, django_assert_num_queries: Any
) -> None:
    for device in estate.devices(estate.site(), number):
        set_target(device.pk, estate.new.pk, by=SYSTEM, at=estate.at)
    browser = browser_of(anna)
    with django_assert_num_queries(9):
        browser.get(page_of(estate.new))
