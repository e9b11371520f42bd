"""The page of a device: state, commands, configuration, suspected clone, history, heartbeats by day."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Admin
from audit.actors import SYSTEM
from conftest import Clock, RegisteredSite
from fleet.devices.models import Device, DevicePulse
from fleet.devices.services import retire_device, update_device
from fleet.heartbeats.commands import send_command, take_commands
from fleet.heartbeats.models import DeviceCommand, DeviceStatusChange, HeartbeatDay
from fleet.heartbeats.tests.calls import RegisteredDevice, a_device
from fleet.heartbeats.transitions import note_transitions
from panel.fleet.devices.page import timeline
from panel.fleet.devices.tests.cast import DEVICES, page_of
from panel.tests.screen import browser_of

pytestmark = pytest.mark.django_db

# Session, admin; the device with its site; commands; the newest sample, hours, days and telemetry, each with what is marked;
# heartbeats by day; events, changes of the status; the header's mark.
# PostgreSQL reads telemetry with one statement, SQLite with two.
QUERIES = {"postgresql": 14, "sqlite": 15}


@pytest.fixture
def till(roma: RegisteredSite, clock: Clock) -> RegisteredDevice:
    return a_device(roma, role="till", hardware="pi4", firmware_version="1.2.0")


def text_of(person: Admin, device: RegisteredDevice, query: str = "") -> str:
    answer: Any = browser_of(person).get(page_of(device.id) + query)
    assert answer.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode().partition("<main")[2]).split())


def seen(device: RegisteredDevice, clock: Clock, **ago: float) -> None:
    at = clock.at - timedelta(**ago)
    DevicePulse.objects.filter(pk=device.id).update(
        last_seen_at=at, due_at=at + timedelta(seconds=30), day=at.date(), day_heartbeats=5
    )
    note_transitions(at=clock.at)


def test_it_says_the_status_with_since_when(vera: Admin, till: RegisteredDevice, clock: Clock) -> None:
    assert "Registered at 12:00 UTC ; no heartbeats yet. Its key ends in" in text_of(vera, till)
    seen(till, clock, minutes=10)
    assert "Offline since 11:51 UTC : last heartbeat 11:50:00 UTC ; next was due by 11:50:30 UTC ." in text_of(
        vera, till
    )
    seen(till, clock, seconds=0)
    clock.move(seconds=40)
    note_transitions(at=clock.at)
    assert "Late since 12:00 UTC : last heartbeat 12:00:00 UTC ; next was due by 12:00:30 UTC ." in text_of(vera, till)
    seen(till, clock, seconds=0)
    assert "Online since 12:00 UTC . Last heartbeat 12:00:40 UTC ; next due by 12:01:10 UTC ." in text_of(vera, till)
    DevicePulse.objects.filter(pk=till.id).update(is_stopped=True)
    assert "Stopped since 12:00 UTC : it said so with its last heartbeat, 12:00:40 UTC ." in text_of(vera, till)


def test_online_since_is_when_it_came_back(vera: Admin, till: RegisteredDevice, clock: Clock) -> None:
    seen(till, clock, seconds=0)
    began = clock.at
    DevicePulse.objects.filter(pk=till.id).update(
        last_seen_at=clock.move(hours=2), due_at=clock.at + timedelta(seconds=30)
    )
    note_transitions(at=clock.at)
    assert f"Online since {began:%H:%M} UTC" in text_of(vera, till)


def test_it_shows_what_the_device_is(vera: Admin, till: RegisteredDevice, roma: RegisteredSite) -> None:
    page = text_of(vera, till)
    for words in ("Location Trattoria Roma", "Role till", "Hardware pi4", "Firmware 1.2.0", str(till.id), "till-1"):
        assert words in page


def test_whether_the_device_has_the_configuration(vera: Admin, till: RegisteredDevice, clock: Clock) -> None:
    assert "version 1; the device has none yet" in text_of(vera, till)
    DevicePulse.objects.filter(pk=till.id).update(config_version=1)
    assert "version 1, the device has it" in text_of(vera, till)
    update_device(till.id, {"config": {"printer": "lp0 <b>"}}, by=SYSTEM, at=clock.at)
    page = browser_of(vera).get(page_of(till.id)).content.decode()
    assert "version 2; the device has version 1" in page
    assert "&quot;printer&quot;: &quot;lp0 &lt;b&gt;&quot;" in page


def test_what_became_of_each_command(ben: Admin, till: RegisteredDevice, clock: Clock) -> None:
    send_command(till.id, DeviceCommand.Name.IDENTIFY, by=SYSTEM, at=clock.at)
    take_commands(till.id, at=clock.move(seconds=20))
    send_command(till.id, DeviceCommand.Name.SEND_HEALTH, by=SYSTEM, at=clock.at)
    clock.move(hours=2)
    send_command(till.id, DeviceCommand.Name.RESTART, by=SYSTEM, at=clock.at)
    page = text_of(ben, till).partition(" Commands ")[2]
    states = ["waits for its next heartbeat, until", "expired, not delivered", "✓ delivered"]
    labels = ["Restart", "Send health now", "Identify"]
    for words in (labels, states):
        places = [page.index(each) for each in words]
        assert places == sorted(places)


def test_buttons_are_those_of_the_role(anna: Admin, ben: Admin, vera: Admin, till: RegisteredDevice) -> None:
    def buttons(person: Admin) -> set[str]:
        html = browser_of(person).get(page_of(till.id)).content.decode().partition('class="site-state"')[2]
        found = re.findall(r">([\w ]+)</(?:a|button)></", html.partition("</section>")[0])
        return set(found)

    assert buttons(vera) == set()
    assert buttons(ben) == {"Identify", "Restart", "Send health now"}
    assert buttons(anna) == buttons(ben) | {"Edit", "Configure", "Set target firmware", "Rotate key", "Retire"}


def test_a_retired_device_is_shown_without_buttons(anna: Admin, till: RegisteredDevice, clock: Clock) -> None:
    retire_device(till.id, by=SYSTEM, at=clock.at)
    page = text_of(anna, till)
    assert "Retired at 12:00 UTC." in page.replace(" .", ".")
    assert "Rotate key" not in page
    assert "Identify" not in page


def test_a_suspected_clone_is_told_with_a_way_out(
    vera: Admin, ben: Admin, till: RegisteredDevice, clock: Clock
) -> None:
    Device.objects.filter(pk=till.id).update(clone_suspected_at=clock.at)
    assert "Two boxes seem to use this device’s key" in text_of(vera, till)
    assert "Dismiss</button>" not in browser_of(vera).get(page_of(till.id)).content.decode()
    browser = browser_of(ben)
    assert "Dismiss</button>" in browser.get(page_of(till.id)).content.decode()
    assert browser.post(page_of(till.id, "dismiss-clone")).status_code == 302
    assert "Dismiss</button>" not in browser.get(page_of(till.id)).content.decode()
    assert "Second box dismissed by ben" in text_of(ben, till)


def test_events_and_changes_of_the_status_are_one_history(vera: Admin, till: RegisteredDevice, clock: Clock) -> None:
    clock.move(minutes=1)
    seen(till, clock, seconds=0)
    update_device(till.id, {"name": "Bar"}, by=SYSTEM, at=clock.move(seconds=10))
    note_transitions(at=clock.move(hours=1))
    page = text_of(vera, till).partition("History ")[2]
    places = [page.index(words) for words in ("offline since", "Edited", "online since", "Registered")]
    assert places == sorted(places)


def test_the_history_has_pages(
    vera: Admin, till: RegisteredDevice, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timeline, "ENTRIES_ON_A_PAGE", 4)
    for number in range(8):
        DeviceStatusChange.objects.create(
            device_id=till.id, status="online" if number % 2 else "late", at=clock.move(minutes=1)
        )
    pages = [timeline.timeline_of(till.id, page=page) for page in "123"]
    assert [len(page.items) for page in pages] == [4, 4, 1]
    assert [page.has_older for page in pages] == [True, True, False]
    keys = [item.key for page in pages for item in page.items]
    assert len(set(keys)) == 9
    assert keys[-1].startswith("event-")
    for nonsense in ("0", "-1", "x", "999999999999", "²"):
        assert browser_of(vera).get(page_of(till.id) + f"?p={nonsense}").status_code == 200


def test_heartbeats_by_day(vera: Admin, till: RegisteredDevice, clock: Clock) -> None:
    seen(till, clock, seconds=0)
    yesterday = (clock.at - timedelta(days=1)).date()
    HeartbeatDay.objects.create(device_id=till.id, day=yesterday, heartbeats=2_871)
    HeartbeatDay.objects.create(device_id=till.id, day=yesterday - timedelta(days=60), heartbeats=1)
    page = browser_of(vera).get(page_of(till.id)).content.decode()
    assert "2,876 heartbeats." in page
    assert f'href="#heartbeats-{yesterday}" aria-label="Sun 31 May 2026: 2,871 heartbeats"' in page
    assert f'<tr id="heartbeats-{yesterday}"><th scope="row">Sun 31 May 2026</th><td class="number">2871</td>' in page


@pytest.mark.parametrize("object_id", ["nonsense", "0b6f4c1e-6d0f-4f0e-9d53-3a3c1f5d2b11"])
def test_an_unknown_device_leads_to_the_list(vera: Admin, object_id: str) -> None:
    answer = browser_of(vera).get(page_of(object_id), follow=True)
    assert answer.redirect_chain == [(DEVICES, 302)]
    assert "There is no device with this id." in answer.content.decode()


def test_it_has_no_inline_script_or_style_and_costs_the_same_with_a_long_history(
    anna: Admin, till: RegisteredDevice, clock: Clock
) -> None:
    browser, costs = browser_of(anna), []
    for number in (1, 60):
        for _ in range(number):
            send_command(till.id, DeviceCommand.Name.IDENTIFY, by=SYSTEM, at=clock.move(seconds=1))
            DeviceStatusChange.objects.create(device_id=till.id, status="late", at=clock.at)
        with CaptureQueriesContext(connection) as captured:
            page = browser.get(page_of(till.id)).content.decode()
        costs.append(len(captured))
        assert "style=" not in page
        assert not re.search(r"<script(?![^>]*src=)", page)
    assert costs == [QUERIES[connection.vendor]] * 2, [each["sql"][:100] for each in captured]
