"""Signs what the control plane signs, with keys made from fixed seeds. Also signs what it never would."""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import cached_property
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from portcullis_agent.encoding import encode_base64url
from portcullis_agent.keys import thumbprint

LEASE_SECONDS = 30 * 24 * 60 * 60
SITE_ID = "3f1d4c6e-8f0a-4f57-9d0e-2b1c5a7e9d10"
OTHER_SITE_ID = "b7a0c2d4-1e3f-4a5b-8c6d-7e8f9a0b1c2d"
START = 1_790_000_000  # 2026-09-21


@dataclass(frozen=True)
class SigningKey:
    seed: bytes = field(repr=False)

    @classmethod
    def named(cls, name: str) -> SigningKey:
        return cls(hashlib.sha256(f"test key {name}".encode()).digest())

    @cached_property
    def private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)

    @cached_property
    def x(self) -> str:
        return encode_base64url(self.private.public_key().public_bytes_raw())

    @cached_property
    def kid(self) -> str:
        return thumbprint(self.x)

    def jwk(self, *, state: str = "signing", endorsement: str | None = None) -> dict[str, Any]:
        jwk = {
            "kty": "OKP",
            "crv": "Ed25519",
            "x": self.x,
            "kid": self.kid,
            "use": "sig",
            "alg": "EdDSA",
            "state": state,
        }
        return jwk | ({"endorsement": endorsement} if endorsement else {})

    def sign(self, header: dict[str, Any], claims: dict[str, Any]) -> str:
        return self.sign_bytes(compact(header), compact(claims))

    def sign_bytes(self, header: bytes, payload: bytes) -> str:
        signed = f"{encode_base64url(header)}.{encode_base64url(payload)}"
        return f"{signed}.{encode_base64url(self.private.sign(signed.encode()))}"

    def endorse(self, key: SigningKey, *, iat: int = START, **changes: Any) -> str:
        header = {"alg": "EdDSA", "typ": "portcullis-key+jwt", "kid": self.kid} | changes.pop("header", {})
        jwk = {"kty": "OKP", "crv": "Ed25519", "x": key.x}
        return self.sign(header, {"iss": "portcullis", "iat": iat, "sub": key.kid, "jwk": jwk} | changes)

    def lease(self, *, header: dict[str, Any] | None = None, **changes: Any) -> str:
        return self.sign(lease_header(self) | (header or {}), lease_claims(**changes))


def compact(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def lease_header(key: SigningKey) -> dict[str, Any]:
    return {"alg": "EdDSA", "typ": "portcullis-lease+jwt", "kid": key.kid}


def lease_claims(**changes: Any) -> dict[str, Any]:
    iat = changes.get("iat", START)
    usable = isinstance(iat, int) and not isinstance(iat, bool)
    claims = {
        "iss": "portcullis",
        "sub": SITE_ID,
        "jti": str(uuid.uuid5(uuid.NAMESPACE_URL, f"lease {iat}")),
        "iat": iat,
        "exp": iat + LEASE_SECONDS if usable else 0,
        "nonce": None,
        "revision": 1,
        "licensed": True,
        "locked": False,
        "lock_reason": None,
        "license_expires_at": "2028-12-31T00:00:00Z",
        "server_time": rfc3339(iat if usable else START),
        "next_heartbeat_seconds": 21540,
        "stop_on": ["locked", "expired", "lapsed"],
    }
    return claims | changes


def rfc3339(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, tz=timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
