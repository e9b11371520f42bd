"""Adding and changing a channel: the form, the confirmation, the signing secret."""

import re
from datetime import time
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client

from accounts.models import Admin
from alerts.channels.secrets import ADDRESS, SIGNING_SECRET, opened
from alerts.events import ChannelAction
from alerts.models import AlertChannel
from audit.models import Event
from conftest import PASSWORD
from panel.alerts.tests.cast import CHANNELS, a_channel
from panel.tests.screen import browser_of

ADD = f"{CHANNELS}add/"
ROUTING_KEY = "0123456789abcdef0123456789abcdef"
GIVEN = {
    "kind": "pagerduty",
    "name": "Night shift",
    "address": ROUTING_KEY,
    "min_severity": "warning",
    "quiet_from": "",
    "quiet_until": "",
    "timezone": "Europe/Rome",
}


@pytest.fixture
def browser(anna: Admin) -> Client:
    return browser_of(anna)


def unconfirmed(browser: Client) -> None:
    session = browser.session
    session["confirmed_at"] = 0
    session.save()


def address_of(channel: AlertChannel) -> str:
    return opened(channel.sealed_address, purpose=ADDRESS, channel_id=channel.pk)


def errors(answer: Any) -> dict[str, list[str]]:
    assert answer.status_code == 200
    assert "Not saved. Please fix the fields below." in answer.content.decode()
    return dict(answer.context["form"].errors)


def test_a_channel_is_added_with_what_the_form_says(browser: Client, anna: Admin) -> None:
    given = {**GIVEN, "kinds": ["license_ended", "site_offline"], "quiet_from": "22:00", "quiet_until": "07:30"}
    answer = browser.post(ADD, given, follow=True)
    channel = AlertChannel.objects.get()
    assert answer.redirect_chain == [(f"{CHANNELS}{channel.pk}/", 302)]
    page = answer.content.decode()
    assert "Added: Night shift." in page
    assert ROUTING_KEY not in page
    assert (channel.kind, channel.name, channel.min_severity) == ("pagerduty", "Night shift", "warning")
    assert channel.kinds == ["site_offline", "license_ended"]
    assert (channel.quiet_from, channel.quiet_until, channel.timezone) == (time(22), time(7, 30), "Europe/Rome")
    assert address_of(channel) == ROUTING_KEY
    event = Event.objects.get(action=ChannelAction.CREATED)
    assert (event.actor, event.source) == (anna, Event.Source.ADMIN)


def test_no_chosen_kind_means_all(browser: Client) -> None:
    browser.post(ADD, GIVEN)
    assert AlertChannel.objects.get().kinds is None


def test_the_signing_secret_of_a_webhook_is_shown_once(browser: Client, settings: LazySettings) -> None:
    settings.ALERT_ALLOW_PRIVATE_ADDRESSES = True
    given = {**GIVEN, "kind": "webhook", "address": "http://127.0.0.1:9/hook?token=1"}
    answer = browser.post(ADD, given)
    page = answer.content.decode()
    channel = AlertChannel.objects.get()
    secret = opened(bytes(channel.sealed_signing_secret or b""), purpose=SIGNING_SECRET, channel_id=channel.pk)
    assert re.findall(r"whsec_[^<]*", page) == [secret]
    assert 'data-copy="signing-secret"' in page
    assert "no-store" in answer.headers["Cache-Control"]
    again = browser.post(ADD, given)
    assert errors(again) == {"name": ["Another channel has that name"]}, "a reload makes no second channel"
    for path in ("", f"{channel.pk}/", f"{channel.pk}/change/"):
        assert "whsec_" not in browser.get(f"{CHANNELS}{path}").content.decode()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 101),
        ("kind", "pigeon"),
        ("address", ""),
        ("address", "not a routing key"),
        ("min_severity", "grave"),
        ("kinds", ["nonsense"]),
        ("quiet_from", "25:00"),
        ("quiet_until", "07:00"),
        ("timezone", "Atlantis"),
    ],
)
def test_a_wrong_value_is_shown_beside_its_field(browser: Client, field: str, value: Any) -> None:
    found = errors(browser.post(ADD, {**GIVEN, field: value}))
    assert list(found) == ["quiet_from" if field == "quiet_until" else field]
    assert not AlertChannel.objects.exists()


def test_an_address_that_is_not_public_is_refused(browser: Client) -> None:
    given = {**GIVEN, "kind": "webhook", "address": "http://127.0.0.1/"}
    assert list(errors(browser.post(ADD, given))) == ["address"]


def test_the_form_for_a_change_begins_with_the_present_values_but_for_the_address(browser: Client) -> None:
    browser.post(ADD, {**GIVEN, "kinds": ["license_ended"], "quiet_from": "22:00", "quiet_until": "07:30"})
    channel = AlertChannel.objects.get()
    page = browser.get(f"{CHANNELS}{channel.pk}/change/").content.decode()
    assert 'value="Night shift"' in page
    assert 'value="22:00"' in page
    assert re.findall(r'value="(\w+)"[^>]*checked', page) == ["license_ended"]
    assert "Leave empty to keep …cdef." in page
    assert ROUTING_KEY not in page
    assert 'name="kind"' not in page


def test_a_change_without_an_address_keeps_the_present_one(browser: Client) -> None:
    browser.post(ADD, GIVEN)
    channel = AlertChannel.objects.get()
    answer = browser.post(f"{CHANNELS}{channel.pk}/change/", {**GIVEN, "name": "Day shift", "address": ""}, follow=True)
    assert "Saved: Day shift." in answer.content.decode()
    channel.refresh_from_db()
    assert (channel.name, address_of(channel)) == ("Day shift", ROUTING_KEY)
    event = Event.objects.get(action=ChannelAction.CHANGED)
    assert event.changes == {"name": ["Night shift", "Day shift"]}


def test_a_change_may_bring_a_new_address(browser: Client) -> None:
    browser.post(ADD, GIVEN)
    channel = AlertChannel.objects.get()
    browser.post(f"{CHANNELS}{channel.pk}/change/", {**GIVEN, "address": ROUTING_KEY[::-1]})
    channel.refresh_from_db()
    assert address_of(channel) == ROUTING_KEY[::-1]


def test_adding_a_channel_needs_a_confirmation(browser: Client) -> None:
    unconfirmed(browser)
    page = browser.post(ADD, GIVEN).content.decode()
    assert "Confirm that it is you" in page
    assert not AlertChannel.objects.exists()
    browser.post(ADD, {**GIVEN, "confirmation-password": PASSWORD})
    assert AlertChannel.objects.get().name == "Night shift"


def test_a_new_address_needs_a_confirmation_and_another_change_does_not(browser: Client) -> None:
    browser.post(ADD, GIVEN)
    channel = AlertChannel.objects.get()
    unconfirmed(browser)
    path = f"{CHANNELS}{channel.pk}/change/"
    browser.post(path, {**GIVEN, "name": "Day shift", "address": ""})
    page = browser.post(path, {**GIVEN, "address": ROUTING_KEY[::-1]}).content.decode()
    assert "Confirm that it is you" in page
    channel.refresh_from_db()
    assert (channel.name, address_of(channel)) == ("Day shift", ROUTING_KEY)


def test_a_name_that_another_channel_has_is_refused(browser: Client) -> None:
    a_channel("Night shift")
    assert errors(browser.post(ADD, GIVEN)) == {"name": ["Another channel has that name"]}
