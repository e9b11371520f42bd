"""Keys of sites and devices, and tokens of admins.

Each is a prefix, 43 characters of base 62 for 256 random bits, and a checksum of 6 characters.
The checksum finds typing errors without the database, and a double click selects the whole key. The database holds an
HMAC-SHA-256 of a site's or device's key under a pepper. 256 random bits need no slow hash, and a stolen table is useless
without the pepper. SITE_KEY_PEPPERS has the current pepper first; keys of the others are accepted, and get a digest under
the current one at their next heartbeat.
"""

import hmac
import secrets
import zlib
from functools import lru_cache

from django.conf import settings

PREFIX = "psk_"  # of a site
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
RANDOM_BITS = 256
BODY_LENGTH = 43  # the smallest n with 62**n >= 2**256
CHECKSUM_LENGTH = 6
HINT_LENGTH = 4
PEPPER_ID_LENGTH = 8


def base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, len(ALPHABET))
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))


def checksum(body: str) -> str:
    return base62(zlib.crc32(body.encode()), CHECKSUM_LENGTH)


def generate_key(prefix: str = PREFIX) -> str:
    body = base62(secrets.randbits(RANDOM_BITS), BODY_LENGTH)
    return prefix + body + checksum(body)


def is_well_formed(key: str, prefix: str = PREFIX) -> bool:
    """Whether the text has the form of a key. Only the database knows whether it is one."""
    body, check = key[len(prefix) : -CHECKSUM_LENGTH], key[-CHECKSUM_LENGTH:]
    return key.startswith(prefix) and len(body) == BODY_LENGTH and key.isascii() and checksum(body) == check


def current_pepper() -> str:
    pepper: str = settings.SITE_KEY_PEPPERS[0]
    return pepper


@lru_cache
def pepper_id(pepper: str) -> str:
    """What the database stores of a pepper beside each digest: it tells two peppers apart and reveals neither."""
    return hmac.digest(pepper.encode(), b"portcullis: id of this pepper", "sha256").hex()[:PEPPER_ID_LENGTH]


def key_digest(key: str, pepper: str | None = None) -> str:
    """What the database stores of a key: 64 hexadecimal digits, by default under the current pepper.

    Takes any text, so that every wrong key costs the same.
    """
    return hmac.digest((pepper or current_pepper()).encode(), key.encode("utf-8", "replace"), "sha256").hex()


def key_digests(key: str) -> list[str]:
    """The digests of a key under each pepper, the current one first."""
    return [key_digest(key, pepper) for pepper in settings.SITE_KEY_PEPPERS]


def key_hint(key: str) -> str:
    """The end of a key, by which a person distinguishes two keys."""
    return "…" + key[-HINT_LENGTH:]
