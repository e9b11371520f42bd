"""The form of a personal access token, and what the database stores of it."""

import hashlib

from common.keys import generate_key, is_well_formed

# Logs leave out what begins like this; see common/logs.py.
PREFIX = "pct_"


def generate_token() -> str:
    return generate_key(PREFIX)


def is_token(text: str) -> bool:
    """Whether it has the form of a token. Only the database knows whether it is one."""
    return is_well_formed(text, PREFIX)


def token_digest(secret: str) -> str:
    """A plain hash is enough: the token has 256 random bits."""
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
