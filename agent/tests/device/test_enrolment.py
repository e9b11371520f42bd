"""Enrolment by a code, again, and of a box that replaces another."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from portcullis_agent.device import DeviceSettings, Enrolment, EnrolmentFailed, enrol
from portcullis_agent.device.server import HttpDeviceServer
from portcullis_agent.device.state import DeviceStore
from portcullis_agent.errors import SettingsError

from ..signing import SigningKey
from .fleet import CODE, Fleet

Enrol = Callable[..., Enrolment]


@pytest.fixture
def enrol_at(fleet_url: str, tmp_path: Path) -> Iterator[Enrol]:
    """Enrol with what is stored in a folder, `box` unless told otherwise."""

    def act(
        box: str = "box", *, code: str = "", should_replace: bool = False, pin: str = "", **given: str
    ) -> Enrolment:
        given = {"url": fleet_url, "device_id": "till-1", **given}
        settings = DeviceSettings.load(tmp_path / box, {}, **given)
        server, store = HttpDeviceServer(settings), DeviceStore(settings.state_dir)
        try:
            return enrol(server, store, code=code, should_replace=should_replace, pin=pin or None)
        finally:
            server.close()
            store.close()

    return act


def test_a_device_gets_its_key_for_a_code_and_keeps_it_to_itself(enrol_at: Enrol, fleet: Fleet, tmp_path: Path) -> None:
    done = enrol_at(code=CODE, role="till", name="Bar", hardware="pi-4", firmware_version="1.2.0", product="till")
    [device] = fleet.devices.values()
    assert {name: device[name] for name in ("device_id", "role", "name", "hardware", "firmware_version")} == {
        "device_id": "till-1",
        "role": "till",
        "name": "Bar",
        "hardware": "pi-4",
        "firmware_version": "1.2.0",
    }
    assert (done.is_new, done.pinned) == (True, fleet.key.kid)
    file = tmp_path / "box/credentials.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    stored = DeviceSettings.load(tmp_path / "box", {})
    assert (stored.id, stored.device_key, stored.product) == (device["id"], device["key"], "till")
    assert device["key"] not in repr(stored)


def test_enrolling_again_uses_the_devices_own_key_and_no_code(enrol_at: Enrol, fleet: Fleet) -> None:
    first = enrol_at(code=CODE)
    fleet.codes[CODE] = 1
    second = enrol_at(code=CODE, name="Bar")
    assert (second.is_new, second.settings.device_key) == (False, first.settings.device_key)
    assert fleet.codes[CODE] == 1
    assert fleet.devices[first.settings.id]["name"] == "Bar"
    assert enrol_at().settings.name == "Bar", "what was stored"


def test_enrolling_again_does_not_trust_another_key_unless_it_is_named(enrol_at: Enrol, fleet: Fleet) -> None:
    first = enrol_at(code=CODE).pinned
    fleet.key = SigningKey.named("a thief's")
    assert enrol_at().pinned == first
    assert enrol_at(pin=fleet.key.kid).pinned == fleet.key.kid


def test_a_new_box_takes_the_place_of_a_broken_one(enrol_at: Enrol, fleet: Fleet) -> None:
    broken = enrol_at(code=CODE)
    fleet.codes[CODE] = 1
    with pytest.raises(EnrolmentFailed, match="has a device till-1 already"):
        enrol_at("new", code=CODE)
    assert fleet.codes[CODE] == 1
    new = enrol_at("new", code=CODE, should_replace=True)
    assert new.settings.id == broken.settings.id
    with pytest.raises(EnrolmentFailed, match="does not accept this device's id and key"):
        enrol_at("box")
    fleet.codes[CODE] = 1
    with pytest.raises(EnrolmentFailed, match="--replace"):
        enrol_at("box", code=CODE)
    assert enrol_at("box", code=CODE, should_replace=True).is_new


def test_a_code_that_is_used_up_is_said_in_a_sentence(enrol_at: Enrol, fleet: Fleet) -> None:
    for code in ("pec_other", ""):
        with pytest.raises((EnrolmentFailed, SettingsError), match="code"):
            enrol_at(code=code)
    assert fleet.codes[CODE] == 1


def test_replacing_needs_a_code(enrol_at: Enrol) -> None:
    with pytest.raises(SettingsError, match="fresh enrolment code"):
        enrol_at(should_replace=True)


@pytest.mark.parametrize("device_id", ["", "a b", "ä", "x" * 65, "a/b", "a\n"])
def test_a_device_id_that_the_server_would_refuse_is_not_sent(enrol_at: Enrol, fleet: Fleet, device_id: str) -> None:
    with pytest.raises(SettingsError, match="no device_id"):
        enrol_at(code=CODE, device_id=device_id)
    assert fleet.requests == []


def test_no_code_is_used_up_for_a_key_that_cannot_be_kept(
    enrol_at: Enrol, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(EnrolmentFailed, match=r"Nothing was sent: .* No space left"):
        enrol_at(code=CODE)
    assert fleet.codes[CODE] == 1


def test_a_server_that_signs_nothing_yet_enrols_all_the_same(
    enrol_at: Enrol, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet, "key_set", lambda: {"keys": []})
    done = enrol_at(code=CODE)
    assert (done.is_new, done.pinned) == (True, None)


def test_a_pin_that_the_server_does_not_have_is_said_and_the_device_is_enrolled(enrol_at: Enrol, fleet: Fleet) -> None:
    with pytest.raises(EnrolmentFailed, match="is enrolled, but no key is pinned"):
        enrol_at(code=CODE, pin=SigningKey.named("foreign").kid)
    assert enrol_at().pinned == fleet.key.kid


@pytest.mark.parametrize(
    "answer", [{}, {"id": "7"}, {"id": "7", "device_key": "k"}, {"id": 7, "device_key": "k"}, {"device_key": "k"}]
)
def test_an_answer_of_something_else_enrols_nothing(
    enrol_at: Enrol, fleet: Fleet, tmp_path: Path, answer: dict[str, object]
) -> None:
    fleet.planned = [("/api/devices/register", 201, {}, answer)]
    with pytest.raises(EnrolmentFailed, match="not the control plane's"):
        enrol_at(code=CODE)
    assert not (tmp_path / "box/credentials.json").exists()


def test_a_problem_of_the_server_cannot_write_lines_of_its_own(enrol_at: Enrol, fleet: Fleet) -> None:
    problem = {"code": "odd\ncode", "detail": "first\nsecond\x1b[2J" + "x" * 1000}
    fleet.planned = [("/api/devices/register", 403, {}, problem)]
    with pytest.raises(EnrolmentFailed) as caught:
        enrol_at(code=CODE)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500


def test_settings_come_from_the_environment_files_or_enrolment(enrol_at: Enrol, tmp_path: Path, fleet_url: str) -> None:
    enrolled = enrol_at(code=CODE).settings
    (tmp_path / "key").write_text("pdk_file\n")
    load = DeviceSettings.load
    assert load(tmp_path / "box", {}).device_key == enrolled.device_key
    found = load(tmp_path / "box", {"PORTCULLIS_DEVICE_KEY_FILE": str(tmp_path / "key"), "PORTCULLIS_HARDWARE": "pi-5"})
    assert (found.device_key, found.key_file, found.hardware) == ("pdk_file", tmp_path / "key", "pi-5")
    for environment, message in (
        ({"PORTCULLIS_DEVICE_KEY": "a", "PORTCULLIS_DEVICE_KEY_FILE": "b"}, "Both"),
        ({"PORTCULLIS_DEVICE_ID": "till-1"}, "not the UUID"),
        ({"PORTCULLIS_URL": "http://licenses.example.com"}, "no encryption"),
        ({"PORTCULLIS_DEVICE_KEY": "a\nb"}, "characters"),
        ({"PORTCULLIS_QUEUE_BYTES": "many"}, "whole number"),
        ({"PORTCULLIS_BATCH_SIZE": "0"}, "a batch one item"),
        ({"PORTCULLIS_QUEUE_BYTES": "100"}, "65536"),
    ):
        with pytest.raises(SettingsError, match=message):
            load(tmp_path / "box", environment)
    with pytest.raises(SettingsError, match="Missing: PORTCULLIS_URL"):
        load(tmp_path / "empty", {})
    stored = json.loads((tmp_path / "box/credentials.json").read_text())
    assert stored["url"] == fleet_url
