"""Secrets at rest: encrypted with AES-256-GCM, or stored as a digest that takes our key to compute.

Each value is bound to its owner: copied to another admin's row it cannot be decrypted, and its digest does not match.
"""

import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

NONCE_BYTES = 12


class DecryptionFailed(Exception):
    """Encrypted with a key that is no longer configured, encrypted for another owner, or altered."""


def purpose_key(key: str, purpose: str) -> bytes:
    return hmac.new(key.encode(), f"two-factor {purpose}".encode(), hashlib.sha256).digest()


def encrypt(plain: str, *, owner: int) -> bytes:
    """Nonce and ciphertext, under the newest key."""
    nonce = os.urandom(NONCE_BYTES)
    cipher = AESGCM(purpose_key(settings.TWO_FACTOR_KEYS[0], "encryption"))
    return nonce + cipher.encrypt(nonce, plain.encode(), owner_bytes(owner))


def decrypt(ciphertext: bytes, *, owner: int) -> str:
    """Raises DecryptionFailed."""
    nonce, content = ciphertext[:NONCE_BYTES], ciphertext[NONCE_BYTES:]
    for key in settings.TWO_FACTOR_KEYS:
        try:
            return AESGCM(purpose_key(key, "encryption")).decrypt(nonce, content, owner_bytes(owner)).decode()
        except (InvalidTag, ValueError):
            continue
    raise DecryptionFailed


def owner_bytes(owner: int) -> bytes:
    return f"admin {owner}".encode()


def digests(text: str, *, owner: int) -> list[str]:
    """The digest under each configured key, the newest key first; former keys find what was stored before."""
    return [
        hmac.new(purpose_key(key, "digest"), owner_bytes(owner) + b"\n" + text.encode(), hashlib.sha256).hexdigest()
        for key in settings.TWO_FACTOR_KEYS
    ]
