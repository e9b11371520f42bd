"""The hash of a password in a request for access, by which the same request is recognized when it comes again."""

import hashlib
from dataclasses import dataclass, field

from django.contrib.auth.hashers import make_password
from django.utils.crypto import salted_hmac

SALT = "accounts.access_requests.hashes"
SALT_LENGTH = 32  # hexadecimal digits: 128 bits


@dataclass(frozen=True)
class PasswordHash:
    """`encoded` is a password of Django's; `digest` stays in the table when `encoded` is erased."""

    encoded: str = field(repr=False)
    digest: str


def hash_for(email: str, password: str) -> PasswordHash:
    """Always one computation, whatever is stored, so that the time tells nothing. Raises Busy.

    The salt belongs to the address and depends on SECRET_KEY: the same address with the same password gives the same hash.
    With a random salt each waiting request of the address would have to be tried.
    """
    salt = salted_hmac(SALT, email, algorithm="sha256").hexdigest()[:SALT_LENGTH]
    encoded = make_password(password, salt)
    return PasswordHash(encoded, hashlib.sha256(encoded.encode()).hexdigest())
