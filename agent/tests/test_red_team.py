"""Attempts to have something believed that nobody signed."""

from __future__ import annotations

import pytest

from portcullis_agent import KeyRing, LeaseRefused, verify_lease
from portcullis_agent.jws import UnverifiedToken
from portcullis_agent.keys import MAX_KEYS, read_key

from .forgeries import FIRST, FOREIGN, NONCE, SECOND, THIRD, lease
from .signing import SITE_ID, SigningKey


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
    many = [SigningKey.named(f"number {number}") for number in range(MAX_KEYS + 10)]
    keys.extend({"endorsements": [FIRST.endorse(key) for key in many]})
    assert len(keys) == MAX_KEYS


def test_each_endorsement_is_verified_once_in_the_worst_order(keys: KeyRing, monkeypatch: pytest.MonkeyPatch) -> None:
    verified = []
    verify = UnverifiedToken.verify
    monkeypatch.setattr(UnverifiedToken, "verify", lambda *given: verified.append(1) or verify(*given))
    chain = [FIRST, *(SigningKey.named(f"number {number}") for number in range(300))]
    links = [before.endorse(key) for before, key in zip(chain, chain[1:])]
    forged = [SECOND.endorse(SigningKey.named(f"forged {n}"), header={"kid": FIRST.kid}) for n in range(300)]
    assert len(keys.extend({"endorsements": [*forged, *links[::-1], *links]})) == 300
    assert len(verified) == 600


def leaked_ring() -> KeyRing:
    """FIRST was pinned, leaked, and is set aside since SECOND signs."""
    ring = KeyRing((read_key(FIRST.jwk()),))
    ring.extend({"endorsements": [FIRST.endorse(SECOND)]})
    assert ring.set_aside_unlisted([SECOND.kid], SECOND.kid) == [FIRST.kid]
    return ring


@pytest.mark.parametrize(
    "endorsement",
    [FIRST.endorse(FIRST), FIRST.endorse(FOREIGN), SECOND.endorse(FIRST), FIRST.endorse(SECOND)],
    ids=["itself", "another key", "endorsed by the key it led to", "the old endorsement"],
)
def test_a_key_that_was_set_aside_neither_comes_back_nor_endorses(endorsement: str) -> None:
    ring = leaked_ring()
    assert ring.extend({"keys": [FIRST.jwk()], "endorsements": [endorsement]}) == []
    assert (FIRST.kid in ring, SECOND.kid in ring) == (False, True)


def test_a_key_that_was_set_aside_comes_back_if_the_key_that_signs_endorses_it() -> None:
    ring = leaked_ring()
    published = FIRST.endorse(THIRD)  # by the key before, as the site had read it
    ring = KeyRing.restored(
        (read_key(FIRST.jwk()),),
        [*ring.endorsed, read_key(THIRD.jwk(endorsement=published))],
        [FIRST.kid, THIRD.kid],
        issuer="portcullis",
    )
    assert ring.extend({"keys": [THIRD.jwk(endorsement=published)]}) == []
    assert ring.extend({"keys": [THIRD.jwk(endorsement=SECOND.endorse(THIRD))]}) == [THIRD.kid]
    assert ring.set_aside == (FIRST.kid,)


@pytest.mark.parametrize("listed", [[], [FIRST.kid], [FOREIGN.kid], [FIRST.kid, FOREIGN.kid]])
def test_a_set_without_the_key_that_signs_sets_nothing_aside(listed: list[str]) -> None:
    ring = KeyRing((read_key(FIRST.jwk()),))
    ring.extend({"endorsements": [FIRST.endorse(SECOND)]})
    assert ring.set_aside_unlisted(listed, SECOND.kid) == []
    assert ring.set_aside_unlisted([FOREIGN.kid], FOREIGN.kid) == []
    assert SECOND.kid in ring
