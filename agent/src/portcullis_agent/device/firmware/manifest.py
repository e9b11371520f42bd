"""The signed manifest of a firmware, and whether this device may install it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from portcullis_agent import jws
from portcullis_agent.device.firmware.versions import Version
from portcullis_agent.errors import Refused
from portcullis_agent.keys import KeyRing

FIRMWARE_TYPE = "portcullis-firmware+jwt"
LARGEST_BYTES = 64 * 1024**3
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")


class FirmwareRefused(Refused):
    """The firmware must not be installed on this device."""


@dataclass(frozen=True)
class Manifest:
    """The claims of a manifest whose signature was checked. `hardware` None fits all; `size` is in bytes."""

    product: str
    version: str
    sha256: str
    size: int
    hardware: str | None
    min_from: str | None


@dataclass(frozen=True)
class Installed:
    """What this device is. `earlier` are versions that ran on it; `floor` is the lowest one that it may go back to."""

    product: str
    hardware: str
    version: str
    earlier: tuple[str, ...] = ()
    floor: str | None = None


def verify_manifest(token: object, keys: KeyRing) -> Manifest:
    """Check a manifest and return its claims; FirmwareRefused with a stable code if it must not be believed."""
    if not isinstance(token, str):
        raise FirmwareRefused("not_signed", "the server has no signed manifest of it")
    try:
        parsed = jws.parse(token, typ=FIRMWARE_TYPE)
        key = keys.key(parsed.kid)
        if key is None:
            raise FirmwareRefused("unknown_key", f"no trusted key leads to the key {parsed.kid[:64]!r}")
        claims = parsed.verify(key)
    except FirmwareRefused:
        raise
    except Refused as refused:
        raise FirmwareRefused(refused.code, str(refused)) from refused
    if claims.get("iss", keys.issuer) != keys.issuer:
        raise FirmwareRefused("wrong_issuer", "the manifest has another issuer")
    return _read_claims(claims)


def _read_claims(claims: dict[str, Any]) -> Manifest:
    size, sha256 = claims.get("size"), claims.get("sha256")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 < size <= LARGEST_BYTES:
        raise FirmwareRefused("wrong_claims", "size is no number of bytes")
    if not isinstance(sha256, str) or not _SHA256.match(sha256):
        raise FirmwareRefused("wrong_claims", "sha256 is not 64 hexadecimal digits")
    for name in ("product", "version", "hardware", "min_from"):
        value = claims.get(name)
        if not isinstance(value, str) and (value is not None or name in {"product", "version"}):
            raise FirmwareRefused("wrong_claims", f"{name} is not a text")
    for name in ("version", "min_from"):
        if claims.get(name):
            _read_version(claims[name], name)
    hardware, min_from = claims.get("hardware") or None, claims.get("min_from") or None
    return Manifest(claims["product"], claims["version"], sha256, size, hardware, min_from)


def _read_version(text: str, name: str) -> Version:
    try:
        return Version(text)
    except ValueError as error:
        raise FirmwareRefused("wrong_claims", f"{name}: {error}") from error


def check_fits(manifest: Manifest, offer: dict[str, Any], device: Installed, *, allow_downgrade: bool) -> None:
    """FirmwareRefused unless the manifest is the offered firmware, and one that this device may install now.

    `offer` is `firmware` of a heartbeat's answer, which is not signed. A device goes back only to a version that it ran
    before, or to any one with `allow_downgrade`; and never to one below the `min_from` of what it runs.
    """
    for name in ("version", "sha256", "size"):
        if offer.get(name) != getattr(manifest, name):
            raise FirmwareRefused("other_firmware", f"the manifest's {name} is not the offered one")
    if not device.product:
        raise FirmwareRefused("no_product", "this device does not know its product: set PORTCULLIS_PRODUCT")
    if manifest.product != device.product:
        raise FirmwareRefused("other_product", f"it is for {manifest.product!r}, and this is {device.product!r}")
    if manifest.hardware is not None and manifest.hardware != device.hardware:
        raise FirmwareRefused("other_hardware", f"it is for {manifest.hardware!r}, and this is {device.hardware!r}")
    _check_version(manifest, device, allow_downgrade)


def _check_version(manifest: Manifest, device: Installed, allow_downgrade: bool) -> None:
    new = Version(manifest.version)
    try:
        present = Version(device.version)
    except ValueError:
        if manifest.min_from is not None:
            detail = f"it needs {manifest.min_from} or later, and this device's version is not known"
            raise FirmwareRefused("below_min_from", detail) from None
        return
    if manifest.min_from is not None and present < Version(manifest.min_from):
        raise FirmwareRefused("below_min_from", f"it needs {manifest.min_from} or later, and this is {present}")
    if new >= present:
        return
    if device.floor is not None and new < Version(device.floor):
        raise FirmwareRefused("below_floor", f"{present} goes back to {device.floor} at the most")
    if not allow_downgrade and manifest.version not in device.earlier:
        detail = f"it is older than {present}, and never ran here; PORTCULLIS_ALLOW_DOWNGRADE=true allows it"
        raise FirmwareRefused("downgrade", detail)
