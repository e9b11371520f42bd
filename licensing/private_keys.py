"""The private half of a signing key, as this process holds it while the key signs."""

from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from licensing import key_file, sealing
from licensing.errors import KeyFileInvalid, SigningKeyNotFound, SigningKeyUnavailable
from licensing.jws import encoded_header, public_x
from licensing.models import SigningKey


class PrivateHalf(StrEnum):
    """Where the private half of a key is."""

    SEALED = "sealed"
    SEALED_UNDER_FORMER = "sealed_under_former_secret"
    IN_FILE = "in_file"
    MISSING = "missing"
    DELETED = "deleted"


LEASE, ENDORSEMENT = "portcullis-lease+jwt", "portcullis-key+jwt"


@dataclass(frozen=True)
class Signer:
    private: Ed25519PrivateKey = field(repr=False)
    lease_header: str  # encoded once, not for each lease
    endorsement_header: str


# Only the key that signs: a process forgets a retired key with the first lease of the next one.
@lru_cache(maxsize=1)
def signer(kid: str) -> Signer:
    """One query for a key that is not cached. Raises SigningKeyNotFound, SigningKeyUnavailable.

    Before this process signs with it for longer than any other has, the key's row says so: a key that is retired stays in
    the public set for the longest of these lives. Then the row is read again, for a key that was retired before signs nothing.
    """
    row = SigningKey.objects.filter(pk=kid)
    key = row.first()
    if key and key.longest_lease_seconds < settings.LEASE_SECONDS:
        row.filter(longest_lease_seconds__lt=settings.LEASE_SECONDS).update(
            longest_lease_seconds=settings.LEASE_SECONDS
        )
        key = row.first()
    if key is None:
        raise SigningKeyNotFound(f"There is no signing key {kid}.")
    private = Ed25519PrivateKey.from_private_bytes(private_half(key))
    if public_x(private) != key.x:
        raise SigningKeyUnavailable(f"The private half of the signing key {kid} belongs to another key.")
    return Signer(private, encoded_header(LEASE, kid), encoded_header(ENDORSEMENT, kid))


@sensitive_variables()
def private_half(key: SigningKey) -> bytes:
    """Raises SigningKeyUnavailable."""
    if key.sealed_private is not None:
        try:
            return sealing.opened(bytes(key.sealed_private), kid=key.kid)
        except sealing.OpeningFailed:
            raise SigningKeyUnavailable(
                f"The signing key {key.kid} was sealed under another secret: has LEASE_KEY_SECRET (or SECRET_KEY) changed?"
            ) from None
    if key.state == SigningKey.State.RETIRED:
        raise SigningKeyUnavailable(f"The signing key {key.kid} is retired, and its private half deleted.")
    if key_file.is_used():
        private = key_file.private_keys().get(key.kid)
        if private is not None:
            return private
    raise SigningKeyUnavailable(
        f"The private half of the signing key {key.kid} is not here: is LEASE_KEY_FILE the right one?"
    )


@sensitive_variables()
def private_half_of(key: SigningKey) -> PrivateHalf:
    """For operators: whether it can be read, and whether a former secret is still needed."""
    if key.state == SigningKey.State.RETIRED:
        return PrivateHalf.DELETED
    try:
        private_half(key)
    except (SigningKeyUnavailable, KeyFileInvalid):
        return PrivateHalf.MISSING
    if key.sealed_private is None:
        return PrivateHalf.IN_FILE
    is_newest = sealing.is_under_newest_secret(bytes(key.sealed_private), kid=key.kid)
    return PrivateHalf.SEALED if is_newest else PrivateHalf.SEALED_UNDER_FORMER
