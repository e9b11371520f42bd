"""Attempts to have something believed that nobody signed."""

from __future__ import annotations

import pytest

from portcullis_agent import KeyRing, LeaseRefused, verify_lease
from portcullis_agent.keys import read_key

from .forgeries import FIRST, FOREIGN, NONCE, lease
from .signing import SITE_ID


@pytest.fixture
def keys() -> KeyRing:
    return KeyRing((read_key(FIRST.jwk()),))


def test_a_lease_with_any_single_bit_flipped_is_refused(keys: KeyRing) -> None:
    token = lease()
    assert verify_lease(token, keys, site_id=SITE_ID, nonce=NONCE)
    accepted = []
    for position, character in enumerate(token):
        for bit in range(8):
            flipped = token[:position] + chr(ord(character) ^ 1 << bit) + token[position + 1 :]
            try:
                verify_lease(flipped, keys, site_id=SITE_ID, nonce=NONCE)
            except LeaseRefused:
                continue
            accepted.append((position, bit))
    assert accepted == []


def test_an_endorsement_with_any_single_bit_flipped_adds_no_key(keys: KeyRing) -> None:
    token = FIRST.endorse(FOREIGN)
    for position, character in enumerate(token):
        for bit in range(8):
            flipped = token[:position] + chr(ord(character) ^ 1 << bit) + token[position + 1 :]
            assert keys.extend({"keys": [FOREIGN.jwk(endorsement=flipped)]}) == []
    assert keys.extend({"keys": [FOREIGN.jwk(endorsement=token)]}) == [FOREIGN.kid]


@pytest.mark.parametrize(
    "jwks", [None, [], {}, {"keys": None}, {"keys": [None, 1, "x", [], {}]}, {"keys": {"kid": "x"}}]
)
def test_a_key_set_of_another_shape_adds_nothing(keys: KeyRing, jwks: object) -> None:
    assert keys.extend(jwks) == []


def test_a_key_ring_has_a_bound(keys: KeyRing) -> None:
    members = [FOREIGN.jwk(endorsement=FIRST.endorse(FOREIGN))] * 5000
    assert keys.extend({"keys": members}) == [FOREIGN.kid]
