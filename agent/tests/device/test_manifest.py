"""Manifests: every flipped byte is refused, and firmware that is not for this device."""

from __future__ import annotations

from typing import Any

import pytest

from portcullis_agent.device.firmware.manifest import (
    FirmwareRefused,
    Installed,
    check_fits,
    verify_manifest,
)
from portcullis_agent.keys import KeyRing, read_key

from ..signing import SigningKey
from .fleet import Fleet

KEY = SigningKey.named("fleet")
OTHER = SigningKey.named("other")
TILL = Installed("till", "pi-4", "1.5.0")
HEADER = {"alg": "EdDSA", "typ": "portcullis-firmware+jwt", "kid": KEY.kid}


@pytest.fixture
def ring() -> KeyRing:
    return KeyRing([read_key(KEY.jwk())])


def signed(key: SigningKey = KEY, **claims: Any) -> tuple[str, dict[str, Any]]:
    """A manifest, and the offer of it."""
    fleet = Fleet()
    manifest = fleet.firmware[fleet.publish(b"firmware", key=key, **claims)]["manifest"]
    assert fleet.offer
    return manifest, fleet.offer


def refusal(device: Installed, *, allow_downgrade: bool = False, **claims: Any) -> str | None:
    """The code of the refusal, or None."""
    token, offer = signed(**claims)
    manifest = verify_manifest(token, KeyRing([read_key(KEY.jwk())]))
    try:
        check_fits(manifest, offer, device, allow_downgrade=allow_downgrade)
    except FirmwareRefused as refused:
        return refused.code
    return None


def test_a_manifest_is_read(ring: KeyRing) -> None:
    token, offer = signed(hardware="pi-4", min_from="1.0.0")
    manifest = verify_manifest(token, ring)
    assert {"version": manifest.version, "sha256": manifest.sha256, "size": manifest.size} == {
        name: offer[name] for name in ("version", "sha256", "size")
    }
    assert (manifest.product, manifest.hardware, manifest.min_from) == ("till", "pi-4", "1.0.0")


def test_every_flipped_bit_is_refused(ring: KeyRing) -> None:
    token, _ = signed()
    for position in range(len(token)):
        for bit in range(7):
            flipped = token[:position] + chr(ord(token[position]) ^ 1 << bit) + token[position + 1 :]
            with pytest.raises(FirmwareRefused):
                verify_manifest(flipped, ring)


def test_every_cut_is_refused(ring: KeyRing) -> None:
    token, _ = signed()
    for length in range(len(token)):
        with pytest.raises(FirmwareRefused):
            verify_manifest(token[:length], ring)


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ({"alg": "none"}, "wrong_algorithm"),
        ({"alg": "HS256"}, "wrong_algorithm"),
        ({"typ": "portcullis-lease+jwt"}, "wrong_type"),
        ({"typ": None}, "wrong_type"),
        ({"kid": OTHER.kid}, "unknown_key"),
        ({"kid": None}, "malformed"),
        ({"crit": ["exp"]}, "critical_header"),
    ],
)
def test_another_header_is_refused(ring: KeyRing, header: dict[str, Any], code: str) -> None:
    claims = {"product": "till", "version": "2.0.0", "sha256": "0" * 64, "size": 1, "hardware": None, "min_from": None}
    assert verify_manifest(KEY.sign(HEADER, claims), ring).size == 1
    with pytest.raises(FirmwareRefused) as caught:
        verify_manifest(KEY.sign(HEADER | header, claims), ring)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "claims",
    [
        {"size": 0},
        {"size": -1},
        {"size": True},
        {"size": "8"},
        {"size": 2**60},
        {"sha256": "0" * 63},
        {"sha256": "A" * 64},
        {"sha256": "../" + "0" * 61},
        {"sha256": None},
        {"version": "2"},
        {"version": None},
        {"version": "v2.0.0"},
        {"product": None},
        {"product": 7},
        {"hardware": 7},
        {"min_from": "1"},
        {"min_from": 1},
        {"iss": "another"},
    ],
)
def test_claims_of_another_form_are_refused(ring: KeyRing, claims: dict[str, Any]) -> None:
    good = {"product": "till", "version": "2.0.0", "sha256": "0" * 64, "size": 1, "hardware": None, "min_from": None}
    assert verify_manifest(KEY.sign(HEADER, good | {"iss": "portcullis", "later": 1}), ring).hardware is None
    with pytest.raises(FirmwareRefused):
        verify_manifest(KEY.sign(HEADER, good | claims), ring)


@pytest.mark.parametrize("token", [None, 7, "", "..", "a.b.c", {}, "x" * 100_000])
def test_what_is_no_manifest_is_refused(ring: KeyRing, token: object) -> None:
    with pytest.raises(FirmwareRefused):
        verify_manifest(token, ring)


def test_a_key_that_was_set_aside_signs_nothing_more() -> None:
    token, _ = signed()
    ring = KeyRing.restored([read_key(KEY.jwk())], [], [KEY.kid], issuer="portcullis")
    with pytest.raises(FirmwareRefused, match="no trusted key"):
        verify_manifest(token, ring)


def test_the_offer_must_be_what_was_signed() -> None:
    token, offer = signed()
    manifest = verify_manifest(token, KeyRing([read_key(KEY.jwk())]))
    check_fits(manifest, offer, TILL, allow_downgrade=False)
    for change in ({"version": "2.0.1"}, {"sha256": "0" * 64}, {"size": 7}, {"size": None}):
        with pytest.raises(FirmwareRefused, match="is not the offered one"):
            check_fits(manifest, offer | change, TILL, allow_downgrade=False)


def test_firmware_of_another_product_or_hardware_is_refused() -> None:
    assert refusal(TILL) is None
    assert refusal(TILL, hardware="pi-4") is None
    assert refusal(TILL, hardware="pi-5") == "other_hardware"
    assert refusal(TILL, product="display") == "other_product"
    assert refusal(Installed("", "pi-4", "1.5.0")) == "no_product"
    assert refusal(Installed("till", "", "1.5.0"), hardware="pi-4") == "other_hardware"


@pytest.mark.parametrize(
    ("own", "min_from", "code"),
    [
        ("1.5.0", "1.5.0", None),
        ("1.5.0", "1.5.0-rc.1", None),
        ("1.5.0-rc.1", "1.5.0", "below_min_from"),
        ("1.4.9", "1.5.0", "below_min_from"),
        ("", "1.5.0", "below_min_from"),
        ("unknown", "1.5.0", "below_min_from"),
        ("unknown", None, None),
        ("2.0.0", "1.5.0", None),
        ("2.0.0+build", "1.5.0", None),
    ],
)
def test_the_lowest_version_to_come_from(own: str, min_from: str | None, code: str | None) -> None:
    assert refusal(Installed("till", "", own), min_from=min_from) == code


def test_it_goes_back_only_to_what_ran_here() -> None:
    assert refusal(Installed("till", "", "3.0.0")) == "downgrade"
    assert refusal(Installed("till", "", "2.0.1-rc.1")) == "downgrade"
    assert refusal(Installed("till", "", "3.0.0"), allow_downgrade=True) is None
    assert refusal(Installed("till", "", "3.0.0", earlier=("1.9.0", "2.0.0"))) is None
    assert refusal(Installed("till", "", "3.0.0", earlier=("2.0.0+other",))) == "downgrade"


def test_it_never_goes_back_below_what_its_firmware_can_be_reached_from() -> None:
    for allow in (False, True):
        back = Installed("till", "", "3.0.0", earlier=("2.0.0",), floor="2.5.0")
        assert refusal(back, allow_downgrade=allow) == "below_floor"
        back = Installed("till", "", "3.0.0", earlier=("2.0.0",), floor="2.0.0")
        assert refusal(back, allow_downgrade=allow) is None
