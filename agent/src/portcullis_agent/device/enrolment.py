"""Enrolment: the device gets its id and key for a code, or tells the server what changed about it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from portcullis_agent.client import RequestFailed
from portcullis_agent.device.server import DEVICE_EXISTS, INVALID_CODE, DeviceServer, ServerRefused
from portcullis_agent.device.settings import DeviceSettings
from portcullis_agent.device.state import DeviceStore
from portcullis_agent.errors import AgentError, KeyRefused, SettingsError
from portcullis_agent.keys import KeyRing, with_newer_keys

DEVICE_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}\Z")
KID = re.compile(r"[A-Za-z0-9_-]{43}\Z")


class EnrolmentFailed(AgentError):
    """The device is not enrolled, or nothing was changed. The text is one line for a person."""


@dataclass(frozen=True)
class Enrolment:
    """The settings to go on with. `is_new`: the device got a key. `pinned` is the `kid` of the trusted key, if any."""

    settings: DeviceSettings
    is_new: bool
    pinned: str | None


def enrol(
    server: DeviceServer, store: DeviceStore, *, code: str = "", should_replace: bool = False, pin: str | None = None
) -> Enrolment:
    """Register the device of `server.settings`, pin the server's key and store both. EnrolmentFailed or SettingsError.

    A device that has a key uses it, and the code stays unused, unless `should_replace`: then this box takes the place of the
    one that was registered with the same `device_id`, whose key ends. `pin` is the `kid` of the key to trust; without it a
    device with a key trusts what it trusted before, and a new one the key that signs.
    """
    settings = server.settings
    if not DEVICE_ID.match(settings.device_id):
        raise SettingsError(f"{settings.device_id!r} is no device_id: 1 to 64 of A–Z, a–z, 0–9 and . _ : -")
    if should_replace and not code:
        raise SettingsError("--replace needs a fresh enrolment code.")
    if not (code or settings.is_enrolled):
        raise SettingsError("This device is not enrolled: give --code or --code-file.")
    store.open()
    if not store.save():  # before a code is used up for a key that cannot be kept
        raise EnrolmentFailed(f"Nothing was sent: {store.problem}")
    answer, is_new = _register(server, code, should_replace)
    known = store.state.pinned
    keeps_pin = bool(known) and not is_new and pin is None
    enrolled = replace(_read_device(settings, answer, is_new), pin=known[0].kid if keeps_pin else pin)
    try:
        enrolled.store()
    except SettingsError as error:
        raise EnrolmentFailed(f"The device has a key now, and it cannot be kept: {error}") from error
    server.settings = enrolled
    if not keeps_pin:
        enrolled = server.settings = replace(enrolled, pin=pin_key(server, store))
        enrolled.store()
    return Enrolment(enrolled, is_new, enrolled.pin)


def _register(server: DeviceServer, code: str, should_replace: bool) -> tuple[dict[str, Any], bool]:
    settings = server.settings
    facts = {"device_id": settings.device_id, "role": settings.role, "name": settings.name}
    facts |= {"hardware": settings.hardware, "firmware_version": settings.firmware_version}
    body: dict[str, object] = {name: value for name, value in facts.items() if value}
    try:
        if settings.is_enrolled and not should_replace:
            return server.register(body, as_device=True), False
        replacing = {"replace": True} if should_replace else {}
        return server.register({**body, **replacing, "enrolment_code": code}, as_device=False), True
    except ServerRefused as refused:
        raise EnrolmentFailed(_explain(refused, settings, has_code=bool(code))) from refused
    except RequestFailed as failure:
        raise EnrolmentFailed(str(failure)) from failure


def _explain(refused: ServerRefused, settings: DeviceSettings, *, has_code: bool) -> str:
    if refused.code == INVALID_CODE:
        return "The server does not accept the enrolment code: it is unknown, used up or expired (401)."
    if refused.code == DEVICE_EXISTS:
        return f"The location has a device {settings.device_id} already (409): use another --device-id, or --replace."
    if refused.status == 401 and settings.is_enrolled:
        advice = (
            "add --replace to take its place with the code" if has_code else "get an enrolment code, then --replace"
        )
        return f"{refused} To enrol again, {advice}."
    return str(refused)


def _read_device(settings: DeviceSettings, answer: dict[str, Any], is_new: bool) -> DeviceSettings:
    device, key = answer.get("id"), answer.get("device_key")
    if not isinstance(device, str) or (is_new and not (isinstance(key, str) and key)):
        raise EnrolmentFailed("The answer is not the control plane's: it has no id and device_key.")
    try:
        return replace(settings, id=device, device_key=key if is_new and isinstance(key, str) else settings.device_key)
    except SettingsError as error:
        raise EnrolmentFailed(f"The answer is not the control plane's: {error}") from error


def pin_key(server: DeviceServer, store: DeviceStore) -> str | None:
    """Trust the key that signs, or the one of the settings, in place of those before; None if the server signs nothing."""
    pin = server.settings.pin
    try:
        key_set = server.key_set()
        if not key_set.get("keys") and pin is None:
            return None
        ring = with_newer_keys(KeyRing(issuer=server.settings.issuer), key_set, pin)
    except (RequestFailed, KeyRefused) as error:
        raise EnrolmentFailed(f"The device is enrolled, but no key is pinned for firmware: {error}") from error
    store.trust(ring)
    return ring.pinned[0].kid
