"""What must be kept and not read: sealed with AES-256-GCM, or as a digest that nobody makes without our key.

Each value is bound to its owner: copied to another admin's row it does not open, and its digest does not match.
"""

import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

NONCE_BYTES = 12


class Unreadable(Exception):
    """Sealed with a key that we do not have any more, for somebody else, or changed since."""


def purpose_key(key: str, purpose: str) -> bytes:
    return hmac.new(key.encode(), f"two-factor {purpose}".encode(), hashlib.sha256).digest()


def sealed(plain: str, *, owner: int) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    cipher = AESGCM(purpose_key(settings.TWO_FACTOR_KEYS[0], "seal"))
    return nonce + cipher.encrypt(nonce, plain.encode(), bound_to(owner))


def opened(box: bytes, *, owner: int) -> str:
    """Raises Unreadable."""
    nonce, content = box[:NONCE_BYTES], box[NONCE_BYTES:]
    for key in settings.TWO_FACTOR_KEYS:
        try:
            return AESGCM(purpose_key(key, "seal")).decrypt(nonce, content, bound_to(owner)).decode()
        except (InvalidTag, ValueError):
            continue
    raise Unreadable


def bound_to(owner: int) -> bytes:
    return f"admin {owner}".encode()


def digests(text: str, *, owner: int) -> list[str]:
    """The newest key's first; those of former keys find what was kept before."""
    return [
        hmac.new(purpose_key(key, "digest"), bound_to(owner) + b"\n" + text.encode(), hashlib.sha256).hexdigest()
        for key in settings.TWO_FACTOR_KEYS
    ]
