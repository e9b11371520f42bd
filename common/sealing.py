"""Secrets at rest: encrypted with AES-256-GCM under a secret that is not in the database, and bound to what they belong to."""

import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.views.decorators.debug import sensitive_variables

NONCE_BYTES = 12


class OpeningFailed(Exception):
    """Sealed under a secret that is no longer configured, sealed for another owner, or altered."""


@sensitive_variables()
def cipher_of(secret: str, purpose: str) -> AESGCM:
    """A separate key for each purpose, as in "private signing keys"."""
    return AESGCM(HKDF(SHA256(), length=32, salt=None, info=f"portcullis: {purpose}".encode()).derive(secret.encode()))


@sensitive_variables()
def seal(content: bytes, *, secret: str, purpose: str, owner: str) -> bytes:
    """Nonce and ciphertext."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + cipher_of(secret, purpose).encrypt(nonce, content, owner.encode())


@sensitive_variables()
def unseal(sealed: bytes, *, secrets: Sequence[str], purpose: str, owner: str) -> bytes:
    """With the first of the secrets that fits. Raises OpeningFailed."""
    for secret in secrets:
        try:
            return cipher_of(secret, purpose).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], owner.encode())
        except (InvalidTag, ValueError):
            continue
    raise OpeningFailed
