"""Changing a device in the panel: edit, configure, commands, rotate the key, retire; stale pages and devices retired since."""

import re
from typing import Any

import pytest
from django.test import Client

from accounts.models import Admin
from audit.actors import SYSTEM
from audit.models import Event
from conftest import Clock, RegisteredSite
from fleet.devices.limits import MAX_CONFIG_BYTES
from fleet.devices.models import Device, DeviceKey, DevicePulse
from fleet.devices.services import retire_device, update_device
from fleet.firmware.models import Firmware, FirmwareTarget
from fleet.firmware.tests.rows import add_row
from fleet.heartbeats.models import DeviceCommand
from fleet.heartbeats.tests.calls import RegisteredDevice, a_device
from panel.fleet.devices.operations import views
from panel.fleet.devices.tests.cast import page_of
from panel.tests.screen import browser_of

pytestmark = pytest.mark.django_db

STALE = "This device was changed while you had the page open. Nothing was saved yet."
FACTS = {"name": "Bar till", "role": "till", "hardware": "pi5"}


@pytest.fixture
def till(roma: RegisteredSite, clock: Clock) -> RegisteredDevice:
    return a_device(roma, role="till", hardware="pi4")


@pytest.fixture
def browser(anna: Admin) -> Client:
    return browser_of(anna)


def stored(till: RegisteredDevice) -> Device:
    return Device.objects.get(pk=till.id)


def send(browser: Client, till: RegisteredDevice, part: str, **fields: Any) -> Any:
    return browser.post(page_of(till.id, part), {"revision": stored(till).revision, **fields})


def followed(browser: Client, answer: Any) -> str:
    assert answer.status_code == 302, answer.content.decode()
    page: str = browser.get(answer["Location"]).content.decode()
    return page


def test_name_role_and_hardware_are_edited(browser: Client, till: RegisteredDevice) -> None:
    page = followed(browser, send(browser, till, "edit", **FACTS))
    assert "Saved: till-1." in page or "Saved: Bar till." in page
    device = stored(till)
    assert {name: getattr(device, name) for name in FACTS} == FACTS
    event = Event.objects.get(action="device.updated")
    assert (event.actor_name, event.source) == ("anna", "admin")
    assert event.changes == {"name": ["till-1", "Bar till"], "hardware": ["pi4", "pi5"]}


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"name": ""}, "This field is required."),
        ({"name": "a\x07b"}, "errorlist"),
        ({"name": "n" * 201}, "at most 200"),
        ({"role": "r" * 65}, "at most 64"),
        ({"revision": "x"}, "errorlist"),
    ],
)
def test_wrong_values_are_told_beside_their_field(
    browser: Client, till: RegisteredDevice, fields: dict[str, str], error: str
) -> None:
    answer = send(browser, till, "edit", **{**FACTS, **fields})
    assert answer.status_code == 200
    page = answer.content.decode()
    assert "Not saved. Please fix the fields below." in page
    assert error in page
    assert stored(till).name == "till-1"


def test_a_stale_form_saves_nothing_until_the_change_was_seen(
    browser: Client, till: RegisteredDevice, clock: Clock
) -> None:
    opened = stored(till).revision
    update_device(till.id, {"name": "Renamed <b>", "role": "kiosk"}, by=SYSTEM, at=clock.at)
    answer = browser.post(page_of(till.id, "edit"), {**FACTS, "revision": opened})
    page = answer.content.decode()
    assert STALE in page
    assert "<dt>Name</dt><dd><pre>Renamed &lt;b&gt;</pre></dd>" in page
    assert 'value="Bar till"' in page, "what was typed"
    assert stored(till).name == "Renamed <b>"
    [revision] = re.findall(r'name="revision" value="(\d+)"', page)
    followed(browser, browser.post(page_of(till.id, "edit"), {**FACTS, "revision": revision}))
    assert stored(till).name == "Bar till"


@pytest.mark.parametrize("part", ["edit", "configuration", "target-firmware", "retire", "rotate-key"])
def test_a_device_that_was_retired_since_stays_as_it_is(
    browser: Client, till: RegisteredDevice, clock: Clock, part: str
) -> None:
    fields = {**FACTS, "config": "{}", "typed_name": "till-1", "overlap_hours": "1"}
    retire_device(till.id, by=SYSTEM, at=clock.at)
    before = stored(till), DeviceKey.objects.count(), Event.objects.count()
    page = followed(browser, send(browser, till, part, **fields))
    assert "This device is retired. Nothing was changed." in page
    assert (stored(till), DeviceKey.objects.count(), Event.objects.count()) == before


def test_retired_between_the_look_and_the_change(
    browser: Client, till: RegisteredDevice, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As two requests at once: the view has found the device, and the other one retires it before the service locks the row."""
    change = views.services.update_device

    def change_too_late(*args: Any, **kwargs: Any) -> Any:
        retire_device(till.id, by=SYSTEM, at=clock.at)
        return change(*args, **kwargs)

    monkeypatch.setattr(views.services, "update_device", change_too_late)
    page = followed(browser, send(browser, till, "edit", **FACTS))
    assert "This device is retired. Nothing was changed." in page
    assert stored(till).name == "till-1"


def test_the_configuration_is_json_with_a_version(browser: Client, till: RegisteredDevice) -> None:
    page = browser.get(page_of(till.id, "configuration")).content.decode()
    assert re.search(r"<textarea[^>]*>\s*{}</textarea>", page)
    followed(browser, send(browser, till, "configuration", config='{"printer": "lp0", "tables": [1, 2.5, null]}'))
    device = stored(till)
    assert (device.config, device.config_version) == ({"printer": "lp0", "tables": [1, 2.5, None]}, 2)
    followed(browser, send(browser, till, "configuration", config='{"tables": [1, 2.5, null], "printer": "lp0"}'))
    assert stored(till).config_version == 2, "equal, whatever the order of its members"
    followed(browser, send(browser, till, "configuration", config='{"tables": [true, 2.5, null], "printer": "lp0"}'))
    assert (stored(till).config["tables"][0], stored(till).config_version) == (True, 3), "true is not 1"


@pytest.mark.parametrize(
    ("config", "error"),
    [
        ('{"a": }', "No JSON: line 1, column 7"),
        ("[]", "Must be an object."),
        ('"text"', "Must be an object."),
        ("", "This field is required."),
        ('{"a": NaN}', "NaN is not JSON."),
        ('{"a": 1e999}', "A number is too large."),
        ('{"a": 1, "a": 2}', "A key stands twice"),
        ('{"a": "\\u0000"}', "NUL"),
        ('{"a": "\\ud800"}', "surrogate"),
        ('{"a": ' * 40 + "1" + "}" * 40, "nested too deeply"),
        ("[" * 100_000, "errorlist"),
        ('{"a": "' + "x" * MAX_CONFIG_BYTES + '"}', "Must not have more than"),
    ],
)
def test_a_wrong_configuration_comes_back_with_the_reason(
    browser: Client, till: RegisteredDevice, config: str, error: str
) -> None:
    answer = send(browser, till, "configuration", config=config)
    assert answer.status_code == 200
    assert error in answer.content.decode()
    assert stored(till).config_version == 1


@pytest.mark.parametrize("command", DeviceCommand.Name.values)
def test_support_sends_commands(ben: Admin, till: RegisteredDevice, command: str) -> None:
    browser = browser_of(ben)
    page = followed(browser, browser.post(page_of(till.id, "command"), {"command": command}))
    assert "the device gets the command with its next heartbeat" in page
    assert DeviceCommand.objects.get().name == command
    assert [each["name"] for each in till.call().json()["commands"]] == [command]


def test_an_unknown_command_is_not_sent(ben: Admin, till: RegisteredDevice) -> None:
    browser = browser_of(ben)
    for fields in ({}, {"command": "explode"}):
        assert "There is no such command." in followed(browser, browser.post(page_of(till.id, "command"), fields))
    assert not DeviceCommand.objects.exists()


def test_a_new_key_is_shown_once(browser: Client, till: RegisteredDevice) -> None:
    fields = {"overlap_hours": "24", "revision": stored(till).revision}
    page = browser.post(page_of(till.id, "rotate-key"), fields).content.decode()
    key = re.search(r'<code id="device-key" data-secret>(pdk_\w+)</code>', page)
    assert key
    assert f"PORTCULLIS_DEVICE_ID={till.id}\nPORTCULLIS_DEVICE_KEY={key[1]}</code>" in page
    again = followed(browser, browser.post(page_of(till.id, "rotate-key"), fields))
    assert "No key was made now." in again
    assert key[1] not in again
    assert DeviceKey.objects.count() == 2
    assert RegisteredDevice(till.id, key[1]).call().status_code == 200
    assert till.call().status_code == 200, "the old one, until the new one was used twice"


def test_the_page_with_the_key_says_when_it_was_used(browser: Client, till: RegisteredDevice, clock: Clock) -> None:
    page = send(browser, till, "rotate-key", overlap_hours="0", end_at_once="on").content.decode()
    assert "ended at once" in page
    [url] = re.findall(r'data-url="([^"]+)"', page.partition("live-status")[2])
    assert "Waiting for the first heartbeat with this key" in browser.get(url).content.decode()
    key = DeviceKey.objects.get(revoked_at=None)
    till.pulse.__class__.objects.filter(pk=till.id).update(
        last_seen_at=clock.move(seconds=5), due_at=clock.move(seconds=30), day=clock.at.date()
    )
    assert "The device has called with this key." in browser.get(url).content.decode()
    assert key.hint in page


def test_a_device_is_retired_after_its_name_was_typed(browser: Client, till: RegisteredDevice) -> None:
    page = browser.get(page_of(till.id, "retire")).content.decode()
    assert 'class="destructive" value="Retire"' in page
    assert "Type “till-1” to confirm." in send(browser, till, "retire", typed_name="till-2").content.decode()
    assert stored(till).retired_at is None
    assert "Retired: till-1." in followed(browser, send(browser, till, "retire", typed_name="TILL-1 "))
    assert till.call().status_code == 401


def test_a_stale_page_retires_nothing(browser: Client, till: RegisteredDevice, clock: Clock) -> None:
    opened = stored(till).revision
    update_device(till.id, {"role": "kiosk"}, by=SYSTEM, at=clock.at)
    answer = browser.post(page_of(till.id, "retire"), {"typed_name": "till-1", "revision": opened})
    assert "The device was changed since you read it. Nothing was changed." in followed(browser, answer)
    assert stored(till).retired_at is None


def target_of(till: RegisteredDevice) -> Firmware | None:
    target = FirmwareTarget.objects.filter(device=till.id).first()
    return target and target.firmware


def test_the_target_firmware_is_set_and_taken_away(browser: Client, till: RegisteredDevice) -> None:
    newest = add_row("2.0.0", hardware="pi4")
    page = followed(browser, send(browser, till, "target-firmware", firmware=str(newest.pk)))
    assert f"Target firmware of till-1: {newest}." in page
    assert "2.0.0, not installed yet" in page
    assert target_of(till) == newest
    event = Event.objects.get(action="device.target_firmware_changed")
    assert (event.actor_name, event.source, event.changes["target_firmware"]) == ("anna", "admin", [None, str(newest)])
    form = browser.get(page_of(till.id, "target-firmware")).content.decode()
    assert f'<option value="{newest.pk}" selected>{newest} (stable)</option>' in form
    assert "Target firmware of till-1: none." in followed(browser, send(browser, till, "target-firmware", firmware=""))
    assert target_of(till) is None


def test_only_firmware_that_the_device_may_run_can_be_its_target(
    browser: Client, till: RegisteredDevice, clock: Clock
) -> None:
    fits = add_row("3.0.0", hardware=None)
    others = [add_row("3.1.0", hardware="pi5"), add_row("3.2.0", withdrawn_at=clock.at)]
    form = browser.get(page_of(till.id, "target-firmware")).content.decode()
    assert str(fits.pk) in form
    for firmware in others:
        assert str(firmware.pk) not in form
        answer = send(browser, till, "target-firmware", firmware=str(firmware.pk))
        assert "That choice is not one of the available choices." in answer.content.decode()
    DevicePulse.objects.filter(pk=till.id).update(firmware_version="1.0.0")
    needs_newer = add_row("4.0.0", hardware=None, min_from="2.0.0")
    answer = send(browser, till, "target-firmware", firmware=str(needs_newer.pk))
    assert "It can be installed from 2.0.0 on; the device runs 1.0.0." in answer.content.decode()
    assert target_of(till) is None


def test_a_stale_page_sets_no_target(browser: Client, till: RegisteredDevice, clock: Clock) -> None:
    newest, opened = add_row("2.0.0", hardware="pi4"), stored(till).revision
    update_device(till.id, {"role": "kiosk"}, by=SYSTEM, at=clock.at)
    answer = browser.post(page_of(till.id, "target-firmware"), {"firmware": str(newest.pk), "revision": opened})
    assert "Nothing was saved." in followed(browser, answer)
    assert target_of(till) is None


@pytest.mark.parametrize("part", ["edit", "configuration", "target-firmware", "rotate-key", "retire"])
def test_an_unknown_device_is_a_page_that_says_so(browser: Client, part: str) -> None:
    assert browser.get(page_of("0b6f4c1e-6d0f-4f0e-9d53-3a3c1f5d2b11", part)).status_code == 404
