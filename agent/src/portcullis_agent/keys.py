"""The public keys that a site trusts: those that it pinned, and those that a trusted key endorsed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from portcullis_agent import jws
from portcullis_agent.encoding import decode_base64url, encode_base64url
from portcullis_agent.errors import KeyRefused, Refused

ENDORSEMENT_TYPE = "portcullis-key+jwt"
MAX_KEYS = 1000


@dataclass(frozen=True)
class PublicKey:
    """An Ed25519 key. `x` is its value in base64url, `kid` its RFC 7638 thumbprint."""

    kid: str
    x: str
    endorsement: str | None = None

    @property
    def ed25519(self) -> Ed25519PublicKey:
        return Ed25519PublicKey.from_public_bytes(decode_base64url(self.x))

    def as_dict(self) -> dict[str, str | None]:
        return {"kid": self.kid, "x": self.x, "endorsement": self.endorsement}


def thumbprint(x: str) -> str:
    """The RFC 7638 thumbprint of an Ed25519 key."""
    canonical = f'{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}'
    return encode_base64url(hashlib.sha256(canonical.encode("ascii")).digest())


def read_key(jwk: object) -> PublicKey:
    """Read one member of a JWK set; KeyRefused if it is no Ed25519 key or has another key's `kid`."""
    if not isinstance(jwk, dict) or jwk.get("kty") != "OKP" or jwk.get("crv") != "Ed25519":
        raise KeyRefused("wrong_key_type", "not an Ed25519 key")
    x, kid, endorsement = jwk.get("x"), jwk.get("kid"), jwk.get("endorsement")
    try:
        if not isinstance(x, str) or len(decode_base64url(x)) != 32:
            raise ValueError
    except ValueError as error:
        raise KeyRefused("malformed", "x is not 32 bytes in base64url") from error
    if kid != thumbprint(x):
        raise KeyRefused("wrong_kid", "kid is not the thumbprint of the key")
    return PublicKey(kid, x, endorsement if isinstance(endorsement, str) else None)


class KeyRing:
    """Trusted keys by `kid`. It only grows: a key becomes trusted because it was pinned or endorsed."""

    def __init__(self, pinned: tuple[PublicKey, ...] = (), *, issuer: str = "portcullis") -> None:
        self.issuer = issuer
        self._pinned = {key.kid: key for key in pinned}
        self._keys = dict(self._pinned)

    def __contains__(self, kid: object) -> bool:
        return kid in self._keys

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def pinned(self) -> tuple[PublicKey, ...]:
        return tuple(self._pinned.values())

    @property
    def endorsed(self) -> tuple[PublicKey, ...]:
        return tuple(key for key in self._keys.values() if key.kid not in self._pinned)

    def key(self, kid: str) -> Ed25519PublicKey | None:
        found = self._keys.get(kid)
        return found.ed25519 if found else None

    def pin(self, key: PublicKey) -> None:
        self._pinned[key.kid] = self._keys[key.kid] = key

    def extend(self, jwks: object) -> list[str]:
        """Add the keys of a JWK set that trusted keys lead to, in any order of the set; return their `kid`s.

        Keys that cannot be read or have no valid endorsement are left out.
        """
        waiting = {key.kid: key for key in readable_keys(jwks) if key.kid not in self._keys and key.endorsement}
        added: list[str] = []
        while True:
            found = [key for key in waiting.values() if self._is_endorsed(key)]
            if not found or len(self._keys) + len(found) > MAX_KEYS:
                return added
            for key in found:
                self._keys[key.kid] = waiting.pop(key.kid)
                added.append(key.kid)

    def _is_endorsed(self, key: PublicKey) -> bool:
        try:
            self.check_endorsement(key)
        except Refused:
            return False
        return True

    def check_endorsement(self, key: PublicKey) -> None:
        """KeyRefused, with the reason, unless a trusted key endorsed exactly this key."""
        if key.endorsement is None:
            raise KeyRefused("not_endorsed", "the key has no endorsement")
        try:
            token = jws.parse(key.endorsement, typ=ENDORSEMENT_TYPE)
            signer = self.key(token.kid)
            if signer is None:
                raise KeyRefused("unknown_key", "the endorsement's key is not trusted")
            claims = token.verify(signer)
        except KeyRefused:
            raise
        except Refused as refused:
            raise KeyRefused(refused.code, str(refused)) from refused
        if claims.get("iss") != self.issuer:
            raise KeyRefused("wrong_issuer", "the endorsement has another issuer")
        if claims.get("sub") != key.kid or not _names_key(claims.get("jwk"), key):
            raise KeyRefused("other_key", "the endorsement is for another key")
        iat = claims.get("iat")
        if not isinstance(iat, int) or isinstance(iat, bool):
            raise KeyRefused("wrong_claims", "iat is not an integer")


def _names_key(jwk: Any, key: PublicKey) -> bool:
    return isinstance(jwk, dict) and (jwk.get("kty"), jwk.get("crv"), jwk.get("x")) == ("OKP", "Ed25519", key.x)


def readable_keys(jwks: object) -> list[PublicKey]:
    """The Ed25519 keys of a JWK set; others are left out."""
    keys = []
    for jwk in _members(jwks):
        try:
            keys.append(read_key(jwk))
        except KeyRefused:
            continue
    return keys


def signing_keys(jwks: object) -> list[PublicKey]:
    """The keys of the set whose `state` is `signing`."""
    return readable_keys(
        {"keys": [jwk for jwk in _members(jwks) if isinstance(jwk, dict) and jwk.get("state") == "signing"]}
    )


def _members(jwks: object) -> list[object]:
    members = jwks.get("keys") if isinstance(jwks, dict) else None
    return members[:MAX_KEYS] if isinstance(members, list) else []
