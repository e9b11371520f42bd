"""Times are shown and read in the viewer's time zone, which is always named."""

import re
from typing import Any

import pytest
from django.test import Client

from accounts.models import Admin, Preferences
from accounts.services import change_preferences
from conftest import Register, RegisteredSite
from panel.tests.screen import FormReader
from sites.models import Site

pytestmark = pytest.mark.any_database

EXPIRES = {"license_expires_at": "2030-07-01T12:00:00Z"}


def in_berlin(admin: Admin) -> Client:
    browser = Client()
    browser.force_login(admin)
    browser.cookies["zone"] = "Europe/Berlin"
    return browser


def change(site: RegisteredSite) -> str:
    return f"/admin/sites/site/{site.site_id}/change/"


def set_expiry(site: RegisteredSite) -> str:
    return f"/admin/sites/site/operate/set_expiry/?site={site.site_id}"


def value_of(field: str, page: str) -> str:
    found = re.search(rf'name="{field}" value="([^"]*)"', page)
    assert found, field
    return found[1]


def fields_of(browser: Client, site: RegisteredSite) -> dict[str, Any]:
    """The form that sets the end of one licence, with the present end in it."""
    page = browser.get(set_expiry(site)).content.decode()
    parts = {f"license_expires_at_{part}": value_of(f"license_expires_at_{part}", page) for part in range(3)}
    return {**FormReader(page).fields, **parts, "reason": "contract"}


def test_a_form_shows_and_reads_the_viewers_zone(anna: Admin, register: Register) -> None:
    site = register(**EXPIRES)
    browser = in_berlin(anna)
    fields = fields_of(browser, site)
    assert [fields[f"license_expires_at_{part}"] for part in range(3)] == ["2030-07-01", "14:00:00", "Europe/Berlin"]
    browser.post(set_expiry(site), fields | {"license_expires_at_1": "15:30:00"})
    assert f"{Site.objects.get().license_expires_at:%H:%M %Z}" == "13:30 UTC"


def test_a_form_is_read_in_the_zone_in_which_it_was_written(anna: Admin, register: Register) -> None:
    site = register(**EXPIRES)
    browser = in_berlin(anna)
    fields = fields_of(browser, site)
    browser.cookies["zone"] = "Asia/Tokyo"
    assert browser.post(set_expiry(site), fields | {"license_expires_at_0": "2030-07-02"}).status_code == 302
    assert f"{Site.objects.get().license_expires_at:%d %H:%M}" == "02 12:00"


def test_the_second_of_two_equal_hours_is_kept(anna: Admin, register: Register) -> None:
    for ends in ("2030-10-27T00:30:00Z", "2030-10-27T01:30:00Z"):
        site = register(license_expires_at=ends)
        browser = in_berlin(anna)
        fields = fields_of(browser, site)
        assert fields["license_expires_at_1"] == "02:30:00"
        assert browser.post(set_expiry(site), fields).status_code == 302
        stored = Site.objects.get(pk=site.site_id)
        assert f"{stored.license_expires_at:%Y-%m-%dT%H:%M:%SZ}" == ends


def test_a_time_that_does_not_exist_is_refused(anna: Admin, register: Register) -> None:
    site = register(**EXPIRES)
    browser = in_berlin(anna)
    gap = {"license_expires_at_0": "2030-03-31", "license_expires_at_1": "02:30:00"}
    answer = browser.post(set_expiry(site), fields_of(browser, site) | gap)
    assert b"does not exist" in answer.content
    assert f"{Site.objects.get().license_expires_at:%Y-%m-%d}" == "2030-07-01"


def test_read_only_tables_name_the_zone_too(anna: Admin, roma: RegisteredSite) -> None:
    roma.call_home()
    browser = in_berlin(anna)
    for path in ("/admin/audit/event/", "/admin/heartbeat/heartbeat/", "/admin/sites/sitekey/"):
        page = browser.get(path).content.decode()
        assert re.search(r">20\d\d-\d\d-\d\d \d\d:\d\d(:\d\d)? CES?T<", page), path
        assert " a.m." not in page


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../etc/passwd", "\x00", "Europe/Berlin; DROP"])
def test_without_a_known_zone_times_are_in_utc(zone: str, anna: Admin, roma: RegisteredSite) -> None:
    browser = Client()
    browser.force_login(anna)
    browser.cookies["zone"] = zone
    assert " UTC" in browser.get(change(roma)).content.decode()
    browser.cookies["zone"] = "Europe/Berlin"
    assert re.search(r" CES?T", browser.get(change(roma)).content.decode())


@pytest.mark.parametrize(
    ("ends", "zone"), [("9999-12-31T23:59:59Z", "Asia/Tokyo"), ("0001-01-01T00:00:00Z", "America/New_York")]
)
def test_a_licence_at_an_end_of_the_calendar_is_shown_in_utc_where_the_viewers_zone_has_no_such_time(
    anna: Admin, vera: Admin, register: Register, ends: str, zone: str
) -> None:
    site = register(license_expires_at=ends)
    operate = f"/admin/sites/site/operate/extend/?site={site.site_id}"
    for admin in (anna, vera):
        browser = Client()
        browser.force_login(admin)
        browser.cookies["zone"] = zone
        for page in ("/admin/", "/admin/sites/site/", "/admin/audit/event/", change(site), operate):
            assert browser.get(page).status_code == (403 if page == operate and admin == vera else 200), page
        assert f"{ends[1:10].lstrip('0')} {ends[11:16]} UTC" in browser.get(change(site)).content.decode()


def test_a_licence_at_an_end_of_the_calendar_survives_its_form(anna: Admin, register: Register) -> None:
    site = register(license_expires_at="9999-12-31T23:59:59Z")
    browser = in_berlin(anna)
    assert browser.post(set_expiry(site), fields_of(browser, site)).status_code == 302
    assert f"{Site.objects.get().license_expires_at:%Y-%m-%d %H:%M:%S}" == "9999-12-31 23:59:59"


def test_the_zone_of_the_settings_goes_before_the_browsers(anna: Admin, ben: Admin, register: Register) -> None:
    site = register(**EXPIRES)
    change_preferences(anna.pk, {"timezone": "Pacific/Auckland"})
    assert value_of("license_expires_at_1", in_berlin(anna).get(set_expiry(site)).content.decode()) == "00:00:00"
    change_preferences(anna.pk, {"timezone": ""})
    assert value_of("license_expires_at_1", in_berlin(anna).get(set_expiry(site)).content.decode()) == "14:00:00"


def test_a_zone_that_this_server_does_not_know_any_more_is_ignored(anna: Admin, roma: RegisteredSite) -> None:
    Preferences.objects.create(admin=anna, timezone="Mars/Olympus")
    assert re.search(r" CES?T", in_berlin(anna).get(change(roma)).content.decode())
