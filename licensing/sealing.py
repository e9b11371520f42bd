"""Private keys at rest: encrypted with AES-256-GCM under a secret that is not in the database, and bound to their key's id."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.views.decorators.debug import sensitive_variables

NONCE_BYTES = 12


class OpeningFailed(Exception):
    """Sealed under a secret that is no longer configured, sealed for another key, or altered."""


@sensitive_variables()
def cipher_of(secret: str) -> AESGCM:
    return AESGCM(
        HKDF(SHA256(), length=32, salt=None, info=b"portcullis: private signing keys").derive(secret.encode())
    )


@sensitive_variables()
def sealed(private: bytes, *, kid: str) -> bytes:
    """Nonce and ciphertext, under the newest secret."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + cipher_of(settings.LEASE_KEY_SECRETS[0]).encrypt(nonce, private, kid.encode())


@sensitive_variables()
def opened(content: bytes, *, kid: str) -> bytes:
    """Raises OpeningFailed."""
    for secret in settings.LEASE_KEY_SECRETS:
        try:
            return cipher_of(secret).decrypt(content[:NONCE_BYTES], content[NONCE_BYTES:], kid.encode())
        except (InvalidTag, ValueError):
            continue
    raise OpeningFailed


def is_under_newest_secret(content: bytes, *, kid: str) -> bool:
    try:
        cipher_of(settings.LEASE_KEY_SECRETS[0]).decrypt(content[:NONCE_BYTES], content[NONCE_BYTES:], kid.encode())
    except (InvalidTag, ValueError):
        return False
    return True
