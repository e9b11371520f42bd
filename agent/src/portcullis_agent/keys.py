"""The public keys that a site trusts: those that it pinned, and those that a trusted key endorsed."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from portcullis_agent import jws
from portcullis_agent.encoding import decode_base64url, decode_object, encode_base64url
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
        return _public_key(self.x)

    @property
    def signer(self) -> str | None:
        """The `kid` that the endorsement names, which nobody has verified yet; None if it cannot be read."""
        try:
            return jws.parse(self.endorsement, typ=ENDORSEMENT_TYPE).kid if self.endorsement else None
        except Refused:
            return None

    def as_dict(self) -> dict[str, str | None]:
        return {"kid": self.kid, "x": self.x, "endorsement": self.endorsement}


@lru_cache(maxsize=64)
def _public_key(x: str) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(decode_base64url(x))


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
    """Trusted keys by `kid`: those that were pinned, and those that a trusted key endorsed.

    A key that was set aside signs nothing more, neither leases nor endorsements. What it endorsed before stays trusted.
    """

    def __init__(self, pinned: Iterable[PublicKey] = (), *, issuer: str = "portcullis") -> None:
        self.issuer = issuer
        self._pinned = {key.kid: key for key in pinned}
        self._keys = dict(self._pinned)
        self._set_aside: set[str] = set()

    @classmethod
    def restored(
        cls, pinned: Iterable[PublicKey], endorsed: Iterable[PublicKey], set_aside: Iterable[str], *, issuer: str
    ) -> KeyRing:
        """A ring as it was stored. Its endorsements are checked again, those of keys that were set aside later too."""
        ring = cls(pinned, issuer=issuer)
        ring._walk(list(endorsed))
        ring._set_aside = {kid for kid in set_aside if kid in ring._keys}
        return ring

    def copy(self) -> KeyRing:
        ring = KeyRing(issuer=self.issuer)
        ring._pinned, ring._keys, ring._set_aside = dict(self._pinned), dict(self._keys), set(self._set_aside)
        return ring

    def __contains__(self, kid: object) -> bool:
        return kid in self._keys and kid not in self._set_aside

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def pinned(self) -> tuple[PublicKey, ...]:
        return tuple(self._pinned.values())

    @property
    def endorsed(self) -> tuple[PublicKey, ...]:
        return tuple(key for key in self._keys.values() if key.kid not in self._pinned)

    @property
    def set_aside(self) -> tuple[str, ...]:
        return tuple(sorted(self._set_aside))

    def key(self, kid: str) -> Ed25519PublicKey | None:
        """The key that may have signed something new, or None."""
        return self._keys[kid].ed25519 if kid in self else None

    def pin(self, key: PublicKey) -> None:
        self._pinned[key.kid] = self._keys[key.kid] = key

    def extend(self, jwks: object) -> list[str]:
        """Add the keys that trusted keys lead to by the endorsements of a JWK set, in any order; return their `kid`s.

        Both members of the set are read, `keys` and `endorsements`. What cannot be read, or has no valid endorsement, is
        left out.
        """
        return self._walk([*readable_keys(jwks), *endorsed_keys(jwks)])

    def _walk(self, candidates: list[PublicKey]) -> list[str]:
        """Check each endorsement at most once, when its signer is trusted: a set of any order costs the same."""
        waiting: dict[str, list[PublicKey]] = {}
        for key in dict.fromkeys(candidates):
            if key.signer is not None and key.kid not in self:
                waiting.setdefault(key.signer, []).append(key)
        added: list[str] = []
        signers = [kid for kid in self._keys if kid in self]
        while signers:
            for key in waiting.pop(signers.pop(), []):
                if key.kid in self or self._leads_to(key.kid, key.signer) or not self._is_endorsed(key):
                    continue
                if key.kid not in self._keys and len(self._keys) >= MAX_KEYS:
                    return added
                self._keys[key.kid] = key
                self._set_aside.discard(key.kid)
                added.append(key.kid)
                signers.append(key.kid)
        return added

    def set_aside_unlisted(self, listed: Collection[str], signer: str) -> list[str]:
        """Set aside what the set does not list any more and is not endorsed from `signer` on; return the `kid`s.

        `signer` signed the newest lease. A set without it is not the server's present one, and changes nothing: the set itself
        is not signed. A key that was set aside comes back only if one endorses it that was not, and that it did not lead to.
        """
        if signer not in self or signer not in listed:
            return []
        gone = [kid for kid in self._keys if kid in self and kid not in listed and not self._leads_to(signer, kid)]
        self._set_aside.update(gone)
        return gone

    def _leads_to(self, signer: str, kid: str | None) -> bool:
        """Whether `kid` is `signer`, or was endorsed from it on."""
        seen: set[str] = set()
        at = kid
        while at is not None and at != signer and at not in seen:
            seen.add(at)
            at = self._keys[at].signer if at in self._keys and at not in self._pinned else None
        return at == signer

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


def with_newer_keys(keys: KeyRing, key_set: object, pin: str | None) -> KeyRing:
    """A ring with the keys of the server's set that the trusted ones lead to. Without a pinned key, one is pinned first.

    That is the key `pin`, or the one that signs; KeyRefused if the set does not have exactly one.
    """
    ring = keys.copy()
    if not keys.pinned:
        found = [key for key in readable_keys(key_set) if key.kid == pin] if pin else signing_keys(key_set)
        if len(found) != 1:
            wanted = f"the pinned key {pin}" if pin else "one key that signs"
            raise KeyRefused("unknown_key", f"the server's key set does not have {wanted}")
        ring.pin(found[0])
    ring.extend(key_set)
    return ring


def _names_key(jwk: Any, key: PublicKey) -> bool:
    return isinstance(jwk, dict) and (jwk.get("kty"), jwk.get("crv"), jwk.get("x")) == ("OKP", "Ed25519", key.x)


def readable_keys(jwks: object) -> list[PublicKey]:
    """The Ed25519 keys of a JWK set; others are left out."""
    return _readable(_members(jwks, "keys"))


def listed_kids(jwks: object) -> frozenset[str]:
    """The `kid`s that a JWK set lists in `keys`."""
    return frozenset(key.kid for key in readable_keys(jwks))


def signing_keys(jwks: object) -> list[PublicKey]:
    """The keys of the set whose `state` is `signing`."""
    return _readable(jwk for jwk in _members(jwks, "keys") if isinstance(jwk, dict) and jwk.get("state") == "signing")


def endorsed_keys(jwks: object) -> list[PublicKey]:
    """The keys that the set's `endorsements` name, each with its endorsement, which nobody has verified yet."""
    return _readable(_named_key(endorsement) for endorsement in _members(jwks, "endorsements"))


def _named_key(endorsement: object) -> object:
    """The key that an endorsement is for, as a member of a JWK set, or None."""
    if not isinstance(endorsement, str):
        return None
    try:
        claims = decode_object(jws.parse(endorsement, typ=ENDORSEMENT_TYPE).payload)
    except (Refused, ValueError, RecursionError):
        return None
    jwk = claims.get("jwk")
    return {**jwk, "kid": claims.get("sub"), "endorsement": endorsement} if isinstance(jwk, dict) else None


def _readable(members: Iterable[object]) -> list[PublicKey]:
    keys = []
    for jwk in members:
        try:
            keys.append(read_key(jwk))
        except KeyRefused:
            continue
    return keys


def _members(jwks: object, name: str) -> list[object]:
    members = jwks.get(name) if isinstance(jwks, dict) else None
    return members if isinstance(members, list) else []
