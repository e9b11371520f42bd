"""A lease as an independent reader sees it."""

import json
import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.actors import COMMAND
from licensing import private_keys
from licensing.errors import SigningKeyNotFound, SigningKeyUnavailable
from licensing.jws import encoded_header, public_x, signed, thumbprint
from licensing.leases import lease_for
from licensing.models import SigningKey
from licensing.services import create_signing_key
from licensing.tests import verifier

AT = datetime(2026, 6, 1, 12, 0, 0, 999_999, tzinfo=UTC)
SITE = uuid.UUID("6dd2b4ac-3c1d-4a8f-9d7e-2f1b8f6f0c11")
FACTS: dict[str, Any] = {
    "site_id": SITE,
    "nonce": "abcdefghijklmnop",
    "revision": 7,
    "licensed": True,
    "locked": True,
    "lock_reason": "La fattura di maggio è aperta",
    "license_expires_at": datetime(2026, 12, 31, tzinfo=UTC),
    "server_time": AT,
    "next_heartbeat_seconds": 21_540,
    "at": AT,
}
# RFC 8037, appendix A: the key, its thumbprint and a signature.
RFC_D = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
RFC_X = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
RFC_KID = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
RFC_JWS = (
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
)


@pytest.fixture
def key(db: None) -> SigningKey:
    return create_signing_key(by=COMMAND, at=AT)


def claims_of(lease: str, key: SigningKey) -> dict[str, Any]:
    return verifier.read(lease, "portcullis-lease+jwt", {key.kid: key.x})


def test_a_lease_has_exactly_the_promised_header_and_claims(key: SigningKey) -> None:
    lease = lease_for(key.kid, **FACTS)
    header = json.loads(verifier.decoded(lease.split(".")[0]))
    assert header == {"alg": "EdDSA", "typ": "portcullis-lease+jwt", "kid": key.kid}
    claims = claims_of(lease, key)
    assert uuid.UUID(claims.pop("jti")).version == 4
    assert claims == {
        "iss": "portcullis",
        "sub": str(SITE),
        "iat": int(AT.timestamp()),
        "exp": int(AT.timestamp()) + 30 * 86_400,
        "nonce": "abcdefghijklmnop",
        "revision": 7,
        "licensed": True,
        "locked": True,
        "lock_reason": "La fattura di maggio è aperta",
        "license_expires_at": "2026-12-31T00:00:00Z",
        "server_time": "2026-06-01T12:00:00.999999Z",
        "next_heartbeat_seconds": 21_540,
        "stop_on": ["locked", "expired", "lapsed"],
    }


def test_what_is_not_there_is_null(key: SigningKey) -> None:
    claims = claims_of(lease_for(key.kid, **{**FACTS, "nonce": None, "locked": False, "lock_reason": None}), key)
    assert (claims["nonce"], claims["locked"], claims["lock_reason"]) == (None, False, None)


def test_two_leases_differ_in_their_id(key: SigningKey) -> None:
    first, second = (claims_of(lease_for(key.kid, **FACTS), key)["jti"] for _ in range(2))
    assert first != second


def test_the_settings_of_leases_are_followed(key: SigningKey, settings: Any) -> None:
    settings.LEASE_SECONDS, settings.LEASE_ISSUER, settings.LEASE_STOP_ON = 86_400, "vendor", ["locked"]
    claims = claims_of(lease_for(key.kid, **FACTS), key)
    assert (claims["exp"] - claims["iat"], claims["iss"], claims["stop_on"]) == (86_400, "vendor", ["locked"])


def test_a_lease_that_was_altered_or_signed_by_another_key_is_refused(key: SigningKey) -> None:
    lease = lease_for(key.kid, **FACTS)
    head, body, signature = lease.split(".")
    other = Ed25519PrivateKey.generate()
    with pytest.raises(InvalidSignature):
        claims_of(f"{head}.{body[:-4]}AAAA.{signature}", key)
    with pytest.raises(InvalidSignature):
        claims_of(signed(other, head, json.loads(verifier.decoded(body))), key)


def test_only_the_first_lease_of_a_process_asks_the_database(key: SigningKey) -> None:
    lease_for(key.kid, **FACTS)  # the first process records how long its leases are
    private_keys.signer.cache_clear()
    with CaptureQueriesContext(connection) as queries:
        lease_for(key.kid, **FACTS)
    assert len(queries) == 1
    with CaptureQueriesContext(connection) as queries:
        lease_for(key.kid, **FACTS)
    assert len(queries) == 0


def test_an_unknown_key_signs_nothing(db: None) -> None:
    with pytest.raises(SigningKeyNotFound):
        lease_for("A" * 43, **FACTS)


def test_a_public_half_that_was_exchanged_in_the_database_signs_nothing(key: SigningKey) -> None:
    private_keys.signer.cache_clear()
    SigningKey.objects.filter(pk=key.kid).update(x="B" * 43)
    with pytest.raises(SigningKeyUnavailable):
        lease_for(key.kid, **FACTS)


def test_the_vectors_of_the_standards() -> None:
    private = Ed25519PrivateKey.from_private_bytes(verifier.decoded(RFC_D))
    assert public_x(private) == RFC_X
    assert thumbprint(RFC_X) == RFC_KID == verifier.kid_of(RFC_X)
    content, _, signature = RFC_JWS.rpartition(".")
    assert private.sign(content.encode()) == verifier.decoded(signature)
    jws = signed(private, encoded_header("portcullis-lease+jwt", RFC_KID), {"iss": "portcullis"})
    assert verifier.read(jws, "portcullis-lease+jwt", {RFC_KID: RFC_X}) == {"iss": "portcullis"}
    assert re.fullmatch(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{86}", jws)


def test_a_signed_time_is_not_later_than_the_moment(key: SigningKey) -> None:
    claims = claims_of(lease_for(key.kid, **{**FACTS, "at": AT + timedelta(microseconds=1)}), key)
    assert claims["iat"] == int(AT.timestamp()) + 1
